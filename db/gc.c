/* gc.c -- drops what can never answer again: marked, kept a copy of, swept. */
#include <string.h>

#include "backup.h"
#include "ledger.h"
#include "qforge/champion_table.h"
#include "qforge/clock.h"
#include "qforge/store_care.h"

extern const char qf_gc_mark_sql[], qf_gc_sweep_sql[]; /* the .sql files */

typedef struct collection {
    int days;
    qf_gc *result;
} collection;

static qf_status count_marked(sql_db *sql, qf_gc *gc)
{
    sql_row *row;
    QF_TRY(sql_find(
        sql,
        "SELECT (SELECT count(*) FROM gc_trial), "
        "       (SELECT count(*) FROM outcome JOIN gc_trial ON gc_trial.id = outcome.trial "
        "         WHERE verdict = 'lost'), "
        "       (SELECT count(*) FROM gc_validation), (SELECT count(*) FROM gc_comparison), "
        "       (SELECT count(*) FROM gc_election), (SELECT count(*) FROM gc_latency), "
        "       (SELECT count(*) FROM gc_session), "
        "       (SELECT count(*) FROM gc_machine) + (SELECT count(*) FROM gc_generator) + "
        "       (SELECT count(*) FROM gc_problem) + (SELECT count(*) FROM gc_kernel), "
        "       (SELECT count(*) FROM trial) + (SELECT count(*) FROM validation) + "
        "       (SELECT count(*) FROM comparison) + (SELECT count(*) FROM election) + "
        "       (SELECT count(*) FROM latency) + (SELECT count(*) FROM session)",
        SQL_NONE, &row));
    int64_t *const fields[] = {&gc->trials,      &gc->lost,      &gc->validations,
                               &gc->comparisons, &gc->elections, &gc->latencies,
                               &gc->sessions,    &gc->names,     &gc->rows};
    for (int i = 0; i < (int)(sizeof fields / sizeof *fields); i++)
        *fields[i] = sql_get_int(row, i);
    sql_done(row);
    return QF_OK;
}

static qf_status mark(sql_db *sql, void *context)
{
    static const int64_t day_us = 86400000000;
    const collection *c = context;

    QF_TRY(sql_script(sql, "CREATE TEMP TABLE gc_limit (cutoff_us INTEGER, abi INTEGER)"));
    QF_TRY(sql_run(sql, "INSERT INTO gc_limit VALUES (?1, ?2)",
                   SQL_VALUES(sql_int(qf_unix_us() - c->days * day_us), sql_int(QF_CODE_ABI))));
    QF_TRY(sql_script(sql, qf_gc_mark_sql));
    return count_marked(sql, c->result);
}

static const char forget[] =
    "DROP TABLE temp.gc_limit; DROP TABLE temp.gc_champion; DROP TABLE temp.gc_told; "
    "DROP TABLE temp.gc_question; DROP TABLE temp.gc_trial; DROP TABLE temp.gc_election; "
    "DROP TABLE temp.gc_comparison; DROP TABLE temp.gc_validation; DROP TABLE temp.gc_latency; "
    "DROP TABLE temp.gc_session; DROP TABLE temp.gc_machine; DROP TABLE temp.gc_generator; "
    "DROP TABLE temp.gc_problem; DROP TABLE temp.gc_kernel";

static int64_t marked(const qf_gc *gc)
{
    return gc->trials + gc->validations + gc->comparisons + gc->elections + gc->latencies +
           gc->sessions;
}

/* The rows that go take their share of the pages in use. */
static void estimate(const qf_store_state *state, qf_gc *gc)
{
    const int64_t used = (state->pages - state->free_pages) * state->page_bytes;
    const double share = gc->rows ? (double)marked(gc) / (double)gc->rows : 0;

    gc->bytes_before = state->pages * state->page_bytes;
    gc->bytes_after = used - (int64_t)(share * (double)used);
}

qf_status qf_store_gc_plan(qf_store *store, int days, qf_gc *gc)
{
    qf_store_state state;

    *gc = (qf_gc){0};
    QF_TRY(qf_store_look(store, &state));
    QF_TRY(sql_reading(store->sql, mark, &(collection){days, gc}));
    estimate(&state, gc);
    return sql_script(store->sql, forget);
}

static qf_status sweep(sql_db *sql, void *context)
{
    const collection *c = context;

    QF_TRY(mark(sql, context));
    if (marked(c->result) + c->result->names == 0) return QF_OK;
    QF_TRY(sql_script(sql, qf_gc_sweep_sql));
    return ledger_restore_schema(sql);
}

static qf_status collect(qf_store *store, int days, qf_gc *gc)
{
    qf_store_state state;

    QF_TRY(qf_store_look(store, &state));
    QF_TRY(sql_transaction(store->sql, sweep, &(collection){days, gc}));
    QF_TRY(sql_script(store->sql, "VACUUM; PRAGMA wal_checkpoint(TRUNCATE)"));
    gc->bytes_before = state.pages * state.page_bytes;
    QF_TRY(qf_store_look(store, &state));
    gc->bytes_after = state.pages * state.page_bytes;
    return QF_OK;
}

qf_status qf_store_gc(const char *path, int days, qf_gc *gc, char backup[QF_STORE_PATH_MAX])
{
    ledger_site site;
    qf_store *store;

    *gc = (qf_gc){0};
    QF_TRY(ledger_check_owner(path, &site));
    QF_TRY(ledger_open(path, QF_STORE_WRITE, &site, &store));
    qf_status status = sql_backup(path, path, "gc", backup);
    if (status == QF_OK) status = collect(store, days, gc);
    if (status == QF_OK) qf_champion_table_renew(store);
    qf_store_close(store);
    return status;
}
