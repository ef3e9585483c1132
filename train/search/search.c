/* search.c -- runs a strategy over an archive of trials. */
#include "qforge/search.h"

#include <math.h>
#include <string.h>

#include "qforge/memory.h"
#include "search_run.h"

static const struct {
    const char *name, *summary;
    search_strategy_fn *run;
} strategies[] = {
#define QF_SEARCH_STRATEGY(id, name, summary) {#name, summary, search_strategy_##name},
#include "qforge/search_strategies.def"
#undef QF_SEARCH_STRATEGY
};

const char *qf_search_strategy_name(qf_search_strategy strategy)
{
    return strategies[strategy].name;
}

const char *qf_search_strategy_summary(qf_search_strategy strategy)
{
    return strategies[strategy].summary;
}

qf_search_strategy qf_search_strategy_named(const char *name)
{
    int s = 0;
    while (s < QF_SEARCH_STRATEGIES && strcmp(name, strategies[s].name) != 0) s++;
    return (qf_search_strategy)s;
}

const char *qf_cost_name(qf_cost cost)
{
    static const char *const name[QF_COSTS] = {"latency", "bytes", "bits"};
    return name[cost];
}

const char *qf_cost_unit(qf_cost cost)
{
    static const char *const unit[QF_COSTS] = {"us per token", "bytes", "bits per weight"};
    return unit[cost];
}

/* ---- archive ---- */

static uint64_t hash_of(const qf_subnet *subnet)
{
    uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */
    for (int i = 0; i < subnet->count; i++) hash = (hash ^ subnet->bits[i]) * 0x100000001b3u;
    return hash;
}

/* The slot that holds the subnet, or the empty one where it belongs. */
static int *slot_of(const search_run *run, const qf_subnet *subnet)
{
    const uint64_t mask = (uint64_t)run->slots - 1;
    uint64_t at = hash_of(subnet) & mask;
    while (run->slot[at] >= 0 &&
           !qf_subnet_equal(&run->search->trial[run->slot[at]].subnet, subnet))
        at = (at + 1) & mask;
    return &run->slot[at];
}

bool search_knows(const search_run *run, const qf_subnet *subnet)
{
    return *slot_of(run, subnet) >= 0;
}

qf_status search_evaluate(search_run *run, const qf_subnet *subnet)
{
    const qf_search_problem *problem = run->problem;
    int *slot = slot_of(run, subnet);

    if (*slot >= 0) return QF_OK;
    QF_ASSERT(search_left(run) > 0);
    qf_candidate *trial = &run->search->trial[run->search->trials];
    trial->subnet = *subnet;
    QF_TRY(problem->loss(problem->context, subnet, &trial->loss));
    if (isnan(trial->loss)) trial->loss = INFINITY;
    for (int c = 0; c < QF_COSTS; c++)
        trial->cost[c] = problem->cost(problem->context, (qf_cost)c, subnet);
    *slot = run->search->trials++;
    if (run->options->progress && !run->options->progress(run->options->progress_context,
                                                          run->search->trials, run->capacity))
        return QF_INTERRUPTED;
    return QF_OK;
}

qf_status search_evaluate_uniform(search_run *run)
{
    const qf_search_problem *problem = run->problem;

    for (int w = 0; w < problem->widths && search_left(run) > 0; w++) {
        const qf_subnet subnet = search_uniform(problem, problem->width[w]);
        QF_TRY(search_evaluate(run, &subnet));
    }
    return QF_OK;
}

/* ---- the run ---- */

/* Says why a budget cannot be met: the smallest of each limited cost alone, or, when each
 * alone could be, what the best compromise costs. */
static qf_status refuse(const search_run *run, const qf_budget *budget,
                        const qf_subnet *compromise)
{
    const qf_search_problem *problem = run->problem;
    for (int c = 0; c < QF_COSTS; c++) {
        if (!(budget->limit[c] < INFINITY)) continue;
        qf_budget alone = qf_budget_none;
        alone.limit[c] = budget->limit[c];
        const qf_subnet least = search_smallest(problem, &alone, NULL);
        const double cost = problem->cost(problem->context, (qf_cost)c, &least);
        if (cost > budget->limit[c])
            return qf_fail(QF_NO_CONFIG,
                           "no subnet fits %.10g %s: the smallest possible is %.10g",
                           budget->limit[c], qf_cost_unit((qf_cost)c), cost);
    }
    return qf_fail(QF_NO_CONFIG,
                   "no subnet fits all limits together: the nearest exceeds one by %.3g %%",
                   100 * (search_excess(problem, budget, compromise) - 1));
}

static qf_status find_anchors(search_run *run)
{
    for (int b = 0; b < run->budgets; b++) {
        run->anchor[b] = search_smallest(run->problem, &run->budget[b], NULL);
        if (search_excess(run->problem, &run->budget[b], &run->anchor[b]) > 1)
            return refuse(run, &run->budget[b], &run->anchor[b]);
    }
    return QF_OK;
}

static qf_status look(search_run *run)
{
    run->anchor = qf_alloc_array((size_t)run->budgets, sizeof *run->anchor);
    run->slot = qf_alloc_array((size_t)run->slots, sizeof *run->slot);
    run->search->trial = qf_alloc_array((size_t)run->capacity, sizeof *run->search->trial);
    if (!run->anchor || !run->slot || !run->search->trial) return QF_MEMORY;
    for (int i = 0; i < run->slots; i++) run->slot[i] = -1;
    QF_TRY(find_anchors(run));
    for (int b = 0; b < run->budgets; b++) QF_TRY(search_evaluate(run, &run->anchor[b]));
    return strategies[run->options->strategy].run(run);
}

/* 0: too many to count. */
static int space_of(const qf_search_problem *problem)
{
    enum { MOST = 1 << 20 };
    int subnets = 1;

    for (int g = 0; g < problem->genes; g++) {
        subnets *= problem->widths;
        if (subnets > MOST) return 0;
    }
    return subnets;
}

/* How many evaluations there will be room for. */
static qf_status capacity_of(const qf_search_problem *problem, const qf_search_options *options,
                             int budgets, int *capacity)
{
    const int space = space_of(problem);

    *capacity = options->evaluations ? options->evaluations : 100 + 50 * budgets;
    if (options->strategy == QF_SEARCH_EXHAUSTIVE) {
        if (space == 0 || (options->evaluations && space > options->evaluations))
            return qf_fail(QF_USAGE, "%d genes of %d widths are too many subnets to try all",
                           problem->genes, problem->widths);
        *capacity = space;
    }
    if (*capacity < budgets)
        return qf_fail(QF_USAGE, "%d evaluations are too few for %d budgets", *capacity,
                       budgets);
    return QF_OK;
}

qf_status qf_search_run(const qf_search_problem *problem, const qf_search_options *options,
                        const qf_budget *budget, int budgets, qf_search *search)
{
    search_run run = {.problem = problem,
                      .options = options,
                      .budget = budget,
                      .budgets = budgets,
                      .random = qf_random_init(options->seed, 0),
                      .search = search,
                      .slots = 64};

    QF_ASSERT(problem->genes > 0 && (problem->first || problem->linears % problem->genes == 0));
    QF_ASSERT(problem->linears <= QF_SUBNET_MAX && budgets > 0);
    QF_ASSERT(problem->widths > 0 && problem->widths <= QF_WIDTHS_MAX);
    memset(search, 0, sizeof *search);
    QF_TRY(capacity_of(problem, options, budgets, &run.capacity));
    while (run.slots < 2 * run.capacity) run.slots *= 2;
    const qf_status status = look(&run);
    qf_free(run.slot);
    qf_free(run.anchor);
    if (status != QF_OK) qf_search_release(search);
    return status;
}

void qf_search_release(qf_search *search)
{
    qf_free(search->trial);
    memset(search, 0, sizeof *search);
}
