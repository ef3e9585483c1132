/* ranks.h -- one of many processes that a launcher (mpirun, srun) started alike. */
#ifndef QF_CLI_RANKS_H
#define QF_CLI_RANKS_H

#include <stdbool.h>

#include "places.h"

typedef struct cli_rank {
    const char *launcher; /* NULL: nobody started others */
    int rank, size;       /* 0 <= rank < size, size > 1 */
    int beside;           /* of them on this host, as far as is known; at least 1 */
    bool mpi;
    char shard[32];          /* "2/8" for rank 1: --shard's value */
    char file[CLI_PATH_MAX]; /* the rank's own ledger: "tuning.rank1.<host>.db" for "tuning.db",
                                which is a shard (qf_shards_find) */
} cli_rank;

/* What the environment says.  QF_USAGE when the path is too long, or the rank is none of so
 * many. */
QF_MUST_CHECK qf_status cli_rank_find(const char *ledger, cli_rank *rank);

/* Becomes qforge-mpi, which lies beside this program, tunes in a child and brings the ledgers
 * of all ranks into rank 0's `ledger` (fleet/).  Returns only when it could not: QF_NOT_FOUND
 * (no sentence) when this build has none, QF_IO.  argv: the command's, NULL at the end. */
QF_MUST_CHECK qf_status cli_rank_join(const cli_rank *rank, const char *ledger,
                                      char *const argv[]);

#endif
