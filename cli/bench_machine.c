/* bench_machine.c -- qforge bench machine: what this machine can do at most. */
#include <jansson.h>
#include <stdio.h>

#include "bench.h"
#include "options.h"
#include "qforge/measure.h"
#include "roofline.h"

typedef struct request {
    int64_t threads;
    double seconds;
    bool json;
} request;

static json_t *rate_json(const cli_rate *rate)
{
    return json_pack("{s:f, s:f, s:f, s:f}", "median", rate->median, "low", rate->low, "high",
                     rate->high, "best", rate->best);
}

static void print_rate(cli_roof roof, const cli_rate *rate)
{
    const cli_roof_row *row = cli_roof_of(roof);
    printf("  %-22s %8.1f %-8s [%.1f, %.1f], best %.1f\n", row->name, rate->median,
           qf_roof_of(row->kind)->unit, rate->low, rate->high, rate->best);
    fflush(stdout);
}

static void nothing(void *context, int part, int parts)
{
    (void)context, (void)part, (void)parts;
}

static void wake(void *pool)
{
    qf_pool_run(pool, nothing, NULL);
}

/* What every product pays for its team: waking it and waiting for all, no work done. */
static void measure_fork(const request *r, qf_pool *pool, json_t *team)
{
    qf_measure_options options = qf_measure_defaults;

    options.max_seconds = r->seconds;
    const qf_timing t = qf_measure(&options, wake, NULL, pool);
    const cli_rate us = {t.median_ns * 1e-3, t.low_ns * 1e-3, t.high_ns * 1e-3,
                         t.best_ns * 1e-3};
    json_object_set_new(team, "fork_join_us", rate_json(&us));
    if (!r->json)
        printf("  %-22s %8.2f %-8s [%.2f, %.2f], best %.2f\n", "fork and join", us.median, "us",
               us.low, us.high, us.best);
}

/* All roofs at one number of threads. */
static qf_status measure_team(const request *r, cli_roofline *line, json_t *teams)
{
    json_t *team = json_pack("{s:i}", "threads", qf_pool_threads(line->pool));

    json_array_append_new(teams, team);
    if (!r->json)
        printf("%d thread%s\n", qf_pool_threads(line->pool),
               qf_pool_threads(line->pool) > 1 ? "s" : "");
    for (int roof = 0; roof < CLI_ROOFS; roof++) {
        cli_rate rate;
        QF_TRY(cli_roof_measure(line, (cli_roof)roof, &rate));
        json_object_set_new(team, cli_roof_of((cli_roof)roof)->key, rate_json(&rate));
        if (!r->json) print_rate((cli_roof)roof, &rate);
    }
    if (qf_pool_threads(line->pool) > 1) measure_fork(r, line->pool, team);
    return QF_OK;
}

/* Every count on small machines, powers of two and all cores on large ones. */
static int next_team(int threads, int cores)
{
    const int next = cores <= 8 ? threads + 1 : 2 * threads;
    return next > cores && threads < cores ? cores : next;
}

static qf_status measure_teams(const request *r, cli_roofline *line, json_t *teams)
{
    const int first = r->threads ? (int)r->threads : 1;
    const int last = r->threads ? (int)r->threads : line->cpu->cores;
    qf_status status = QF_OK;

    for (int threads = first; status == QF_OK && threads <= last;
         threads = next_team(threads, last)) {
        QF_TRY(qf_pool_create(threads, &line->pool));
        status = measure_team(r, line, teams);
        qf_pool_destroy(line->pool);
    }
    return status;
}

static qf_status measure_machine(const request *r, const qf_cpu *cpu)
{
    cli_roofline line = {.cpu = cpu, .seconds = r->seconds};
    json_t *teams = json_array();

    QF_TRY(qf_jit_create(NULL, &line.jit));
    if (!r->json)
        printf("%s (%s), kernels for %s\n", cpu->brand, cpu->codename,
               qf_isa_of(qf_cpu_best_isa(cpu))->name);
    const qf_status status = measure_teams(r, &line, teams);
    qf_jit_destroy(line.jit);
    json_t *root = json_pack("{s:s, s:s, s:s, s:o}", "brand", cpu->brand, "isa",
                             qf_isa_of(qf_cpu_best_isa(cpu))->name, "perf_key", cpu->perf_key,
                             "teams", teams);
    if (r->json && status == QF_OK) {
        json_dumpf(root, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
        printf("\n");
    }
    json_decref(root);
    return status;
}

qf_status cli_bench_machine(int argc, char **argv)
{
    request r = {.seconds = 0.5};
    const cli_option options[] = {
        {"threads", 'j', CLI_INT, &r.threads, "N", "this many only (default: 1 to all cores)"},
        {"seconds", 0, CLI_REAL, &r.seconds, "S", "longest time per roof (default 0.5)"},
        {"json", 0, CLI_FLAG, &r.json, NULL, "machine-readable"},
        {0}};
    qf_cpu cpu;
    int rest;
    bool help;

    QF_TRY(cli_parse(argc, argv, "qforge bench machine [options]", options, &rest, &help));
    if (help) return QF_OK;
    QF_TRY(cli_no_operands(argc, argv, rest));
    if (r.threads < 0 || r.threads > 256)
        return qf_fail(QF_USAGE, "--threads: %lld is not between 1 and 256",
                       (long long)r.threads);
    QF_TRY(cli_check_seconds(r.seconds, 3600));
    QF_TRY(qf_cpu_detect(&cpu));
    return measure_machine(&r, &cpu);
}
