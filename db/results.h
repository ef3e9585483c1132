/* results.h -- outcomes as rows for other programs: CSV and T4. */
#ifndef QF_DB_RESULTS_H
#define QF_DB_RESULTS_H

#include "ledger.h"
#include "text_out.h"

/* Columns of CSV, in their order. */
typedef enum result_column {
#define RESULT_COLUMN(name, need) RESULT_##name,
#include "results.def"
#undef RESULT_COLUMN
    RESULT_COLUMNS
} result_column;

/* Writes what exchange_rank.sql has ranked. */
QF_MUST_CHECK qf_status results_put(sql_db *sql, text_out *out, qf_exchange format);

/* A row from outside, of which nobody here knows whether it is true. */
typedef struct seed {
    qf_problem problem;
    qf_kernel_id kernel;
    qf_cache_mode cache;
    qf_verdict verdict;
    qf_timing timing;
    const char *code_hash, *detail; /* and the rest: "" when not told */
    const char *vendor, *brand, *arch, *hypervisor, *isa_key, *tune_key, *perf_key;
    const char *compiler, *program;
    int64_t cores, claimed_us, done_us;
} seed;

/* Adds it to the ledger of an import unless it is there. */
QF_MUST_CHECK qf_status seed_put(sql_db *sql, const seed *seed);

/* Times that can be those of a timed kernel, and of no future: else QF_FORMAT with a
 * sentence beginning with `where`. */
QF_MUST_CHECK qf_status seed_check(const seed *seed, const char *where);

#endif
