/* best.c -- who won: comparisons, elections, and the questions dispatch asks. */
#include <stdio.h>
#include <string.h>

#include "ledger.h"
#include "qforge/clock.h"

/* ---- writing ------------------------------------------------------------------------ */

typedef struct duel {
    int64_t session;
    const qf_problem *problem;
    qf_cache_mode cache;
    const qf_kernel_id *a, *b;
    const qf_comparison *comparison;
    const qf_conditions *conditions;
} duel;

static qf_status add_comparison(sql_db *sql, void *context)
{
    const duel *d = context;
    int64_t problem, a, b;

    QF_TRY(ledger_problem_id(sql, d->problem, &problem));
    QF_TRY(ledger_kernel_id(sql, d->a, &a));
    QF_TRY(ledger_kernel_id(sql, d->b, &b));
    return sql_run(
        sql,
        "INSERT INTO comparison (session, problem, cache, a, b, ratio, ratio_low, "
        "ratio_high, pairs, done_us, canary_ns, drift, repeats, spent_ms, steal_ms, "
        "delay_ms, switches, moves) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, "
        "?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
        SQL_VALUES(sql_int(d->session), sql_int(problem),
                   sql_text(qf_cache_mode_name(d->cache)), sql_int(a), sql_int(b),
                   sql_real(d->comparison->ratio), sql_real(d->comparison->ratio_low),
                   sql_real(d->comparison->ratio_high), sql_int(d->comparison->pairs),
                   sql_int(qf_unix_us()), LEDGER_CONDITIONS(d->conditions)));
}

qf_status qf_comparison_put(qf_store *store, int64_t session, const qf_problem *problem,
                            qf_cache_mode cache, const qf_kernel_id *a, const qf_kernel_id *b,
                            const qf_comparison *comparison, const qf_conditions *conditions)
{
    return sql_transaction(store->sql, add_comparison,
                           &(duel){session, problem, cache, a, b, comparison, conditions});
}

typedef struct vote {
    int64_t session;
    const qf_problem *problem;
    qf_cache_mode cache;
    const qf_kernel_id *winner;
} vote;

static qf_status winners_trial(sql_db *sql, const vote *v, int64_t problem, int64_t *trial)
{
    char name[QF_NAME_MAX];
    sql_row *row;

    qf_kernel_print(v->winner, name);
    const qf_status status = sql_find(
        sql,
        "SELECT finished.trial FROM finished JOIN kernel ON kernel.id = finished.kernel "
        "  JOIN session ON session.id = ?1 JOIN machine ON machine.id = session.machine "
        "  JOIN generator ON generator.id = session.generator "
        " WHERE finished.problem = ?2 AND kernel.name = ?3 AND finished.cache = ?4 "
        "   AND finished.tune_key = machine.tune_key AND finished.abi = generator.abi "
        "   AND age = 1 AND verdict = 'ok'",
        SQL_VALUES(sql_int(v->session), sql_int(problem), sql_text(name),
                   sql_text(qf_cache_mode_name(v->cache))),
        &row);
    if (status == QF_NOT_FOUND)
        return qf_fail(QF_DATABASE, "%s: %s was never timed, it cannot be elected",
                       sql_path(sql), name);
    QF_TRY(status);
    *trial = sql_get_int(row, 0);
    sql_done(row);
    return QF_OK;
}

static qf_status add_election(sql_db *sql, void *context)
{
    const vote *v = context;
    int64_t problem, trial = 0;

    QF_TRY(ledger_problem_id(sql, v->problem, &problem));
    QF_TRY(winners_trial(sql, v, problem, &trial));
    return sql_run(sql,
                   "INSERT INTO election (session, problem, cache, trial, done_us) "
                   "VALUES (?1, ?2, ?3, ?4, ?5)",
                   SQL_VALUES(sql_int(v->session), sql_int(problem),
                              sql_text(qf_cache_mode_name(v->cache)), sql_int(trial),
                              sql_int(qf_unix_us())));
}

qf_status qf_election_put(qf_store *store, int64_t session, const qf_problem *problem,
                          qf_cache_mode cache, const qf_kernel_id *winner)
{
    return sql_transaction(store->sql, add_election, &(vote){session, problem, cache, winner});
}

/* ---- asking -------------------------------------------------------------------------- */

#define BEST_COLUMNS                                                                           \
    "problem.name, kernel.name, best.cache, elected, code_hash, median_ns, low_ns, high_ns, "  \
    "best.done_us, tune_key, abi, settled "
#define NAMED                                                                                  \
    "JOIN problem ON problem.id = best.problem JOIN kernel ON kernel.id = best.kernel "
#define BEST_ROWS    "FROM best " NAMED
#define OF_MODE_ROWS "FROM best_of_mode best " NAMED

/* False for a row whose names this version cannot read: a retired recipe is no answer. */
static bool read_best(sql_row *row, qf_best *best)
{
    *best = (qf_best){
        .cache = qf_cache_mode_named(sql_get_text(row, 2)),
        .elected = sql_get_int(row, 3) != 0,
        .ns = sql_get_real(row, 5),
        .low_ns = sql_get_real(row, 6),
        .high_ns = sql_get_real(row, 7),
        .unix_us = sql_get_int(row, 8),
        .settled = sql_get_int(row, 11) != 0,
    };
    snprintf(best->code_hash, sizeof best->code_hash, "%s", sql_get_text(row, 4));
    return best->cache != QF_CACHE_MODE_COUNT &&
           qf_problem_parse(sql_get_text(row, 0), &best->problem) == QF_OK &&
           qf_kernel_parse(sql_get_text(row, 1), &best->kernel) == QF_OK;
}

/* The view looks at the trials of one problem alone when it is told its id, and at all there
 * are when it is told a name. */
static qf_status find_problem(sql_db *sql, const qf_problem *problem, int64_t *id)
{
    char name[QF_NAME_MAX];
    sql_row *row;

    qf_problem_print(problem, name);
    QF_TRY(sql_find(sql, "SELECT id FROM problem WHERE name = ?1", SQL_VALUES(sql_text(name)),
                    &row));
    *id = sql_get_int(row, 0);
    sql_done(row);
    return QF_OK;
}

qf_status qf_store_best(qf_store *store, const qf_scope *scope, const qf_problem *problem,
                        qf_best *best)
{
    int64_t id;
    sql_row *row;

    QF_TRY(find_problem(store->sql, problem, &id));
    QF_TRY(sql_find(
        store->sql,
        "SELECT " BEST_COLUMNS BEST_ROWS
        "WHERE best.problem = ?1 AND tune_key = ?2 AND abi = ?3",
        SQL_VALUES(sql_int(id), sql_text(scope->tune_key), sql_int(scope->code_abi)), &row));
    const bool readable = read_best(row, best);
    sql_done(row);
    return readable ? QF_OK : QF_NOT_FOUND;
}

qf_status qf_store_best_of_mode(qf_store *store, const qf_scope *scope,
                                const qf_problem *problem, qf_cache_mode cache, qf_best *best)
{
    int64_t id;
    sql_row *row;

    QF_TRY(find_problem(store->sql, problem, &id));
    QF_TRY(
        sql_find(store->sql,
                 "SELECT " BEST_COLUMNS OF_MODE_ROWS
                 "WHERE best.problem = ?1 AND best.cache = ?2 AND tune_key = ?3 AND abi = ?4",
                 SQL_VALUES(sql_int(id), sql_text(qf_cache_mode_name(cache)),
                            sql_text(scope->tune_key), sql_int(scope->code_abi)),
                 &row));
    const bool readable = read_best(row, best);
    sql_done(row);
    return readable ? QF_OK : QF_NOT_FOUND;
}

qf_status qf_store_nearest(qf_store *store, const qf_scope *scope, const qf_problem *problem,
                           double limit, qf_best *best)
{
    bool found = false;
    sql_row *row;
    qf_status status = sql_find(
        store->sql,
        "SELECT " BEST_COLUMNS BEST_ROWS "WHERE tune_key = ?1 AND abi = ?2 AND accuracy = ?3 "
        "AND op = ?4 AND quant = ?5 AND group_k = ?6 ORDER BY problem.name",
        SQL_VALUES(sql_text(scope->tune_key), sql_int(scope->code_abi),
                   sql_text(qf_accuracy_name(problem->accuracy)),
                   sql_text(problem->op == QF_FORWARD ? "forward" : "grad"),
                   sql_text(qf_quant_of(problem->quant)->name), sql_int(problem->group)),
        &row);

    for (; status == QF_OK; status = sql_next(store->sql, row)) {
        qf_best next;
        if (!read_best(row, &next)) continue;
        const double distance = qf_problem_distance(&next.problem, problem);
        if (qf_problem_equal(&next.problem, problem) || distance > limit ||
            (found && distance >= limit))
            continue;
        *best = next, limit = distance, found = true;
    }
    if (status != QF_NOT_FOUND) return status;
    return found ? QF_OK : QF_NOT_FOUND;
}

/* Gives every row to visit, which may end it. */
static qf_status visit_all(sql_db *sql, qf_status status, sql_row *row, qf_best_visit *visit,
                           void *context)
{
    for (; status == QF_OK; status = sql_next(sql, row)) {
        qf_best best;
        if (!read_best(row, &best)) continue;
        if (visit(context, sql_get_text(row, 9), (int)sql_get_int(row, 10), &best)) continue;
        sql_done(row);
        return QF_OK;
    }
    return status == QF_NOT_FOUND ? QF_OK : status;
}

qf_status qf_store_each_best(qf_store *store, const qf_scope *scope, qf_best_visit *visit,
                             void *context)
{
    sql_row *row;
    const qf_status status =
        sql_find(store->sql,
                 "SELECT " BEST_COLUMNS BEST_ROWS
                 "WHERE (?1 IS NULL OR tune_key = ?1) AND (?2 IS NULL OR abi = ?2) "
                 "ORDER BY tune_key, abi, accuracy, op, quant, group_k, m, n, problem.k",
                 SQL_VALUES(scope ? sql_text(scope->tune_key) : sql_null(),
                            scope ? sql_int(scope->code_abi) : sql_null()),
                 &row);
    return visit_all(store->sql, status, row, visit, context);
}

qf_status qf_store_each_seed(qf_store *store, const qf_problem *problem, qf_best_visit *visit,
                             void *context)
{
    int64_t id;
    sql_row *row;

    const qf_status known = find_problem(store->sql, problem, &id);
    if (known != QF_OK) return known == QF_NOT_FOUND ? QF_OK : known;
    const qf_status status =
        sql_find(store->sql,
                 "SELECT " BEST_COLUMNS OF_MODE_ROWS "WHERE best.problem = ?1 "
                 "ORDER BY settled DESC, elected DESC, median_ns, tune_key, abi",
                 SQL_VALUES(sql_int(id)), &row);
    return visit_all(store->sql, status, row, visit, context);
}
