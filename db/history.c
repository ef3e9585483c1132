/* history.c -- all that was measured, for those who learn from it. */
#include <string.h>

#include "ledger.h"

/* False for a row whose names this version cannot read. */
static bool read_trial(sql_row *row, qf_trial *trial)
{
    *trial = (qf_trial){.cache = qf_cache_mode_named(sql_get_text(row, 12)),
                        .predicted_ns = sql_get_real(row, 13)};
    const bool known = trial->cache != QF_CACHE_MODE_COUNT &&
                       qf_problem_parse(sql_get_text(row, 10), &trial->problem) == QF_OK &&
                       qf_kernel_parse(sql_get_text(row, 11), &trial->kernel) == QF_OK;
    if (!known) qf_message_clear();
    return known;
}

qf_status qf_store_each_outcome(qf_store *store, const qf_scope *scope,
                                const qf_problem *problem, qf_outcome_visit *visit,
                                void *context)
{
    char name[QF_NAME_MAX];
    sql_row *row;

    if (problem) qf_problem_print(problem, name);
    qf_status status = sql_find(
        store->sql,
        "SELECT outcome.verdict, detail, outcome.code_hash, outcome.median_ns, outcome.low_ns, "
        "       outcome.high_ns, best_ns, mean_ns, samples, calls, problem.name, kernel.name, "
        "       finished.cache, predicted_ns, tune_key, abi "
        "  FROM finished JOIN outcome ON outcome.trial = finished.trial "
        "  JOIN trial ON trial.id = finished.trial "
        "  JOIN problem ON problem.id = finished.problem "
        "  JOIN kernel ON kernel.id = finished.kernel "
        " WHERE age = 1 AND (?1 IS NULL OR tune_key = ?1) AND (?2 IS NULL OR abi = ?2) "
        "   AND (?3 IS NULL OR problem.name = ?3) "
        " ORDER BY tune_key, abi, problem.name, finished.trial",
        SQL_VALUES(scope ? sql_text(scope->tune_key) : sql_null(),
                   scope ? sql_int(scope->code_abi) : sql_null(),
                   problem ? sql_text(name) : sql_null()),
        &row);
    for (; status == QF_OK; status = sql_next(store->sql, row)) {
        qf_trial trial;
        qf_outcome outcome;
        if (!read_trial(row, &trial)) continue;
        ledger_read_outcome(row, &outcome);
        if (visit(context, sql_get_text(row, 14), (int)sql_get_int(row, 15), &trial, &outcome))
            continue;
        sql_done(row);
        return QF_OK;
    }
    return status == QF_NOT_FOUND ? QF_OK : status;
}
