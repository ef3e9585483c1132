/* store.c -- the ledger's file, trials with their outcomes, and what was proved of code. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "ledger.h"
#include "qforge/clock.h"

static const char *const verdict_names[] = {
#define QF_VERDICT(id, name, summary) name,
#include "qforge/verdicts.def"
#undef QF_VERDICT
};

const char *qf_verdict_name(qf_verdict verdict)
{
    QF_ASSERT((unsigned)verdict < QF_VERDICT_COUNT);
    return verdict_names[verdict];
}

static qf_verdict verdict_named(const char *name)
{
    int i = 0;
    while (i < QF_VERDICT_COUNT - 1 && strcmp(verdict_names[i], name) != 0) i++;
    return (qf_verdict)i;
}

/* ---- the file ------------------------------------------------------------------------ */

qf_status qf_store_check(qf_store *store)
{
    return sql_integrity(store->sql);
}

/* ---- rows known by what they mean ------------------------------------------------------ */

qf_status ledger_problem_id(sql_db *sql, const qf_problem *p, int64_t *id)
{
    char name[QF_NAME_MAX];
    sql_row *row;

    qf_problem_print(p, name);
    QF_TRY(
        sql_run(sql,
                "INSERT INTO problem (name, accuracy, op, quant, group_k, m, n, k, threads) "
                "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT DO NOTHING",
                SQL_VALUES(sql_text(name), sql_text(qf_accuracy_name(p->accuracy)),
                           sql_text(p->op == QF_FORWARD ? "forward" : "grad"),
                           sql_text(qf_quant_of(p->quant)->name), sql_int(p->group),
                           sql_int(p->m), sql_int(p->n), sql_int(p->k), sql_int(p->threads))));
    QF_TRY(sql_find(sql, "SELECT id FROM problem WHERE name = ?1", SQL_VALUES(sql_text(name)),
                    &row));
    *id = sql_get_int(row, 0);
    sql_done(row);
    return QF_OK;
}

qf_status ledger_kernel_id(sql_db *sql, const qf_kernel_id *kernel, int64_t *id)
{
    char name[QF_NAME_MAX];
    sql_row *row;

    qf_kernel_print(kernel, name);
    QF_TRY(sql_run(sql, "INSERT INTO kernel (name) VALUES (?1) ON CONFLICT DO NOTHING",
                   SQL_VALUES(sql_text(name))));
    QF_TRY(sql_find(sql, "SELECT id FROM kernel WHERE name = ?1", SQL_VALUES(sql_text(name)),
                    &row));
    *id = sql_get_int(row, 0);
    sql_done(row);
    return QF_OK;
}

/* ---- trials ---------------------------------------------------------------------------- */

typedef struct claim {
    int64_t session;
    const qf_trial *trial;
    int64_t *id;
} claim;

static qf_status add_claim(sql_db *sql, void *context)
{
    const claim *c = context;
    int64_t problem, kernel;

    QF_TRY(ledger_problem_id(sql, &c->trial->problem, &problem));
    QF_TRY(ledger_kernel_id(sql, &c->trial->kernel, &kernel));
    QF_TRY(sql_run(sql,
                   "INSERT INTO trial (session, problem, kernel, cache, predicted_ns, "
                   "claimed_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                   SQL_VALUES(sql_int(c->session), sql_int(problem), sql_int(kernel),
                              sql_text(qf_cache_mode_name(c->trial->cache)),
                              sql_real(c->trial->predicted_ns), sql_int(qf_unix_us()))));
    *c->id = sql_last_id(sql);
    return QF_OK;
}

qf_status qf_trial_claim(qf_store *store, int64_t session, const qf_trial *trial, int64_t *id)
{
    return sql_transaction(store->sql, add_claim, &(claim){session, trial, id});
}

sql_value ledger_condition(const qf_conditions *c, int column)
{
    const sql_value all[] = {sql_real(c->canary_ns), sql_real(c->drift),
                             sql_int(c->repeats),    sql_real(c->spent_ms),
                             sql_real(c->steal_ms),  sql_real(c->delay_ms),
                             sql_int(c->switches),   sql_int(c->moves)};
    return c->canary_ns > 0 ? all[column] : sql_null();
}

qf_status qf_trial_finish(qf_store *store, int64_t id, const qf_outcome *outcome)
{
    const qf_timing *t = &outcome->timing;
    const bool timed = outcome->verdict == QF_VERDICT_OK;
    const sql_value none = sql_null();

    return sql_run(
        store->sql,
        "INSERT INTO outcome (trial, verdict, detail, code_hash, median_ns, low_ns, high_ns, "
        "best_ns, mean_ns, samples, calls, done_us, canary_ns, drift, repeats, spent_ms, "
        "steal_ms, delay_ms, switches, moves) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, "
        "?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)",
        SQL_VALUES(sql_int(id), sql_text(qf_verdict_name(outcome->verdict)),
                   sql_text(outcome->detail), sql_text(outcome->code_hash),
                   timed ? sql_real(t->median_ns) : none, timed ? sql_real(t->low_ns) : none,
                   timed ? sql_real(t->high_ns) : none, timed ? sql_real(t->best_ns) : none,
                   timed ? sql_real(t->mean_ns) : none, timed ? sql_int(t->samples) : none,
                   timed ? sql_int(t->calls) : none, sql_int(qf_unix_us()),
                   LEDGER_CONDITIONS(&outcome->conditions)));
}

void ledger_read_outcome(sql_row *row, qf_outcome *outcome)
{
    *outcome = (qf_outcome){
        .verdict = verdict_named(sql_get_text(row, 0)),
        .timing = {.median_ns = sql_get_real(row, 3),
                   .low_ns = sql_get_real(row, 4),
                   .high_ns = sql_get_real(row, 5),
                   .best_ns = sql_get_real(row, 6),
                   .mean_ns = sql_get_real(row, 7),
                   .samples = (int)sql_get_int(row, 8),
                   .calls = (int)sql_get_int(row, 9)},
    };
    snprintf(outcome->detail, sizeof outcome->detail, "%s", sql_get_text(row, 1));
    snprintf(outcome->code_hash, sizeof outcome->code_hash, "%s", sql_get_text(row, 2));
}

qf_status qf_store_outcome(qf_store *store, const qf_scope *scope, const qf_trial *trial,
                           qf_outcome *outcome, int *lost)
{
    char problem[QF_NAME_MAX], kernel[QF_NAME_MAX];
    bool found = false;
    int count = 0;
    sql_row *row;

    qf_problem_print(&trial->problem, problem);
    qf_kernel_print(&trial->kernel, kernel);
    qf_status status = sql_find(
        store->sql,
        "SELECT verdict, detail, code_hash, median_ns, low_ns, high_ns, best_ns, mean_ns, "
        "       samples, calls "
        "  FROM trial JOIN outcome ON outcome.trial = trial.id "
        "  JOIN session ON session.id = trial.session "
        "  JOIN machine ON machine.id = session.machine "
        "  JOIN generator ON generator.id = session.generator "
        " WHERE trial.problem = (SELECT id FROM problem WHERE name = ?1) "
        "   AND trial.kernel = (SELECT id FROM kernel WHERE name = ?2) "
        "   AND cache = ?3 AND tune_key = ?4 AND abi = ?5 "
        " ORDER BY claimed_us DESC, outcome.done_us DESC, trial.id DESC",
        SQL_VALUES(sql_text(problem), sql_text(kernel),
                   sql_text(qf_cache_mode_name(trial->cache)), sql_text(scope->tune_key),
                   sql_int(scope->code_abi)),
        &row);
    for (; status == QF_OK; status = sql_next(store->sql, row)) {
        qf_outcome next;
        ledger_read_outcome(row, &next);
        if (next.verdict == QF_VERDICT_LOST)
            count += next.code_hash[0] == 0;
        else if (!found)
            *outcome = next, found = true;
    }
    if (status != QF_NOT_FOUND) return status;
    if (lost) *lost = count;
    return found ? QF_OK : QF_NOT_FOUND;
}

/* ---- validations ------------------------------------------------------------------------ */

qf_status qf_validation_get(qf_store *store, const char *isa_key, const char *code_hash,
                            qf_validation *validation)
{
    sql_row *row;
    QF_TRY(sql_find(store->sql,
                    "SELECT verdict, cases, seed, worst_error, detail FROM validation "
                    "WHERE isa_key = ?1 AND code_hash = ?2 "
                    "ORDER BY done_us DESC, id DESC LIMIT 1",
                    SQL_VALUES(sql_text(isa_key), sql_text(code_hash)), &row));
    *validation = (qf_validation){.verdict = verdict_named(sql_get_text(row, 0)),
                                  .cases = (int)sql_get_int(row, 1),
                                  .seed = (uint64_t)sql_get_int(row, 2),
                                  .worst_error = sql_get_real(row, 3)};
    snprintf(validation->detail, sizeof validation->detail, "%s", sql_get_text(row, 4));
    sql_done(row);
    return QF_OK;
}

qf_status qf_validation_put(qf_store *store, int64_t session, const char *code_hash,
                            const qf_validation *v)
{
    /* NaN would become NULL; a result that is no number is as wrong as can be. */
    const double worst = isfinite(v->worst_error) ? v->worst_error : HUGE_VAL;

    return sql_run(
        store->sql,
        "INSERT INTO validation (session, isa_key, code_hash, verdict, detail, "
        "cases, seed, worst_error, done_us) VALUES (?1, (SELECT isa_key FROM session "
        "JOIN machine ON machine.id = session.machine WHERE session.id = ?1), ?2, "
        "?3, ?4, ?5, ?6, ?7, ?8)",
        SQL_VALUES(sql_int(session), sql_text(code_hash), sql_text(qf_verdict_name(v->verdict)),
                   sql_text(v->detail), sql_int(v->cases), sql_int((int64_t)v->seed),
                   sql_real(worst), sql_int(qf_unix_us())));
}

/* ---- counting --------------------------------------------------------------------------- */

qf_status qf_store_count(qf_store *store, qf_store_counts *counts)
{
    sql_row *row;
    QF_TRY(sql_find(
        store->sql,
        "SELECT (SELECT count(*) FROM machine), (SELECT count(*) FROM session), "
        "       (SELECT count(*) FROM problem), (SELECT count(*) FROM kernel), "
        "       (SELECT count(*) FROM trial), "
        "       (SELECT count(*) FROM outcome WHERE verdict = 'ok'), "
        "       (SELECT count(*) FROM outcome WHERE verdict NOT IN ('ok', 'slow', 'lost')), "
        "       (SELECT count(*) FROM outcome WHERE verdict = 'lost'), "
        "       (SELECT count(*) FROM open_trial), (SELECT count(*) FROM election), "
        "       (SELECT count(*) FROM latency)",
        SQL_NONE, &row));
    int64_t *const fields[] = {&counts->machines,  &counts->sessions, &counts->problems,
                               &counts->kernels,   &counts->trials,   &counts->ok,
                               &counts->failed,    &counts->lost,     &counts->open,
                               &counts->elections, &counts->latencies};
    for (int i = 0; i < (int)(sizeof fields / sizeof *fields); i++)
        *fields[i] = sql_get_int(row, i);
    sql_done(row);
    return QF_OK;
}
