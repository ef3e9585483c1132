/* bench_epilogue.c -- qforge bench epilogue: what an adapter and a bias cost when they are
 * added while the results are in registers, and what they cost as a pass over y of their
 * own. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "cache_option.h"
#include "contest.h"
#include "inference.h"
#include "machine.h"
#include "options.h"
#include "qforge/memory.h"
#include "qforge/random.h"
#include "qforge/source.h"
#include "tune_problems.h"

enum { RANK_MAX = 256 };

typedef struct request {
    cli_problem_request problem;
    const char *cache, *ledger;
    qf_cache_mode mode; /* as cache says */
    int64_t rank, threads;
    double seconds;
    bool json, no_bias;
} request;

/* A product, and y += [low | 1] [b | bias]^T: the adapter's second factor and the bias as
 * one fp32 product of depth rank + 1. */
typedef struct bench {
    cli_contest contest;
    qf_packed factor; /* [n][depth], fp32 */
    qf_gemm apart;    /* the same as a product that adds into y */
    float *low;       /* [m][depth], last column 1 when there is a bias */
    qf_tail tail;
    void *workspace; /* of `apart` */
} bench;

static const qf_gemm *next_copy(bench *b)
{
    cli_contest *c = &b->contest;
    const qf_gemm *gemm = &c->gemm[c->next];
    c->next = (c->next + 1) % c->copies;
    return gemm;
}

static void product(bench *b, const qf_tail *tail)
{
    const cli_contest *c = &b->contest;
    qf_gemm_run_tail(next_copy(b), c->x, c->problem.k, c->y, c->problem.n, c->problem.m, false,
                     tail, c->workspace);
}

static void plain(void *context)
{
    product(context, NULL);
}

static void fused(void *context)
{
    bench *b = context;
    product(b, &b->tail);
}

static void separate(void *context)
{
    bench *b = context;
    const cli_contest *c = &b->contest;

    product(b, NULL);
    qf_gemm_run(&b->apart, b->low, b->factor.k, c->y, c->problem.n, c->problem.m, true,
                b->workspace);
}

/* ---- setting up ---- */

static qf_status add_epilogue(const request *r, const cli_machine *machine, bench *b)
{
    const qf_problem *p = &b->contest.problem;
    const qf_layout layout = qf_source_layout(machine->source, QF_EXACT, QF_F32, 0);
    const bool bias = !r->no_bias;
    const int64_t depth = r->rank + bias;
    qf_random random = qf_random_init(3, 0);
    float *w = qf_alloc_array((size_t)(p->n * depth), sizeof *w);

    b->low = qf_alloc_array((size_t)(p->m * depth), sizeof *b->low);
    qf_status status = w && b->low ? QF_OK : QF_MEMORY;
    if (status == QF_OK) {
        for (int64_t i = 0; i < p->n * depth; i++) w[i] = (float)qf_random_normal(&random);
        for (int64_t i = 0; i < p->m * depth; i++)
            b->low[i] = bias && i % depth == depth - 1 ? 1 : (float)qf_random_normal(&random);
        status = qf_pack_f32(&layout, w, depth, p->n, depth, &b->factor);
    }
    qf_free(w);
    QF_TRY(status);
    QF_TRY(qf_gemm_plan(machine->source, &b->factor, QF_EXACT, QF_FORWARD, p->m, machine->pool,
                        &b->apart));
    b->tail = (qf_tail){&b->factor, b->low, depth, bias,
                        qf_alloc(qf_tail_workspace(&b->contest.gemm[0], depth))};
    b->workspace = qf_alloc(qf_gemm_workspace(&b->apart));
    return b->tail.workspace && b->workspace ? QF_OK : QF_MEMORY;
}

static qf_status open_bench(const request *r, const cli_machine *machine,
                            const qf_problem *problem, qf_recipe recipe, bench *b)
{
    const cli_peer_wish none = {0};
    qf_kernel kernel;

    QF_TRY(qf_tuned_find(machine->tuned, problem, recipe, &kernel));
    QF_TRY(cli_contest_open(machine->source, &machine->cpu, machine->pool, problem, &kernel,
                            r->mode, &none, &b->contest));
    return add_epilogue(r, machine, b);
}

static void close_bench(bench *b)
{
    cli_contest_close(&b->contest);
    qf_packed_release(&b->factor);
    qf_free(b->low);
    qf_free(b->tail.workspace);
    qf_free(b->workspace);
}

/* Both ways must say the same, or their times mean nothing. */
static qf_status check_agreement(bench *b)
{
    const cli_contest *c = &b->contest;
    const size_t count = (size_t)(c->problem.m * c->problem.n);
    float *y = qf_alloc_array(count, sizeof *y);
    double error = 0, size = 0;

    if (!y) return QF_MEMORY;
    fused(b);
    memcpy(y, c->y, count * sizeof *y);
    separate(b);
    for (size_t i = 0; i < count; i++) {
        const double difference = (double)y[i] - (double)c->y[i];
        error += difference * difference;
        size += (double)c->y[i] * (double)c->y[i];
    }
    qf_free(y);
    if (error <= 1e-10 * size) return QF_OK;
    return qf_fail(QF_WRONG, "the product with an epilogue is not the sum of its parts");
}

/* ---- the figures ---- */

typedef struct figures {
    qf_comparison with_plain; /* a plain, b fused */
    qf_comparison with_pass;  /* a fused, b separate */
} figures;

static figures measure(const request *r, bench *b)
{
    qf_measure_options options = qf_measure_defaults;
    const qf_side sides[] = {{plain, NULL, b}, {fused, NULL, b}, {separate, NULL, b}};
    figures f;

    options.max_seconds = r->seconds;
    options.min_seconds = r->seconds / 4;
    f.with_plain = qf_compare(&options, 1, sides[0], sides[1]);
    f.with_pass = qf_compare(&options, 2, sides[1], sides[2]);
    return f;
}

static json_t *ratio_json(const qf_comparison *c)
{
    return json_pack("[f, f, f]", c->ratio_low, c->ratio, c->ratio_high);
}

static void print(const request *r, const bench *b, const figures *f)
{
    char problem[QF_NAME_MAX], kernel[QF_NAME_MAX];
    const double plain_us = f->with_plain.a.median_ns / 1e3;
    const double fused_us = f->with_plain.b.median_ns / 1e3;
    const double separate_us = f->with_pass.b.median_ns / 1e3;

    qf_problem_print(&b->contest.problem, problem);
    qf_kernel_print(&b->contest.kernel.id, kernel);
    if (r->json) {
        json_t *o = json_pack(
            "{s:s, s:s, s:I, s:b, s:f, s:f, s:f, s:o, s:o}", "problem", problem, "kernel",
            kernel, "rank", (json_int_t)r->rank, "bias", !r->no_bias, "plain_us", plain_us,
            "fused_us", fused_us, "separate_us", separate_us, "fused_to_plain",
            ratio_json(&f->with_plain), "separate_to_fused", ratio_json(&f->with_pass));
        json_dumpf(o, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
        printf("\n");
        json_decref(o);
        return;
    }
    printf("%s, %s\n", problem, kernel);
    printf("  plain       %9.1f us\n", plain_us);
    printf("  epilogue    %9.1f us  %.3f times the plain product [%.3f, %.3f]\n", fused_us,
           f->with_plain.ratio, f->with_plain.ratio_low, f->with_plain.ratio_high);
    printf("  extra pass  %9.1f us  %.3f times the epilogue [%.3f, %.3f]\n", separate_us,
           f->with_pass.ratio, f->with_pass.ratio_low, f->with_pass.ratio_high);
}

static qf_status run_one(const request *r, const cli_machine *machine,
                         const qf_problem *problem, qf_recipe recipe)
{
    bench b = {0};

    qf_status status = open_bench(r, machine, problem, recipe, &b);
    if (status == QF_OK) status = check_agreement(&b);
    if (status == QF_OK) {
        const figures f = measure(r, &b);
        print(r, &b, &f);
    }
    close_bench(&b);
    return status;
}

static qf_status check(request *r)
{
    QF_TRY(cli_check_int("rank", r->rank, 0, RANK_MAX));
    QF_TRY(cli_check_int("threads", r->threads, 0, 256));
    if (r->rank == 0 && r->no_bias)
        return qf_fail(QF_USAGE, "--rank 0 with --no-bias leaves no epilogue");
    QF_TRY(cli_check_seconds(r->seconds, 3600));
    return cli_cache_mode_parse(r->cache, &r->mode);
}

qf_status cli_bench_epilogue(int argc, char **argv)
{
    request r = {.problem = {.shape = "16x4096x4096", .op = "forward", .group = 64},
                 .cache = "warm",
                 .rank = 16,
                 .seconds = 2};
    const cli_option options[] = {
        {"shape", 's', CLI_TEXT, &r.problem.shape, "MxNxK", "rows, outputs, inputs"},
        {"bits", 'b', CLI_TEXT, &r.problem.bits, "LIST",
         "widths of the weights: 2, 3, 4, 8, 32"},
        {"group", 'g', CLI_INT, &r.problem.group, "N", "group size: 32, 64, 128"},
        {"recipe", 'r', CLI_TEXT, &r.problem.recipe, "NAME",
         "a class (exact, fine, fast, table) or a recipe (fast)"},
        {"rank", 0, CLI_INT, &r.rank, "N", "of the adapter (16); 0: a bias alone"},
        {"no-bias", 0, CLI_FLAG, &r.no_bias, NULL, "an adapter alone"},
        {"cache", 'c', CLI_TEXT, &r.cache, "MODE", "hot, warm or cold weights"},
        {"threads", 'j', CLI_INT, &r.threads, "N", "threads (default: all)"},
        {"seconds", 0, CLI_REAL, &r.seconds, "S", "longest time of each comparison"},
        {"db", 0, CLI_TEXT, &r.ledger, "FILE", "tuning ledger, or none"},
        {"json", 0, CLI_FLAG, &r.json, NULL, "one object a line"},
        {0}};
    cli_machine machine = {0};
    cli_problems problems;
    int rest;
    bool help;

    QF_TRY(cli_parse(argc, argv, "qforge bench epilogue [options]", options, &rest, &help));
    if (help) return QF_OK;
    QF_TRY(cli_no_operands(argc, argv, rest));
    QF_TRY(check(&r));
    QF_TRY(cli_machine_open(r.threads, r.ledger, &machine));
    r.problem.threads = qf_pool_threads(machine.pool);
    r.problem.isa = qf_cpu_best_isa(&machine.cpu);
    qf_status status = cli_problems_make(&r.problem, &problems);
    if (status == QF_OK) {
        for (int i = 0; status == QF_OK && i < problems.count; i++)
            status = run_one(&r, &machine, &problems.item[i], problems.recipe);
        cli_problems_release(&problems);
    }
    cli_machine_close(&machine);
    return status;
}
