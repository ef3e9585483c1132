/* pace.c -- how fast the machine was while a kernel was elected. */
#include "ledger.h"

/* The session that held the problem's newest election in the mode, and its machine. */
#define ELECTED                                                                                \
    "WITH elected AS (SELECT session.id AS session, machine.perf_key AS perf_key, "            \
    "election.done_us AS done_us "                                                             \
    "  FROM election JOIN session ON session.id = election.session "                           \
    "  JOIN machine ON machine.id = session.machine "                                          \
    "  JOIN generator ON generator.id = session.generator "                                    \
    " WHERE election.problem = (SELECT id FROM problem WHERE name = ?1) "                      \
    "   AND tune_key = ?2 AND abi = ?3 AND election.cache = ?4 ORDER BY election.id DESC "     \
    "LIMIT 1), "

#define COMPARED                                                                               \
    "(SELECT avg(canary_ns) FROM comparison JOIN problem ON problem.id = comparison.problem "  \
    " WHERE session = elected.session AND problem.name = ?1 AND cache = ?4)"
#define TRIED                                                                                  \
    "(SELECT avg(canary_ns) FROM outcome JOIN trial ON trial.id = outcome.trial "              \
    " JOIN problem ON problem.id = trial.problem "                                             \
    " WHERE session = elected.session AND problem.name = ?1 AND cache = ?4)"
#define SEEN                                                                                   \
    "seen AS (SELECT canary_ns, session FROM comparison UNION ALL "                            \
    "  SELECT canary_ns, session FROM outcome JOIN trial ON trial.id = outcome.trial) "

qf_status qf_store_pace(qf_store *store, const qf_scope *scope, const qf_problem *problem,
                        qf_cache_mode cache, qf_pace *pace)
{
    char name[QF_NAME_MAX];
    sql_row *row;

    qf_problem_print(problem, name);
    QF_TRY(sql_find(store->sql,
                    ELECTED SEEN "SELECT coalesce(" COMPARED ", " TRIED ") AS ns, "
                                 "  (SELECT min(canary_ns) FROM seen "
                                 "  JOIN session ON session.id = seen.session "
                                 "  JOIN machine ON machine.id = session.machine "
                                 "  WHERE machine.perf_key = elected.perf_key), done_us "
                                 "FROM elected WHERE ns IS NOT NULL",
                    SQL_VALUES(sql_text(name), sql_text(scope->tune_key),
                               sql_int(scope->code_abi), sql_text(qf_cache_mode_name(cache))),
                    &row));
    *pace = (qf_pace){sql_get_real(row, 0), sql_get_real(row, 1), sql_get_int(row, 2)};
    sql_done(row);
    return QF_OK;
}
