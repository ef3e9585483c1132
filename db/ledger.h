/* ledger.h -- what the files of this room share: the store's inside and the ids of rows
 * that are found by what they mean. */
#ifndef QF_DB_LEDGER_H
#define QF_DB_LEDGER_H

#include "qforge/store.h"
#include "site.h"
#include "sql.h"

struct qf_store {
    sql_db *sql; /* NULL after a failed or a finished gathering */
    char notice[2 * SITE_PATH_MAX];
    struct gathering *gathering; /* a new file that will replace a ledger on a network */
};

/* qf_store_open() at a site it is told. */
QF_MUST_CHECK qf_status ledger_open(const char *path, qf_store_mode mode,
                                    const ledger_site *site, qf_store **store);

enum {
    LEDGER_APPLICATION = 0x51464C44, /* "QFLD" */
    LEDGER_VERSION = 7
};

/* Brings the file to LEDGER_VERSION (write; what it was is kept beside the file `name`), or
 * insists on it (read). */
QF_MUST_CHECK qf_status ledger_prepare(sql_db *sql, bool write, const char *name);

/* Gives LOST outcomes to the claims of sessions whose process is gone. */
QF_MUST_CHECK qf_status ledger_bury_dead(qf_store *store);
/* How many such sessions there are. */
QF_MUST_CHECK qf_status ledger_count_dead(qf_store *store, int64_t *count);

/* Calls visit for every table, index, view and trigger of a fresh ledger (made by `text`) that
 * this one lacks, or has in another form (there).  Ends at the first failure of visit. */
typedef qf_status ledger_difference(void *context, const char *type, const char *name,
                                    bool there, const char *text);
QF_MUST_CHECK qf_status ledger_compare_schema(sql_db *sql, ledger_difference *visit,
                                              void *context);
/* Makes them anew, but for tables: those hold rows. */
QF_MUST_CHECK qf_status ledger_restore_schema(sql_db *sql);

/* The row's id, added when missing. */
QF_MUST_CHECK qf_status ledger_problem_id(sql_db *sql, const qf_problem *problem, int64_t *id);
QF_MUST_CHECK qf_status ledger_kernel_id(sql_db *sql, const qf_kernel_id *kernel, int64_t *id);

/* The site of a ledger this host may change in place; QF_UNSUPPORTED for others. */
QF_MUST_CHECK qf_status ledger_check_owner(const char *path, ledger_site *site);

/* canary_ns, drift, repeats, spent_ms, steal_ms, delay_ms, switches and moves, column 0 to 7;
 * NULL when nobody looked. */
sql_value ledger_condition(const qf_conditions *conditions, int column);
#define LEDGER_CONDITIONS(c)                                                                   \
    ledger_condition(c, 0), ledger_condition(c, 1), ledger_condition(c, 2),                    \
        ledger_condition(c, 3), ledger_condition(c, 4), ledger_condition(c, 5),                \
        ledger_condition(c, 6), ledger_condition(c, 7)

/* From a row that begins with verdict, detail, code_hash, median_ns, low_ns, high_ns, best_ns,
 * mean_ns, samples, calls. */
void ledger_read_outcome(sql_row *row, qf_outcome *outcome);

#endif
