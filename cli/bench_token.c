/* bench_token.c -- qforge bench token: what a decoded token of a whole model costs. */
#include <jansson.h>
#include <stdio.h>

#include "bench.h"
#include "inference.h"
#include "options.h"
#include "paths.h"
#include "qforge/latency_table.h"

typedef struct request {
    const char *model, *subnet, *accuracy, *ledger, *cache;
    int64_t tokens, threads;
    double seconds;
    bool json;
    qf_accuracy class;
    qf_residency residency;
} request;

typedef struct token_time {
    double us;
    int64_t bytes;
    int threads;
} token_time;

static qf_status measure(const request *r, const cli_inference *inference, token_time *result)
{
    cli_machine machine;
    qf_engine *engine;

    QF_TRY(cli_machine_open(r->threads, r->ledger, &machine));
    qf_status status = cli_inference_engine(inference, &machine, r->class, 0, &engine);
    if (status == QF_OK) {
        const bool cold = r->residency == QF_RESIDENT_COLD;
        const int64_t sweep = cold ? 2 * qf_cpu_cache_bytes(&machine.cpu, 3) : 0;
        status = qf_latency_of_engine(engine, (int)r->tokens, r->seconds, sweep, &result->us);
        result->bytes = qf_engine_weight_bytes(engine);
        result->threads = qf_pool_threads(machine.pool);
        qf_engine_destroy(engine);
    }
    cli_machine_close(&machine);
    return status;
}

static qf_status print_result(const request *r, const token_time *result)
{
    if (!r->json) {
        printf("%.1f us per token, %.0f tokens/s, %.2f MB of packed linears, %d thread%s\n",
               result->us, 1e6 / result->us, (double)result->bytes * 1e-6, result->threads,
               result->threads > 1 ? "s" : "");
        return QF_OK;
    }
    json_t *o =
        json_pack("{s:f, s:f, s:I, s:i, s:I}", "us_per_token", result->us, "tokens_per_second",
                  1e6 / result->us, "bytes", (json_int_t)result->bytes, "threads",
                  result->threads, "tokens", (json_int_t)r->tokens);
    const bool printed = o && json_dumpf(o, stdout, JSON_REAL_PRECISION(7)) == 0;
    json_decref(o);
    putchar('\n');
    return printed ? QF_OK : qf_fail(QF_IO, "cannot write to standard output");
}

static qf_status check(request *r)
{
    QF_TRY(cli_need("bench token", "--model", r->model));
    QF_TRY(cli_check_int("tokens", r->tokens, 1, 1 << 20));
    QF_TRY(cli_check_int("threads", r->threads, 0, 256));
    if (!(r->seconds > 0 && r->seconds <= 3600))
        return qf_fail(QF_USAGE, "--seconds: %g is not from 0 to 3600", r->seconds);
    QF_TRY(cli_residency_parse(r->cache, &r->residency));
    return cli_accuracy_parse(r->accuracy, &r->class);
}

qf_status cli_bench_token(int argc, char **argv)
{
    request r = {.accuracy = "fast", .cache = "auto", .tokens = 32, .seconds = 1};
    const cli_option options[] = {
        {"model", 'm', CLI_TEXT, &r.model, "PATH", "llama2.c file or model directory"},
        {"subnet", 's', CLI_TEXT, &r.subnet, "DIGITS", "widths; default: the largest"},
        {"tokens", 'n', CLI_INT, &r.tokens, "N", "decoded per pass from position 0 (32)"},
        {"seconds", 0, CLI_REAL, &r.seconds, "X", "passes until then, at least three (1)"},
        {"cache", 0, CLI_TEXT, &r.cache, "MODE", "auto; cold: swept before every token"},
        {"accuracy", 0, CLI_TEXT, &r.accuracy, "CLASS", "exact, fine, fast or table (fast)"},
        {"threads", 't', CLI_INT, &r.threads, "N", "default: all"},
        {"db", 0, CLI_TEXT, &r.ledger, "FILE", "tuning ledger, or none"},
        {"json", 0, CLI_FLAG, &r.json, NULL, "print one JSON object"},
        {0}};
    cli_inference inference;
    token_time result;
    int rest;
    bool help;

    QF_TRY(cli_parse(argc, argv, "qforge bench token --model PATH [options]", options, &rest,
                     &help));
    if (help) return QF_OK;
    QF_TRY(cli_no_operands(argc, argv, rest));
    QF_TRY(check(&r));
    QF_TRY(cli_inference_open(r.model, r.subnet, &inference));
    const qf_status status = measure(&r, &inference, &result);
    cli_inference_close(&inference);
    QF_TRY(status);
    return print_result(&r, &result);
}
