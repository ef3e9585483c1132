/* latency.c -- the latency table: what a product takes on this machine. */
#include "qforge/latency.h"

#include "ledger.h"
#include "qforge/clock.h"

qf_status qf_latency_get(qf_store *store, const qf_cpu *cpu, const qf_problem *problem,
                         qf_cache_mode cache, qf_latency *latency)
{
    char name[QF_NAME_MAX];
    sql_row *row;

    qf_problem_print(problem, name);
    QF_TRY(sql_find(store->sql,
                    "SELECT kernel.name, ns, low_ns, high_ns, samples, done_us FROM latency "
                    "  JOIN problem ON problem.id = latency.problem JOIN kernel ON kernel.id = "
                    "latency.kernel "
                    " WHERE perf_key = ?1 AND abi = ?2 AND problem.name = ?3 AND cache = ?4 "
                    " ORDER BY done_us DESC, latency.id DESC LIMIT 1",
                    SQL_VALUES(sql_text(cpu->perf_key), sql_int(QF_CODE_ABI), sql_text(name),
                               sql_text(qf_cache_mode_name(cache))),
                    &row));
    *latency = (qf_latency){.ns = sql_get_real(row, 1),
                            .low_ns = sql_get_real(row, 2),
                            .high_ns = sql_get_real(row, 3),
                            .samples = (int)sql_get_int(row, 4),
                            .unix_us = sql_get_int(row, 5)};
    const qf_status known = qf_kernel_parse(sql_get_text(row, 0), &latency->kernel);
    sql_done(row);
    return known == QF_OK ? QF_OK : QF_NOT_FOUND;
}

typedef struct entry {
    const qf_cpu *cpu;
    const qf_problem *problem;
    qf_cache_mode cache;
    const qf_latency *latency;
} entry;

static qf_status add(sql_db *sql, void *context)
{
    const entry *e = context;
    int64_t problem, kernel;

    QF_TRY(ledger_problem_id(sql, e->problem, &problem));
    QF_TRY(ledger_kernel_id(sql, &e->latency->kernel, &kernel));
    return sql_run(sql,
                   "INSERT INTO latency (perf_key, abi, problem, cache, kernel, ns, low_ns, "
                   "high_ns, samples, done_us) "
                   "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
                   SQL_VALUES(sql_text(e->cpu->perf_key), sql_int(QF_CODE_ABI),
                              sql_int(problem), sql_text(qf_cache_mode_name(e->cache)),
                              sql_int(kernel), sql_real(e->latency->ns),
                              sql_real(e->latency->low_ns), sql_real(e->latency->high_ns),
                              sql_int(e->latency->samples), sql_int(qf_unix_us())));
}

qf_status qf_latency_put(qf_store *store, const qf_cpu *cpu, const qf_problem *problem,
                         qf_cache_mode cache, const qf_latency *latency)
{
    if (!(latency->low_ns > 0 && latency->low_ns <= latency->ns &&
          latency->ns <= latency->high_ns && latency->samples > 0))
        return qf_fail(QF_RANGE, "a latency of %g ns in [%g, %g] from %d samples is none",
                       latency->ns, latency->low_ns, latency->high_ns, latency->samples);
    return sql_transaction(store->sql, add, &(entry){cpu, problem, cache, latency});
}
