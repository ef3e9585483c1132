/* bench_model.c -- qforge bench model: prompts and decoding at a real model's shapes. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "bench.h"
#include "inference.h"
#include "interrupt.h"
#include "model_speed.h"
#include "options.h"
#include "paths.h"
#include "qforge/configs.h"
#include "qforge/memory.h"
#include "random_engine.h"

typedef struct request {
    const char *config, *bits, *subnet, *mixed, *accuracy, *ledger;
    int64_t group, head_bits, threads, context, prefill, tokens;
    double seconds;
    bool list, random, json;
    qf_accuracy class;
} request;

typedef struct result {
    const request *request;
    cli_random_engine model;
    cli_speed speed;
    int context, threads;
    int64_t peak_bytes; /* resident, of the whole process */
} result;

/* ---- what is asked ---- */

static qf_status list_configs(void)
{
    printf("%-16s %9s %6s %7s %7s %6s %4s %7s %8s\n", "", "millions", "dim", "hidden", "layers",
           "heads", "kv", "vocab", "context");
    for (int i = 0; i < qf_configs(); i++) {
        const qf_named_config *row = qf_config_at(i);
        const qf_config *c = &row->config;
        printf("%-16s %9.1f %6d %7d %7d %6d %4d %7d %8d\n", row->name,
               (double)qf_config_parameters(c) * 1e-6, c->dim, c->hidden, c->layers, c->heads,
               c->kv_heads, c->vocab, c->context);
    }
    return QF_OK;
}

static qf_status choose_widths(const request *r, qf_random_model *random)
{
    static const int widths[] = {2, 3, 4};

    if ((r->bits != NULL) + (r->subnet != NULL) + (r->mixed != NULL) > 1)
        return qf_fail(QF_USAGE, "--bits, --subnet and --mixed: give one of them");
    if (r->bits && strlen(r->bits) != 1)
        return qf_fail(QF_USAGE, "--bits: '%.40s' is no width (2, 3, 4, 8)", r->bits);
    const char *digits = r->bits ? r->bits : r->subnet ? r->subnet : "4";
    QF_TRY(qf_subnet_parse(&random->config, digits, &random->subnet));
    if (!r->mixed) return QF_OK;
    const size_t digits_long = strspn(r->mixed, "0123456789");
    if (digits_long == 0 || digits_long > 18 || r->mixed[digits_long])
        return qf_fail(QF_USAGE, "--mixed: '%.40s' is no seed", r->mixed);
    random->subnet = qf_subnet_random(&random->config, widths, 3, strtoull(r->mixed, NULL, 10));
    return QF_OK;
}

static qf_status choose_model(const request *r, qf_random_model *random)
{
    QF_TRY(qf_config_find(r->config, &random->config));
    random->seed = 1;
    random->group = (int)r->group;
    random->head_bits = (int)r->head_bits;
    return choose_widths(r, random);
}

/* Room for the prompt and as much again, 512 at least; never more than the model has. */
static qf_status choose_context(const request *r, const qf_config *config, int *context)
{
    const int64_t usual = r->prefill < 256 ? 512 : 2 * r->prefill;

    QF_TRY(cli_check_int("prefill", r->prefill, 1, config->context - 1));
    QF_TRY(cli_check_int("context", r->context, 0, config->context));
    *context = (int)(r->context                ? r->context
                     : usual < config->context ? usual
                                               : config->context);
    if (r->prefill < *context) return QF_OK;
    return qf_fail(QF_USAGE, "--context: %d positions hold no token after a prompt of %lld",
                   *context, (long long)r->prefill);
}

static qf_status check(request *r)
{
    QF_TRY(cli_need("bench model", "--config", r->config));
    if (!r->random)
        return qf_fail(QF_USAGE, "bench model makes its weights: say so with --random (qforge "
                                 "bench token times a model of yours)");
    if (r->group < 0 || r->group > 1024 || !qf_group_valid((int)r->group))
        return qf_fail(QF_USAGE, "--group: %lld is not 32, 64 or 128", (long long)r->group);
    if (r->head_bits != 4 && r->head_bits != 8 && r->head_bits != 32)
        return qf_fail(QF_USAGE, "--head-bits: %lld is not 4, 8 or 32",
                       (long long)r->head_bits);
    QF_TRY(cli_check_int("tokens", r->tokens, 1, 1 << 15));
    QF_TRY(cli_check_int("threads", r->threads, 0, 256));
    QF_TRY(cli_check_seconds(r->seconds, 86400));
    return cli_accuracy_parse(r->accuracy, &r->class);
}

/* ---- what comes of it ---- */

static int64_t weight_bytes(const result *r)
{
    return qf_engine_weight_bytes(r->model.engine) + qf_engine_head_bytes(r->model.engine);
}

static double rate(const result *r) /* GB/s */
{
    return (double)weight_bytes(r) * 1e-3 / r->speed.decode.median;
}

static double prefill_rate(const result *r) /* tokens/s */
{
    return (double)r->request->prefill * 1e6 / r->speed.prefill.median;
}

/* One digit when one says it all. */
static void print_subnet(const qf_subnet *subnet, char text[QF_SUBNET_MAX + 1])
{
    qf_subnet_print(subnet, text);
    if (strspn(text, (char[]){text[0], 0}) == (size_t)subnet->count) text[1] = 0;
}

static json_t *json_of_time(const cli_speed_time *t)
{
    return json_pack("{s:f, s:f, s:f, s:i}", "median", t->median, "low", t->low, "high",
                     t->high, "samples", t->samples);
}

static void add_sizes(const result *r, json_t *o)
{
    const qf_engine *engine = r->model.engine;
    const struct {
        const char *key;
        int64_t bytes;
    } sizes[] = {
        {"weight_bytes", weight_bytes(r)},
        {"linear_bytes", qf_engine_weight_bytes(engine)},
        {"head_bytes", qf_engine_head_bytes(engine)},
        {"cache_bytes", qf_engine_cache_bytes(engine)},
        {"estimated_bytes", r->model.estimated_bytes},
        {"peak_buffer_bytes", (int64_t)qf_memory_peak()},
        {"peak_bytes", r->peak_bytes},
    };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        json_object_set_new(o, sizes[i].key, json_integer(sizes[i].bytes));
}

static qf_status print_json(const result *r)
{
    const request *q = r->request;
    const qf_random_model *random = &r->model.random;
    char subnet[QF_SUBNET_MAX + 1];

    print_subnet(&random->subnet, subnet);
    json_t *o = json_pack(
        "{s:s, s:f, s:s, s:i, s:i, s:s, s:i, s:i, s:f, s:o, s:f, s:o, s:I, s:o, s:f, s:f, s:f}",
        "config", q->config, "bits", qf_subnet_bits(&random->config, &random->subnet), "subnet",
        subnet, "group", random->group, "head_bits", random->head_bits, "accuracy",
        qf_accuracy_name(q->class), "threads", r->threads, "context", r->context,
        "decode_tokens_per_s", 1e6 / r->speed.decode.median, "decode_us",
        json_of_time(&r->speed.decode), "prefill_tokens_per_s", prefill_rate(r), "prefill_us",
        json_of_time(&r->speed.prefill), "prefill_tokens", (json_int_t)q->prefill, "head_us",
        json_of_time(&r->speed.head), "head_fraction",
        r->speed.head.median / r->speed.decode.median, "gbps", rate(r), "making_seconds",
        r->model.seconds);
    if (o) add_sizes(r, o);
    const bool printed = o && json_dumpf(o, stdout, JSON_REAL_PRECISION(7)) == 0;
    json_decref(o);
    putchar('\n');
    return printed ? QF_OK : qf_fail(QF_IO, "cannot write to standard output");
}

static void print_head(const result *r)
{
    const double share = 100 * r->speed.head.median / r->speed.decode.median;
    const double gigabytes = (double)qf_engine_head_bytes(r->model.engine) * 1e-9;
    char format[32] = "fp32 (llama.cpp quantises it)";

    if (r->model.random.head_bits < 32)
        snprintf(format, sizeof format, "%d bits", r->model.random.head_bits);
    printf("  head     %.4g GB of these, %.1f %% of a token's time, %s\n", gigabytes, share,
           format);
}

static qf_status print_text(const result *r)
{
    const request *q = r->request;
    const qf_random_model *random = &r->model.random;
    const cli_speed *s = &r->speed;

    printf("%s, %.3g bits in groups of %d, %s, %d thread%s, random weights\n", q->config,
           qf_subnet_bits(&random->config, &random->subnet), random->group,
           qf_accuracy_name(q->class), r->threads, r->threads > 1 ? "s" : "");
    printf("  prefill  %.2f tokens/s  %lld tokens in %.2f ms [%.2f, %.2f], %d times\n",
           prefill_rate(r), (long long)q->prefill, s->prefill.median * 1e-3,
           s->prefill.low * 1e-3, s->prefill.high * 1e-3, s->prefill.samples);
    printf("  decode   %.2f tokens/s  %.3f ms [%.3f, %.3f], %d tokens from position %lld\n",
           1e6 / s->decode.median, s->decode.median * 1e-3, s->decode.low * 1e-3,
           s->decode.high * 1e-3, s->decode.samples, (long long)q->prefill);
    printf("  weights  %.4g GB per token, %.2f GB/s\n", (double)weight_bytes(r) * 1e-9,
           rate(r));
    print_head(r);
    printf("  memory   %.4g GB resident at most, %.4g GB in buffers; a cache of %d positions "
           "takes %.4g GB\n",
           (double)r->peak_bytes * 1e-9, (double)qf_memory_peak() * 1e-9, r->context,
           (double)qf_engine_cache_bytes(r->model.engine) * 1e-9);
    return QF_OK;
}

/* ---- the work ---- */

static qf_status measure(const cli_machine *machine, result *r)
{
    const request *q = r->request;
    const cli_speed_options options = {(int)q->prefill, r->context, (int)q->tokens, q->seconds};
    cli_progress progress = cli_progress_start(q->json);
    struct rusage usage;

    QF_TRY(
        cli_random_engine_open(machine, q->config, q->class, r->context, &progress, &r->model));
    r->threads = qf_pool_threads(machine->pool);
    QF_TRY(cli_speed_measure(r->model.engine, &options, &progress, &r->speed));
    if (getrusage(RUSAGE_SELF, &usage) == 0) r->peak_bytes = (int64_t)usage.ru_maxrss * 1024;
    return q->json ? print_json(r) : print_text(r);
}

static qf_status execute(const request *q)
{
    result r = {.request = q};
    cli_machine machine;

    QF_TRY(choose_model(q, &r.model.random));
    QF_TRY(choose_context(q, &r.model.random.config, &r.context));
    QF_TRY(cli_machine_open(q->threads, q->ledger, &machine));
    cli_interrupt_catch();
    const qf_status status = measure(&machine, &r);
    cli_random_engine_close(&r.model);
    cli_machine_close(&machine);
    return status;
}

qf_status cli_bench_model(int argc, char **argv)
{
    request r = {.accuracy = "fast",
                 .group = 64,
                 .head_bits = 32,
                 .prefill = 128,
                 .tokens = 16,
                 .seconds = 30};
    const cli_option options[] = {
        {"config", 'c', CLI_TEXT, &r.config, "NAME", "a model of --list, or a config.json"},
        {"list", 'l', CLI_FLAG, &r.list, NULL, "list the configurations with a name"},
        {"random", 0, CLI_FLAG, &r.random, NULL, "random weights, made in memory"},
        {"bits", 'b', CLI_TEXT, &r.bits, "B", "width of all linears: 2, 3, 4, 8 (4)"},
        {"subnet", 's', CLI_TEXT, &r.subnet, "DIGITS", "or widths per block or per linear"},
        {"mixed", 0, CLI_TEXT, &r.mixed, "SEED", "or random widths of 2, 3, 4 per linear"},
        {"group", 'g', CLI_INT, &r.group, "N", "group size: 32, 64, 128 (64)"},
        {"head-bits", 0, CLI_INT, &r.head_bits, "N", "4, 8, or 32: fp32 as engines have (32)"},
        {"context", 0, CLI_INT, &r.context, "N", "positions of cache (512, or two prompts)"},
        {"prefill", 'p', CLI_INT, &r.prefill, "N", "tokens of the prompt (128)"},
        {"tokens", 'n', CLI_INT, &r.tokens, "N", "decode at least N, and 3 s (16)"},
        {"seconds", 0, CLI_REAL, &r.seconds, "X", "but no longer, prompts neither (30)"},
        {"accuracy", 0, CLI_TEXT, &r.accuracy, "CLASS", "exact, fine, fast or table (fast)"},
        {"threads", 't', CLI_INT, &r.threads, "N", "default: all"},
        {"db", 0, CLI_TEXT, &r.ledger, "FILE", "tuning ledger, or none"},
        {"json", 'j', CLI_FLAG, &r.json, NULL, "print one JSON object"},
        {0}};
    int rest;
    bool help;

    QF_TRY(cli_parse(argc, argv, "qforge bench model --config NAME --random [options]", options,
                     &rest, &help));
    if (help) return QF_OK;
    QF_TRY(cli_no_operands(argc, argv, rest));
    if (r.list) return list_configs();
    QF_TRY(check(&r));
    return execute(&r);
}
