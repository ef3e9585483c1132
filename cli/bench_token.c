/* bench_token.c -- qforge bench token: what a decoded token of a whole model costs. */
#include <jansson.h>
#include <stdio.h>

#include "bench.h"
#include "inference.h"
#include "options.h"
#include "paths.h"
#include "progress.h"
#include "qforge/clock.h"
#include "qforge/latency_table.h"
#include "qforge/measure.h"
#include "qforge/memory.h"
#include "subnet_list.h"

/* Subnets of one command take turns: what slows the machine for a while slows all of them. */
enum { TURNS = 5 };

typedef struct request {
    const char *model, *subnet, *subnets, *accuracy, *ledger, *cache;
    int64_t tokens, threads;
    double seconds;
    bool json;
    qf_accuracy class;
    qf_residency residency;
} request;

typedef struct token_time {
    qf_subnet subnet;       /* of a quantised model */
    double us, turn[TURNS]; /* the median of the turns, sorted */
    int64_t bytes;
} token_time;

typedef struct token_bench {
    const request *request;
    cli_inference inference;
    cli_machine machine;
    int times, turns;
    token_time *time; /* owned */
} token_bench;

/* An engine of its own for every turn: where its weights lie in memory is part of what moves
 * times, and no more than one model is there at once. */
static qf_status take_turn(token_bench *b, token_time *t, int turn)
{
    const request *r = b->request;
    const bool cold = r->residency == QF_RESIDENT_COLD;
    const int64_t sweep = cold ? 2 * qf_cpu_cache_bytes(&b->machine.cpu, 3) : 0;
    qf_engine *engine;

    if (b->inference.quantised) b->inference.subnet = t->subnet;
    QF_TRY(cli_inference_engine(&b->inference, &b->machine, r->class, 0, &engine));
    const qf_status status = qf_latency_of_engine(engine, (int)r->tokens, r->seconds / b->turns,
                                                  sweep, &t->turn[turn]);
    t->bytes = qf_engine_weight_bytes(engine);
    qf_engine_destroy(engine);
    return status;
}

static qf_status measure(token_bench *b)
{
    cli_progress line = cli_progress_start(b->request->json);
    const int64_t start = qf_now_ns();
    const int total = b->turns * b->times;
    qf_status status = QF_OK;

    for (int i = 0; status == QF_OK && i < total; i++) {
        status = take_turn(b, &b->time[i % b->times], i / b->times);
        if (total > 1)
            cli_progress_count(&line, "turns", i + 1, total,
                               cli_seconds_left(start, i + 1, total));
    }
    cli_progress_end(&line);
    for (int i = 0; status == QF_OK && i < b->times; i++) {
        qf_sort(b->time[i].turn, b->turns);
        b->time[i].us = qf_quantile(b->time[i].turn, b->turns, 0.5);
    }
    return status;
}

/* ---- the result ---- */

static json_t *time_json(const token_bench *b, const token_time *t)
{
    char digits[QF_SUBNET_MAX + 1];
    json_t *o =
        json_pack("{s:f, s:f, s:I, s:i, s:I}", "us_per_token", t->us, "tokens_per_second",
                  1e6 / t->us, "bytes", (json_int_t)t->bytes, "threads",
                  qf_pool_threads(b->machine.pool), "tokens", (json_int_t)b->request->tokens);

    if (!b->request->subnets) return o;
    qf_subnet_print(&t->subnet, digits);
    json_object_set_new(o, "subnet", json_string(digits));
    json_object_set_new(o, "least_us", json_real(t->turn[0]));
    json_object_set_new(o, "most_us", json_real(t->turn[b->turns - 1]));
    return o;
}

static qf_status print_json(const token_bench *b)
{
    json_t *o = b->request->subnets ? json_object() : time_json(b, b->time), *list;

    if (b->request->subnets) {
        json_object_set_new(o, "subnets", list = json_array());
        for (int i = 0; i < b->times; i++)
            json_array_append_new(list, time_json(b, &b->time[i]));
    }
    const bool printed = o && json_dumpf(o, stdout, JSON_REAL_PRECISION(7)) == 0;
    json_decref(o);
    putchar('\n');
    return printed ? QF_OK : qf_fail(QF_IO, "cannot write to standard output");
}

static qf_status print_result(const token_bench *b)
{
    const int threads = qf_pool_threads(b->machine.pool);
    char digits[QF_SUBNET_MAX + 1];

    if (b->request->json) return print_json(b);
    for (int i = 0; i < b->times; i++) {
        const token_time *t = &b->time[i];
        printf("%.1f us per token, %.0f tokens/s, %.2f MB of packed linears, %d thread%s",
               t->us, 1e6 / t->us, (double)t->bytes * 1e-6, threads, threads > 1 ? "s" : "");
        if (b->request->subnets) {
            qf_subnet_print(&t->subnet, digits);
            printf(", turns of %.1f to %.1f, %s", t->turn[0], t->turn[b->turns - 1], digits);
        }
        printf("\n");
    }
    return QF_OK;
}

/* ---- the command ---- */

static qf_status find_subnets(token_bench *b)
{
    const request *r = b->request;
    subnet_list list = {.count = 1, .subnet = &b->inference.subnet};

    if (r->subnets && !b->inference.quantised)
        return qf_fail(QF_USAGE, "%s: --subnets is for quantised directories", r->model);
    if (r->subnets)
        QF_TRY(subnet_list_read(r->subnets, cli_inference_config(&b->inference), &list));
    b->turns = r->subnets ? TURNS : 1;
    b->time = qf_alloc_array((size_t)list.count, sizeof *b->time);
    b->times = b->time ? list.count : 0;
    for (int i = 0; i < b->times; i++) b->time[i].subnet = list.subnet[i];
    if (r->subnets) subnet_list_release(&list);
    return b->time ? QF_OK : QF_MEMORY;
}

static qf_status run(token_bench *b)
{
    const request *r = b->request;

    QF_TRY(cli_inference_open(r->model, r->subnet, &b->inference));
    QF_TRY(find_subnets(b));
    QF_TRY(cli_machine_open(r->threads, r->ledger, &b->machine));
    QF_TRY(measure(b));
    return print_result(b);
}

static qf_status check(request *r)
{
    QF_TRY(cli_need("bench token", "--model", r->model));
    if (r->subnet && r->subnets)
        return qf_fail(QF_USAGE, "bench token: --subnet or --subnets, not both");
    QF_TRY(cli_check_int("tokens", r->tokens, 1, 1 << 20));
    QF_TRY(cli_check_int("threads", r->threads, 0, 256));
    QF_TRY(cli_check_seconds(r->seconds, 3600));
    QF_TRY(cli_residency_parse(r->cache, &r->residency));
    return cli_accuracy_parse(r->accuracy, &r->class);
}

qf_status cli_bench_token(int argc, char **argv)
{
    request r = {.accuracy = "fast", .cache = "auto", .tokens = 32, .seconds = 1};
    const cli_option options[] = {
        {"model", 'm', CLI_TEXT, &r.model, "PATH", "llama2.c file or model directory"},
        {"subnet", 's', CLI_TEXT, &r.subnet, "DIGITS", "widths; default: the largest"},
        {"subnets", 0, CLI_TEXT, &r.subnets, "FILE", "several, one a line, in turns"},
        {"tokens", 'n', CLI_INT, &r.tokens, "N", "decoded per pass from position 0 (32)"},
        {"seconds", 0, CLI_REAL, &r.seconds, "X",
         "passes of each until then, one at least (1)"},
        {"cache", 0, CLI_TEXT, &r.cache, "MODE", "auto; cold: swept before every token"},
        {"accuracy", 0, CLI_TEXT, &r.accuracy, "CLASS", "exact, fine, fast or table (fast)"},
        {"threads", 't', CLI_INT, &r.threads, "N", "default: all"},
        {"db", 0, CLI_TEXT, &r.ledger, "FILE", "tuning ledger, or none"},
        {"json", 0, CLI_FLAG, &r.json, NULL, "print one JSON object"},
        {0}};
    token_bench b = {.request = &r};
    int rest;
    bool help;

    QF_TRY(cli_parse(argc, argv, "qforge bench token --model PATH [options]", options, &rest,
                     &help));
    if (help) return QF_OK;
    QF_TRY(cli_no_operands(argc, argv, rest));
    QF_TRY(check(&r));
    const qf_status status = run(&b);
    cli_machine_close(&b.machine);
    cli_inference_close(&b.inference);
    qf_free(b.time);
    return status;
}
