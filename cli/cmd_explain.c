/* cmd_explain.c -- qforge explain: which kernel would run, why that one, and how far it is
 * from what the machine can do. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "autotune/prior.h"
#include "command.h"
#include "machine.h"
#include "options.h"
#include "qforge/codegen.h"
#include "qforge/source.h"
#include "qforge/store.h"
#include "qforge/tune.h"
#include "roofline.h"
#include "tie_set.h"
#include "tune_problems.h"

/* By qf_rung: what the kernel and its time stand on. */
static const struct {
    const char *why, *basis, *told;
} rungs[] = {
    {"no kernel of ours runs on this CPU: plain C", "none", ""},
    {"never tuned here: the analytical prior's favourite", "prior", ""},
    {"not tuned itself: what the trials of the nearest tuned shapes speak for", "nearest",
     "predicted from the nearest shape's time"},
    {"not tuned itself: what the ledger's trials of other problems speak for", "nearest",
     "predicted from the nearest shape's time"},
    {"shipped champion: elected on a machine of this kind, never tuned here", "shipped",
     "measured where it was elected"},
    {"tuned here", "measured", "measured"},
};

typedef struct answer {
    qf_problem problem;
    qf_kernel kernel;
    char hash[17];
    bool known; /* the ledger's row below is about it */
    qf_best best;
    qf_ties ties; /* of what was tuned here and has the code it had */
    /* Of every kernel but the reference. */
    double ns;       /* measured or predicted, as the rung says; no less than the roofs allow */
    double prior_ns; /* by the prior, of a machine that is not this one */
    qf_cache_mode cache;
    int64_t weight_bytes;
    cli_bound bound;
} answer;

/* ---- what the ledger, the prior and the roofs say -------------------------------------- */

static bool has_same_code(const answer *a)
{
    return strcmp(a->best.code_hash, a->hash) == 0;
}

static qf_status look_up(const cli_machine *machine, answer *a)
{
    const qf_scope scope = {machine->cpu.tune_key, QF_CODE_ABI};

    if (a->kernel.rung == QF_RUNG_SHIPPED) {
        const qf_champion *c = qf_champions_find(&machine->champions, &scope, &a->problem);
        a->known = c != NULL;
        if (c) a->best = c->best;
        return QF_OK;
    }
    if (!machine->store || a->kernel.rung < QF_RUNG_NEAREST) return QF_OK;
    qf_status status = qf_store_best(machine->store, &scope, &a->problem, &a->best);
    if (status == QF_NOT_FOUND)
        status = qf_store_nearest(machine->store, &scope, &a->problem, 1e9, &a->best);
    a->known = status == QF_OK;
    if (!a->known) return status == QF_NOT_FOUND ? QF_OK : status;
    if (a->kernel.rung != QF_RUNG_EXACT || !has_same_code(a)) return QF_OK;
    return qf_store_ties(machine->store, &scope, &a->best, &a->ties);
}

/* The prior errs on the machine, hardly on how two shapes compare: a neighbour's time
 * grows as its prediction does. */
static void estimate(const cli_machine *machine, answer *a)
{
    const qf_cpu *cpu = &machine->cpu;
    const qf_best *b = &a->best;

    a->prior_ns = qf_prior_ns(cpu, &a->problem, &a->kernel.id);
    a->cache = a->known ? b->cache : qf_tune_cache_mode(&a->problem);
    if (a->kernel.rung >= QF_RUNG_SHIPPED && a->known) {
        a->ns = b->ns;
        return;
    }
    a->ns = a->prior_ns;
    if (a->known) a->ns *= b->ns / qf_prior_ns(cpu, &b->problem, &b->kernel);
}

static qf_status hold_against_roofs(const cli_machine *machine, answer *a)
{
    const qf_problem *p = &a->problem;
    const qf_layout layout = qf_source_layout(machine->source, p->accuracy, p->quant, p->group);
    const cli_roofline line = {&machine->cpu, machine->jit, machine->pool, 0.1};

    a->weight_bytes = qf_layout_bytes(&layout, p->n, p->k);
    QF_TRY(cli_roof_bound(&line, p, a->kernel.id.recipe, a->weight_bytes, a->cache, &a->bound));
    /* The prior does not know this machine; its roofs do. */
    const double least = cli_bound_limit(&a->bound)->ns;
    if (a->kernel.rung < QF_RUNG_EXACT && a->ns < least) a->ns = least;
    return QF_OK;
}

static qf_status explain(const cli_machine *machine, const qf_problem *problem,
                         qf_recipe recipe, answer *a)
{
    qf_gemm_fn *run;

    *a = (answer){.problem = *problem};
    QF_TRY(qf_tuned_find(machine->tuned, &a->problem, recipe, &a->kernel));
    if (a->kernel.rung == QF_RUNG_REFERENCE) return QF_OK;
    QF_TRY(qf_jit_get(machine->jit, &a->kernel.id, &run, a->hash));
    QF_TRY(look_up(machine, a));
    estimate(machine, a);
    return hold_against_roofs(machine, a);
}

/* ---- in words and numbers -------------------------------------------------------------- */

static double gflops(const answer *a)
{
    const qf_problem *p = &a->problem;
    return 2.0 * (double)p->m * (double)p->n * (double)p->k / a->ns;
}

static double gbps(const answer *a)
{
    return (double)a->weight_bytes / a->ns;
}

static const char *limiter(const cli_limit *limit)
{
    const cli_roof_row *row = cli_roof_of(limit->roof);
    return row->kind != QF_ROOF_READ ? "arithmetic" : row->level < 4 ? "cache" : "memory";
}

/* No time of this machine went into it: what the prior expects is good for telling which of
 * two kernels is faster, and no more. */
static bool is_guess(const answer *a)
{
    return a->kernel.rung < QF_RUNG_SHIPPED && !a->known;
}

static void print_guess(const answer *a)
{
    const cli_limit *limit = cli_bound_limit(&a->bound);
    const cli_roof_row *row = cli_roof_of(limit->roof);

    printf("  at least %.2f us with %s weights, for %s: %s, %.1f %s as measured now\n",
           limit->ns / 1e3, qf_cache_mode_name(a->cache), limiter(limit), row->name,
           limit->rate, qf_roof_of(row->kind)->unit);
    printf(
        "  how far above that is not known before it is timed; the prior's figure for ranking "
        "kernels is %.2f us\n",
        a->prior_ns / 1e3);
}

static void print_speed(const answer *a)
{
    const cli_limit *limit = cli_bound_limit(&a->bound);
    const cli_roof_row *row = cli_roof_of(limit->roof);

    if (is_guess(a)) {
        print_guess(a);
        return;
    }
    printf("  %s: %.2f us, %.1f GFLOP/s, %.2f GB/s of %s weights\n", rungs[a->kernel.rung].told,
           a->ns / 1e3, gflops(a), gbps(a), qf_cache_mode_name(a->cache));
    printf("  %.0f %% of the roof, which is %s: %s, %.1f %s as measured now\n",
           100 * limit->ns / a->ns, limiter(limit), row->name, limit->rate,
           qf_roof_of(row->kind)->unit);
}

/* Where the recipe was asked for, another may have been elected for this very product. */
static bool passed_over(const answer *a)
{
    return a->known && a->kernel.rung < QF_RUNG_SHIPPED &&
           qf_problem_equal(&a->best.problem, &a->problem);
}

static void print_text(const answer *a)
{
    char problem[QF_NAME_MAX], kernel[QF_NAME_MAX], tuned[QF_NAME_MAX], ties[CLI_TIES_TEXT];
    const qf_best *b = &a->best;

    qf_problem_print(&a->problem, problem);
    qf_kernel_print(&a->kernel.id, kernel);
    printf("%s\n  %s\n  %s\n", problem, kernel,
           passed_over(a) ? "of the recipe asked for: the product is tuned, and another elected"
                          : rungs[a->kernel.rung].why);
    if (a->known) {
        if (passed_over(a)) {
            qf_kernel_print(&b->kernel, kernel);
            printf("  elected: %s\n", kernel);
        }
        qf_problem_print(&b->problem, tuned);
        printf("  %s took %.2f us [%.2f, %.2f] with %s weights, %s\n", tuned, b->ns / 1e3,
               b->low_ns / 1e3, b->high_ns / 1e3, qf_cache_mode_name(b->cache),
               b->settled ? "elected in pairs" : "not settled yet");
        if (!has_same_code(a) && !passed_over(a))
            printf("  its code has changed since: qforge tune measures it again\n");
    }
    cli_ties_text(&a->ties, ties);
    if (a->ties.count) printf("  %d could not be told from it: %s\n", a->ties.count, ties);
    if (a->kernel.rung != QF_RUNG_REFERENCE) print_speed(a);
}

static void add_speed(const answer *a, json_t *o)
{
    const cli_limit *limit = cli_bound_limit(&a->bound);
    const cli_roof_row *row = cli_roof_of(limit->roof);

    json_t *speed = json_pack(
        "{s:s, s:b, s:f, s:f, s:s, s:f, s:f, s:I, s:f, s:s, s:s, s:f, s:s, s:f, s:f}", "basis",
        is_guess(a) ? rungs[QF_RUNG_PRIOR].basis : rungs[a->kernel.rung].basis, "ranking_only",
        is_guess(a), "least_us", limit->ns / 1e3, "us", a->ns / 1e3, "cache",
        qf_cache_mode_name(a->cache), "gflops", gflops(a), "gbps", gbps(a), "weight_bytes",
        (json_int_t)a->weight_bytes, "roof_fraction", limit->ns / a->ns, "limiter",
        limiter(limit), "roof", row->key, "roof_rate", limit->rate, "roof_unit",
        qf_roof_of(row->kind)->unit, "arithmetic_us", a->bound.arithmetic.ns / 1e3,
        "reading_us", a->bound.reading.ns / 1e3);
    json_object_update(o, speed);
    json_decref(speed);
}

static json_t *json_of(const answer *a)
{
    char problem[QF_NAME_MAX], kernel[QF_NAME_MAX];

    qf_problem_print(&a->problem, problem);
    qf_kernel_print(&a->kernel.id, kernel);
    json_t *o = json_pack("{s:s, s:s, s:s, s:s}", "problem", problem, "kernel", kernel, "rung",
                          qf_rung_name(a->kernel.rung), "code_hash", a->hash);
    if (a->known) {
        qf_problem_print(&a->best.problem, problem);
        json_object_set_new(o, "from", json_string(problem));
        json_object_set_new(o, "median_us", json_real(a->best.ns / 1e3));
        json_object_set_new(o, "settled", json_boolean(a->best.settled));
        json_object_set_new(o, "same_code", json_boolean(has_same_code(a)));
    }
    if (a->kernel.rung == QF_RUNG_EXACT && a->known) cli_ties_json(&a->ties, o);
    if (a->kernel.rung != QF_RUNG_REFERENCE) add_speed(a, o);
    return o;
}

static qf_status explain_all(const cli_machine *machine, const cli_problems *problems,
                             bool json)
{
    json_t *rows = json_array();
    qf_status status = QF_OK;

    for (int i = 0; status == QF_OK && i < problems->count; i++) {
        answer a;
        status = explain(machine, &problems->item[i], problems->recipe, &a);
        if (status == QF_OK && json) json_array_append_new(rows, json_of(&a));
        if (status == QF_OK && !json) print_text(&a);
        qf_ties_release(&a.ties);
    }
    if (status == QF_OK && json) {
        json_dumpf(rows, stdout, JSON_COMPACT | JSON_REAL_PRECISION(7));
        printf("\n");
    }
    json_decref(rows);
    return status;
}

qf_status cli_cmd_explain(int argc, char **argv)
{
    cli_problem_request q = {.group = 64, .rows = 512, .prompt = 128};
    const char *ledger = NULL;
    int64_t threads = 0;
    bool json = false;
    const cli_option options[] = {
        {"shape", 's', CLI_TEXT, &q.shape, "MxNxK", "rows, outputs, inputs"},
        {"model", 'm', CLI_TEXT, &q.model, "PATH", "every product of this model instead"},
        {"config", 'c', CLI_TEXT, &q.config, "NAME",
         "or of a model known by name, or a config.json"},
        {"bits", 'b', CLI_TEXT, &q.bits, "LIST", "widths of the weights: 2, 3, 4, 8, 32"},
        {"group", 'g', CLI_INT, &q.group, "N", "group size: 32, 64, 128"},
        {"recipe", 'r', CLI_TEXT, &q.recipe, "NAME",
         "a class (exact, fine, fast, table) or a recipe"},
        {"op", 'o', CLI_TEXT, &q.op, "OP", "forward or grad"},
        {"threads", 't', CLI_INT, &threads, "N", "threads, 0 for all"},
        {"db", 0, CLI_TEXT, &ledger, "FILE", "the tuning ledger, or none"},
        {"json", 'j', CLI_FLAG, &json, NULL, "for programs"},
        {0}};
    cli_machine machine;
    cli_problems problems;
    int rest;
    bool help;

    QF_TRY(cli_parse(argc, argv,
                     "qforge explain --shape MxNxK | --model PATH | --config NAME [options]",
                     options, &rest, &help));
    if (help) return QF_OK;
    QF_TRY(cli_no_operands(argc, argv, rest));
    QF_TRY(cli_machine_open(threads, ledger, &machine));
    q.threads = qf_pool_threads(machine.pool);
    q.isa = qf_cpu_best_isa(&machine.cpu);
    qf_status status = cli_problems_make(&q, &problems);
    if (status == QF_OK) {
        status = explain_all(&machine, &problems, json);
        cli_problems_release(&problems);
    }
    cli_machine_close(&machine);
    return status;
}
