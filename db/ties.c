/* ties.c -- which kernels pairs could not tell from the best one. */
#include <string.h>

#include "ledger.h"
#include "qforge/memory.h"

/* Of every kernel that met ?5 on problem ?1 its newest comparison, as if ?5 had been a. */
#define MET                                                                                    \
    "SELECT iif(c.a = ?5, c.b, c.a) AS other, pairs, c.done_us, "                              \
    "       iif(c.a = ?5, ratio, 1 / ratio) AS ratio, "                                        \
    "       iif(c.a = ?5, ratio_low, 1 / ratio_high) AS low, "                                 \
    "       iif(c.a = ?5, ratio_high, 1 / ratio_low) AS high, "                                \
    "       row_number() OVER (PARTITION BY iif(c.a = ?5, c.b, c.a) "                          \
    "                          ORDER BY c.done_us DESC, ratio_low, ratio, ratio_high) AS age " \
    "  FROM comparison c JOIN session ON session.id = c.session "                              \
    "  JOIN machine ON machine.id = session.machine "                                          \
    "  JOIN generator ON generator.id = session.generator "                                    \
    " WHERE c.problem = ?1 AND tune_key = ?2 AND abi = ?3 AND cache = ?4 "                     \
    "   AND ?5 IN (c.a, c.b) AND c.a <> c.b AND ratio_low > 0"

/* Kernels whose newest trial is no time, or one that came after. */
#define REPLACED                                                                               \
    "SELECT 1 FROM finished f JOIN trial ON trial.id = f.trial "                               \
    " WHERE f.problem = ?1 AND f.tune_key = ?2 AND f.abi = ?3 AND f.cache = ?4 AND age = 1 "   \
    "   AND f.kernel IN (?5, met.other) AND (verdict <> 'ok' OR claimed_us > met.done_us)"

static qf_status id_of(sql_db *sql, const char *text, const char *name, int64_t *id)
{
    sql_row *row;

    QF_TRY(sql_find(sql, text, SQL_VALUES(sql_text(name)), &row));
    *id = sql_get_int(row, 0);
    sql_done(row);
    return QF_OK;
}

static qf_status ids_of(sql_db *sql, const qf_best *best, int64_t *problem, int64_t *kernel)
{
    char name[QF_NAME_MAX];

    qf_problem_print(&best->problem, name);
    QF_TRY(id_of(sql, "SELECT id FROM problem WHERE name = ?1", name, problem));
    qf_kernel_print(&best->kernel, name);
    return id_of(sql, "SELECT id FROM kernel WHERE name = ?1", name, kernel);
}

static qf_status add(qf_ties *ties, const qf_tie *tie)
{
    qf_tie *grown = qf_alloc_array((size_t)ties->count + 1, sizeof *grown);

    if (!grown) return QF_MEMORY;
    if (ties->count) memcpy(grown, ties->item, (size_t)ties->count * sizeof *grown);
    grown[ties->count++] = *tie;
    qf_free(ties->item);
    ties->item = grown;
    return QF_OK;
}

/* A row whose kernel this version cannot read is none, nor is one that was beaten beyond doubt
 * and is the best all the same, because it beat who took its seat. */
static qf_status take(sql_row *row, qf_ties *ties)
{
    const qf_comparison c = {.ratio = sql_get_real(row, 1),
                             .ratio_low = sql_get_real(row, 2),
                             .ratio_high = sql_get_real(row, 3),
                             .pairs = (int)sql_get_int(row, 4)};
    qf_tie tie = {.ratio = c.ratio, .low = c.ratio_low, .high = c.ratio_high};

    if (qf_comparison_won(&c)) return QF_OK;
    if (qf_kernel_parse(sql_get_text(row, 0), &tie.kernel) == QF_OK) return add(ties, &tie);
    qf_message_clear();
    return QF_OK;
}

qf_status qf_store_ties(qf_store *store, const qf_scope *scope, const qf_best *best,
                        qf_ties *ties)
{
    int64_t problem, kernel;
    sql_row *row;

    *ties = (qf_ties){0};
    const qf_status known = ids_of(store->sql, best, &problem, &kernel);
    if (known != QF_OK) return known == QF_NOT_FOUND ? QF_OK : known;
    qf_status status = sql_find(
        store->sql,
        "SELECT kernel.name, ratio, low, high, pairs FROM (" MET
        ") met JOIN kernel ON kernel.id = met.other "
        "WHERE met.age = 1 AND low <= 1 AND NOT EXISTS (" REPLACED ") "
        "ORDER BY ratio, kernel.name",
        SQL_VALUES(sql_int(problem), sql_text(scope->tune_key), sql_int(scope->code_abi),
                   sql_text(qf_cache_mode_name(best->cache)), sql_int(kernel)),
        &row);
    for (; status == QF_OK; status = sql_next(store->sql, row)) {
        const qf_status taken = take(row, ties);
        if (taken == QF_OK) continue;
        sql_done(row);
        qf_ties_release(ties);
        return taken;
    }
    if (status == QF_NOT_FOUND) return QF_OK;
    qf_ties_release(ties);
    return status;
}

void qf_ties_release(qf_ties *ties)
{
    qf_free(ties->item);
    *ties = (qf_ties){0};
}
