/* search_nsga2.c -- the whole front of loss against cost at once (NSGA-II, Deb et al. 2002),
 * bred on a predictor as in AMQ (EMNLP 2025).
 *
 *     evaluate the uniform subnets and some random ones
 *     until the evaluations are spent:
 *         fit the additive model to all trials
 *         breed a population on the model from the trials: sorted by fronts, crowded ones last
 *         evaluate what it has of best within each budget, and from along its front
 *
 * The cost is the first that any budget limits. */
#include <math.h>
#include <string.h>

#include "additive.h"
#include "qforge/memory.h"

enum { POPULATION = 64, GENERATIONS = 20, EVALUATED = 6 };

typedef struct member {
    qf_subnet subnet;
    double loss, cost; /* predicted; as it is */
    int front;         /* 0: nobody is better in both */
    double crowding;
} member;

typedef struct breeding {
    search_run *run;
    additive *model;
    qf_cost axis;
    member pool[2 * POPULATION];
} breeding;

static qf_cost axis_of(const search_run *run)
{
    for (int c = 0; c < QF_COSTS; c++)
        for (int b = 0; b < run->budgets; b++)
            if (run->budget[b].limit[c] < INFINITY) return (qf_cost)c;
    return QF_COST_BITS;
}

static member member_of(const breeding *b, const qf_subnet *subnet)
{
    const qf_search_problem *problem = b->run->problem;
    return (member){.subnet = *subnet,
                    .loss = additive_predict(b->model, subnet),
                    .cost = problem->cost(problem->context, b->axis, subnet)};
}

/* ---- ranking ---- */

static bool beats(const member *a, const member *b)
{
    if (a->loss > b->loss || a->cost > b->cost) return false;
    return a->loss < b->loss || a->cost < b->cost;
}

/* A member's front is one behind the last front of those that beat it; of equal ones the
 * later stand behind. */
static void rank(member *pool, int count)
{
    bool moved = true;

    for (int i = 0; i < count; i++) pool[i].front = 0;
    while (moved) {
        moved = false;
        for (int i = 0; i < count; i++)
            for (int j = 0; j < count; j++) {
                const bool equal =
                    j < i && pool[i].loss == pool[j].loss && pool[i].cost == pool[j].cost;
                if ((beats(&pool[j], &pool[i]) || equal) && pool[i].front <= pool[j].front) {
                    pool[i].front = pool[j].front + 1;
                    moved = true;
                }
            }
    }
}

/* Distance of the neighbours on its front, by cost; the ends are never crowded. */
static void crowd(member *pool, int count)
{
    for (int i = 0; i < count; i++) {
        double below = -INFINITY, above = INFINITY;
        for (int j = 0; j < count; j++) {
            if (j == i || pool[j].front != pool[i].front) continue;
            if (pool[j].cost <= pool[i].cost) below = fmax(below, pool[j].cost);
            if (pool[j].cost >= pool[i].cost) above = fmin(above, pool[j].cost);
        }
        pool[i].crowding = above - below;
    }
}

static bool better(const member *a, const member *b)
{
    if (a->front != b->front) return a->front < b->front;
    return a->crowding > b->crowding;
}

/* The best POPULATION of the pool, in order. */
static void select_best(breeding *b, int count)
{
    rank(b->pool, count);
    crowd(b->pool, count);
    for (int i = 1; i < count; i++) {
        const member moved = b->pool[i];
        int at = i;
        for (; at > 0 && better(&moved, &b->pool[at - 1]); at--) b->pool[at] = b->pool[at - 1];
        b->pool[at] = moved;
    }
}

/* ---- breeding ---- */

static const qf_subnet *tournament(breeding *b)
{
    const uint32_t i = qf_random_below(&b->run->random, POPULATION);
    const uint32_t j = qf_random_below(&b->run->random, POPULATION);
    return &b->pool[i < j ? i : j].subnet; /* they stand in order */
}

static qf_subnet child_of(breeding *b)
{
    const qf_search_problem *problem = b->run->problem;
    qf_random *random = &b->run->random;
    const double rate = fmax(0.03, 1.0 / problem->genes);
    qf_subnet child = *tournament(b);
    const qf_subnet *other = tournament(b);

    for (int g = 0; g < problem->genes; g++) {
        if (qf_random_unit(random) < 0.45)
            search_set_gene(problem, &child, g, search_gene(problem, other, g));
        if (qf_random_unit(random) < rate) {
            const uint32_t w = qf_random_below(random, (uint32_t)problem->widths);
            search_set_gene(problem, &child, g, problem->width[w]);
        }
    }
    return child;
}

/* The trials' own front, filled up with random subnets. */
static void begin(breeding *b, int *front)
{
    const qf_search *search = b->run->search;
    const int known = qf_search_front(search, b->axis, front);

    for (int i = 0; i < POPULATION; i++) {
        const qf_subnet subnet =
            i < known ? search->trial[front[i]].subnet : search_sample(b->run, NULL);
        b->pool[i] = member_of(b, &subnet);
    }
    select_best(b, POPULATION);
}

static void evolve(breeding *b)
{
    for (int generation = 0; generation < GENERATIONS; generation++) {
        for (int i = POPULATION; i < 2 * POPULATION; i++) {
            const qf_subnet child = child_of(b);
            b->pool[i] = member_of(b, &child);
        }
        select_best(b, 2 * POPULATION);
    }
}

/* ---- evaluating ---- */

static qf_status evaluate_within(breeding *b, const qf_budget *budget)
{
    const member *best = NULL;

    if (search_left(b->run) == 0) return QF_OK;
    for (int i = 0; i < POPULATION; i++) {
        const member *m = &b->pool[i];
        if (search_knows(b->run, &m->subnet) || (best && m->loss >= best->loss)) continue;
        if (search_excess(b->run->problem, budget, &m->subnet) <= 1) best = m;
    }
    qf_subnet subnet = best ? best->subnet : b->run->anchor[budget - b->run->budget];
    additive_polish(b->run, budget, b->model, &subnet);
    return search_evaluate(b->run, &subnet);
}

static qf_status evaluate_front(breeding *b)
{
    for (int i = 0; i < EVALUATED && search_left(b->run) > 0; i++) {
        const uint32_t pick = qf_random_below(&b->run->random, POPULATION / 2);
        QF_TRY(search_evaluate(b->run, &b->pool[pick].subnet));
    }
    return QF_OK;
}

static qf_status iterate(breeding *b, int *front)
{
    QF_TRY(additive_fit(b->run, b->model));
    begin(b, front);
    evolve(b);
    for (int i = 0; i < b->run->budgets; i++) QF_TRY(evaluate_within(b, &b->run->budget[i]));
    return evaluate_front(b);
}

static qf_status found(search_run *run)
{
    const int first = search_left(run) / 4;

    QF_TRY(search_evaluate_uniform(run));
    for (int i = 0; i < first && search_left(run) > 0; i++) {
        const qf_subnet subnet = search_sample(run, NULL);
        QF_TRY(search_evaluate(run, &subnet));
    }
    return QF_OK;
}

qf_status search_strategy_nsga2(search_run *run)
{
    enum { PATIENCE = 3 };
    breeding *b = qf_alloc(sizeof *b);
    int *front = qf_alloc_array((size_t)run->capacity, sizeof *front);
    qf_status status = QF_MEMORY;

    if (b && front) {
        *b = (breeding){.run = run, .axis = axis_of(run)};
        b->model = qf_alloc(sizeof *b->model);
        status = b->model ? found(run) : QF_MEMORY;
    }
    for (int idle = 0; status == QF_OK && search_left(run) > 0 && idle < PATIENCE;) {
        const int before = run->search->trials;
        status = iterate(b, front);
        idle = run->search->trials > before ? 0 : idle + 1;
    }
    if (b) qf_free(b->model);
    qf_free(front);
    qf_free(b);
    return status;
}
