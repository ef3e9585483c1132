/* bench_gemm.c -- qforge bench gemm: a product, timed, beside a peer when asked. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "cache_option.h"
#include "contest.h"
#include "machine.h"
#include "options.h"
#include "qforge/codegen.h"
#include "qforge/source.h"
#include "roofline.h"
#include "sgemm_bench.h"
#include "tune_problems.h"

typedef struct request {
    const char *shape, *recipe, *op, *cache, *tile, *ledger, *transpose;
    cli_peer_wish vs;
    int64_t bits, group, threads;
    double seconds;
    bool json;
} request;

static qf_status parse_problem(const request *r, int threads, qf_problem *problem,
                               qf_recipe *recipe)
{
    long long m, n, k;
    int used = 0;

    if (sscanf(r->shape, "%lldx%lldx%lld%n", &m, &n, &k, &used) != 3 || r->shape[used] ||
        m < 1 || n < 1 || k < 1 || m > 1 << 20 || n > 1 << 20 || k > 1 << 20)
        return qf_fail(QF_USAGE, "--shape: '%s' is not MxNxK such as 512x4096x4096", r->shape);
    *problem = (qf_problem){.m = m, .n = n, .k = k, .threads = threads};
    problem->quant = qf_quant_of_bits((int)r->bits);
    if (problem->quant == QF_QUANT_COUNT)
        return qf_fail(QF_USAGE, "--bits: %lld is no width (2, 3, 4, 8, 32)",
                       (long long)r->bits);
    problem->group = problem->quant == QF_F32 ? 0 : (int)r->group;
    if (problem->quant != QF_F32 && !qf_group_valid(problem->group))
        return qf_fail(QF_USAGE, "--group: %lld is not 32, 64 or 128", (long long)r->group);
    return cli_problem_class(r->recipe, r->op, problem, recipe);
}

/* The kernel of --recipe NAME --tile TILE; without a tile what is known speaks for one. */
static qf_status choose_kernel(const request *r, const cli_machine *machine,
                               const qf_problem *problem, qf_recipe recipe, qf_kernel *kernel)
{
    QF_TRY(cli_recipe_check(recipe, problem, machine->source->isa));
    if (!r->tile) return qf_tuned_find(machine->tuned, problem, recipe, kernel);
    *kernel = (qf_kernel){.id = {.recipe = recipe,
                                 .quant = problem->quant,
                                 .group = problem->group,
                                 .isa = qf_cpu_best_isa(&machine->cpu)},
                          .rung = QF_RUNG_EXACT};
    if (recipe == QF_RECIPE_COUNT)
        return qf_fail(QF_USAGE, "--tile needs --recipe to name a recipe, not the class '%s'",
                       r->recipe);
    QF_TRY(qf_tile_parse(r->tile, &kernel->id.tile));
    return qf_jit_get(machine->jit, &kernel->id, &kernel->run, NULL);
}

/* ---- results ---- */

static double gflops(const qf_problem *p, const qf_timing *timing)
{
    return 2.0 * (double)p->m * (double)p->n * (double)p->k / timing->median_ns;
}

static double peer_gbps(const cli_contest *c, const qf_comparison *result)
{
    return (double)c->peer.weight_bytes / result->b.median_ns;
}

static void add_peer(json_t *o, const cli_contest *c, const qf_comparison *result)
{
    const cli_peer *peer = &c->peer;
    const double weights = (double)c->problem.n * (double)c->problem.k;

    json_t *its =
        json_pack("{s:s, s:s, s:f, s:f, s:f, s:f, s:f, s:f}", "vs", peer->name, "vs_variant",
                  peer->variant, "vs_gflops", gflops(&c->problem, &result->b), "vs_gbps",
                  peer_gbps(c, result), "vs_bits_per_weight",
                  8 * (double)peer->weight_bytes / weights, "ratio", result->ratio, "ratio_low",
                  result->ratio_low, "ratio_high", result->ratio_high);
    json_object_update(o, its);
    json_decref(its);
}

static void print_json(const cli_contest *c, const qf_comparison *result, double fraction)
{
    char problem[QF_NAME_MAX], kernel[QF_NAME_MAX];
    const qf_timing *t = &result->a;

    qf_problem_print(&c->problem, problem);
    qf_kernel_print(&c->kernel.id, kernel);
    json_t *o = json_pack(
        "{s:s, s:s, s:s, s:i, s:f, s:f, s:f, s:f, s:i, s:f, s:f, s:f}", "problem", problem,
        "kernel", kernel, "cache", qf_cache_mode_name(c->cache), "copies", c->copies,
        "median_us", t->median_ns / 1e3, "low_us", t->low_ns / 1e3, "high_us", t->high_ns / 1e3,
        "best_us", t->best_ns / 1e3, "samples", t->samples, "gflops", gflops(&c->problem, t),
        "gbps", (double)cli_contest_weight_bytes(c) / t->median_ns, "roof_fraction", fraction);
    if (c->peer.call) add_peer(o, c, result);
    json_dumpf(o, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
    printf("\n");
    json_decref(o);
}

static void print_text(const cli_contest *c, const qf_comparison *result, double fraction)
{
    char kernel[QF_NAME_MAX];
    const qf_timing *t = &result->a;

    qf_kernel_print(&c->kernel.id, kernel);
    printf(
        "%s\n  %.1f us [%.1f, %.1f]  %.1f GFLOP/s  %.2f GB/s of weights  %.0f %% of the roof\n",
        kernel, t->median_ns / 1e3, t->low_ns / 1e3, t->high_ns / 1e3, gflops(&c->problem, t),
        (double)cli_contest_weight_bytes(c) / t->median_ns, 100 * fraction);
    if (c->peer.call)
        printf("%s (%s)\n  %.1f us  %.1f GFLOP/s  %.2f GB/s of weights  ours is %.3f times as "
               "fast [%.3f, %.3f]\n",
               c->peer.name, c->peer.variant, result->b.median_ns / 1e3,
               gflops(&c->problem, &result->b), peer_gbps(c, result), result->ratio,
               result->ratio_low, result->ratio_high);
}

static qf_status roof_fraction(cli_machine *machine, cli_contest *contest, qf_cache_mode cache,
                               double *fraction)
{
    const cli_roofline line = {&machine->cpu, machine->jit, machine->pool, 0.1};
    return cli_roof_share(&line, &contest->problem, contest->kernel.id.recipe,
                          cli_contest_weight_bytes(contest), cache, cli_contest_ours, contest,
                          fraction);
}

/* Of two plain matrices: there are no packed weights to lie anywhere. */
static qf_status run_plain(const request *r, cli_machine *machine, const qf_problem *problem,
                           const qf_kernel *kernel)
{
    const cli_sgemm_request plain = {*problem, r->transpose, &r->vs, r->seconds, r->json};

    if (problem->quant != QF_F32)
        return qf_fail(QF_USAGE, "--transpose: goes with --bits 32 only");
    if (strcmp(r->cache, "cold") == 0)
        return qf_fail(QF_USAGE, "--transpose: does not go with --cache %s", r->cache);
    return cli_sgemm_bench(&plain, machine, kernel);
}

static qf_status run_contest(const request *r, cli_machine *machine, cli_contest *contest)
{
    qf_problem problem;
    qf_kernel kernel;
    qf_recipe recipe;
    qf_comparison result = {0};
    qf_measure_options options = qf_measure_defaults;
    qf_cache_mode cache;
    double fraction;

    QF_TRY(parse_problem(r, qf_pool_threads(machine->pool), &problem, &recipe));
    QF_TRY(cli_cache_mode_parse(r->cache, &cache));
    problem = qf_problem_on(&problem, machine->source->isa);
    QF_TRY(choose_kernel(r, machine, &problem, recipe, &kernel));
    if (r->transpose) return run_plain(r, machine, &problem, &kernel);
    QF_TRY(cli_contest_open(machine->source, &machine->cpu, machine->pool, &problem, &kernel,
                            cache, &r->vs, contest));
    options.max_seconds = r->seconds;
    options.min_seconds = r->seconds / 4;
    if (contest->peer.call)
        result =
            qf_compare(&options, 1, (qf_side){cli_contest_ours, cli_contest_our_turn, contest},
                       (qf_side){cli_contest_peer, cli_contest_peers_turn, contest});
    else
        result.a = qf_measure(&options, cli_contest_ours, NULL, contest);
    cli_contest_our_turn(contest);
    QF_TRY(roof_fraction(machine, contest, cache, &fraction));
    if (r->json)
        print_json(contest, &result, fraction);
    else
        print_text(contest, &result, fraction);
    return QF_OK;
}

static const char vs_help[] = "in turns with a peer:"
#define CLI_PEER(name, summary) " " #name " (" summary ")"
#include "peers.def"
#undef CLI_PEER
    ;

qf_status cli_bench_gemm(int argc, char **argv)
{
    request r = {.shape = "512x4096x4096",
                 .recipe = "exact",
                 .cache = "warm",
                 .bits = 4,
                 .group = 64,
                 .seconds = 4};
    const cli_option options[] = {
        {"shape", 's', CLI_TEXT, &r.shape, "MxNxK", "rows, outputs, inputs"},
        {"bits", 'b', CLI_INT, &r.bits, "N", "width of the weights: 2, 3, 4, 8, 32"},
        {"group", 'g', CLI_INT, &r.group, "N", "group size: 32, 64, 128"},
        {"recipe", 'r', CLI_TEXT, &r.recipe, "NAME",
         "a class (exact, fine, fast, table) or a recipe"},
        {"tile", 't', CLI_TEXT, &r.tile, "TILE", "this tile of --recipe, e.g. 6x16_u1_kc256"},
        {"op", 'o', CLI_TEXT, &r.op, "OP", "forward or grad"},
        {"transpose", 0, CLI_TEXT, &r.transpose, "TT",
         "--bits 32: of two plain matrices, packed in every call; nn, nt, tn or tt"},
        {"cache", 'c', CLI_TEXT, &r.cache, "MODE", "hot, warm or cold weights"},
        {"vs", 0, CLI_TEXT, &r.vs.name, "PEER", vs_help},
        {"ggml-lib", 0, CLI_TEXT, &r.vs.ggml_lib, "DIR", "llama.cpp's libggml-*.so"},
        {"ggml-type", 0, CLI_TEXT, &r.vs.ggml_type, "TYPE",
         "q4_0, q4_K, q3_K (default: by --bits)"},
        {"ggml-cpu", 0, CLI_TEXT, &r.vs.ggml_cpu, "NAME",
         "libggml-cpu-NAME.so (default: the best here)"},
        {"threads", 'j', CLI_INT, &r.threads, "N", "threads (default: all)"},
        {"seconds", 0, CLI_REAL, &r.seconds, "S", "longest time to measure"},
        {"db", 0, CLI_TEXT, &r.ledger, "FILE", "tuning ledger, or none"},
        {"json", 0, CLI_FLAG, &r.json, NULL, "machine-readable"},
        {0}};
    cli_machine machine = {0};
    cli_contest contest = {0};
    int rest;
    bool help;

    QF_TRY(cli_parse(argc, argv, "qforge bench gemm [options]", options, &rest, &help));
    if (help) return QF_OK;
    QF_TRY(cli_no_operands(argc, argv, rest));
    QF_TRY(cli_check_seconds(r.seconds, 3600));
    qf_status status = cli_machine_open(r.threads, r.ledger, &machine);
    if (status == QF_OK) status = run_contest(&r, &machine, &contest);
    cli_contest_close(&contest);
    cli_machine_close(&machine);
    return status;
}
