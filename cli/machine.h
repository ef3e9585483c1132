/* machine.h -- everything a command needs of the machine it runs on, opened together:
 * CPU, threads, compiler, ledger, kernels. */
#ifndef QF_CLI_MACHINE_H
#define QF_CLI_MACHINE_H

#include "qforge/champions.h"
#include "qforge/cpu.h"
#include "qforge/gemm.h"
#include "qforge/pool.h"

struct qf_jit;
struct qf_store;
struct qf_tuned;

typedef struct cli_machine {
    qf_cpu cpu;
    qf_pool *pool;
    struct qf_jit *jit;
    struct qf_store *store; /* NULL when opened without a ledger */
    struct qf_tuned *tuned;
    const qf_kernel_source *source;
    qf_champions champions; /* of $QFORGE_CHAMPIONS, else those shipped */
} cli_machine;

/* threads: 0 for all.  ledger: path of the tuning database; NULL means $QFORGE_DB, else
 * $XDG_DATA_HOME/qforge/tuning.db; "none" means no ledger (the prior alone).  A ledger
 * that does not exist is not created here (qforge tune does that): the prior answers, unless
 * it was named by `ledger`, which is then refused: whoever names one wants its answers.
 *
 * Champions answer where there is a ledger or might be one: with "none" they do not either.
 * $QFORGE_CHAMPIONS names a file of others, or "none"; one that cannot be read costs a line on
 * stderr, not the command. */
QF_MUST_CHECK qf_status cli_machine_open(int64_t threads, const char *ledger,
                                         cli_machine *machine);
void cli_machine_close(cli_machine *machine); /* also a zeroed one */

/* The compiler alone, with the user's cache of objects. */
QF_MUST_CHECK qf_status cli_jit_open(struct qf_jit **jit);
/* The ledger alone, for reading; NULL when there is none.  Named, and refused, as above. */
QF_MUST_CHECK qf_status cli_ledger_open(const char *ledger, struct qf_store **store);
/* The same for who would make it: one that was named and is not there is NULL too. */
QF_MUST_CHECK qf_status cli_ledger_find(const char *ledger, struct qf_store **store);
/* Tells, once, what is particular about where it lies. */
void cli_ledger_notice(const struct qf_store *store);

#endif
