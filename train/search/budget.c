/* budget.c -- subnets pushed below limits and up against them. */
#include <math.h>
#include <stdlib.h>

#include "search_run.h"

const qf_budget qf_budget_none = {{INFINITY, INFINITY, INFINITY}};

double search_excess(const qf_search_problem *problem, const qf_budget *budget,
                     const qf_subnet *subnet)
{
    double excess = 0;
    for (int c = 0; c < QF_COSTS; c++)
        if (budget->limit[c] < INFINITY)
            excess = fmax(excess, problem->cost(problem->context, (qf_cost)c, subnet) /
                                      budget->limit[c]);
    return excess;
}

static bool allowed(const search_choices *choices, int gene, int w)
{
    return !choices || choices[gene] >> w & 1;
}

/* Sets every gene that has no choice to `bits` to the nearest one it has. */
static void confine(const qf_search_problem *problem, const search_choices *choices,
                    qf_subnet *subnet)
{
    for (int g = 0; choices && g < problem->genes; g++) {
        const int bits = search_gene(problem, subnet, g);
        int nearest = 0;
        for (int w = 0; w < problem->widths; w++) {
            if (!allowed(choices, g, w)) continue;
            const int width = problem->width[w];
            if (!nearest || abs(width - bits) < abs(nearest - bits)) nearest = width;
        }
        search_set_gene(problem, subnet, g, nearest);
    }
}

/* One pass over all genes; whether anything got cheaper. */
static bool descend(const qf_search_problem *problem, const qf_budget *budget,
                    const search_choices *choices, qf_subnet *subnet, double *excess)
{
    bool better = false;
    for (int g = 0; g < problem->genes; g++) {
        int best = search_gene(problem, subnet, g);
        for (int w = 0; w < problem->widths; w++) {
            if (!allowed(choices, g, w)) continue;
            search_set_gene(problem, subnet, g, problem->width[w]);
            const double now = search_excess(problem, budget, subnet);
            if (now >= *excess) continue;
            *excess = now;
            best = problem->width[w];
            better = true;
        }
        search_set_gene(problem, subnet, g, best);
    }
    return better;
}

qf_subnet search_smallest(const qf_search_problem *problem, const qf_budget *budget,
                          const search_choices *choices)
{
    qf_subnet smallest = {0};
    double least = INFINITY;

    for (int w = 0; w < problem->widths; w++) {
        qf_subnet subnet = search_uniform(problem, problem->width[w]);
        confine(problem, choices, &subnet);
        double excess = search_excess(problem, budget, &subnet);
        while (descend(problem, budget, choices, &subnet, &excess)) continue;
        if (w > 0 && excess >= least) continue;
        least = excess;
        smallest = subnet;
    }
    return smallest;
}

void qf_search_range(const qf_search_problem *problem, qf_cost cost, double *least,
                     double *most)
{
    qf_budget any = qf_budget_none;
    any.limit[cost] = 1;
    const qf_subnet smallest = search_smallest(problem, &any, NULL);
    *least = problem->cost(problem->context, cost, &smallest);
    *most = 0;
    for (int w = 0; w < problem->widths; w++) {
        const qf_subnet uniform = search_uniform(problem, problem->width[w]);
        *most = fmax(*most, problem->cost(problem->context, cost, &uniform));
    }
}

typedef struct move {
    int gene, bits;
    double price; /* harm per part of the limit saved */
    double excess;
} move;

/* Draws one change; false when it would not help. */
static bool draw_move(search_run *run, const qf_budget *budget, const search_choices *choices,
                      search_harm *harm, const void *context, qf_subnet *subnet, double excess,
                      move *drawn)
{
    const qf_search_problem *problem = run->problem;
    const int gene = (int)qf_random_below(&run->random, (uint32_t)problem->genes);
    const int w = (int)qf_random_below(&run->random, (uint32_t)problem->widths);
    const int before = search_gene(problem, subnet, gene), bits = problem->width[w];

    if (bits == before || !allowed(choices, gene, w)) return false;
    search_set_gene(problem, subnet, gene, bits);
    const double now = search_excess(problem, budget, subnet);
    search_set_gene(problem, subnet, gene, before);
    if (now >= excess) return false;
    const double hurt = harm ? harm(context, subnet, gene, bits) : 0;
    *drawn = (move){gene, bits, hurt / (excess - now), now};
    return true;
}

bool search_repair(search_run *run, const qf_budget *budget, const search_choices *choices,
                   search_harm *harm, const void *context, qf_subnet *subnet)
{
    enum { RIVALS = 4 };
    const int tries = 20 * run->problem->genes * run->problem->widths;
    double excess = search_excess(run->problem, budget, subnet);

    for (int t = 0; excess > 1 && t < tries; t += RIVALS) {
        move best = {.gene = -1}, drawn;
        for (int r = 0; r < RIVALS; r++)
            if (draw_move(run, budget, choices, harm, context, subnet, excess, &drawn) &&
                (best.gene < 0 || drawn.price < best.price))
                best = drawn;
        if (best.gene < 0) continue;
        search_set_gene(run->problem, subnet, best.gene, best.bits);
        excess = best.excess;
    }
    return excess <= 1;
}

/* The widest choice of a gene that still fits. */
static void widen(const qf_search_problem *problem, const qf_budget *budget,
                  const search_choices *choices, int gene, qf_subnet *subnet)
{
    const int before = search_gene(problem, subnet, gene);
    for (int w = problem->widths - 1; w >= 0 && problem->width[w] > before; w--) {
        if (!allowed(choices, gene, w)) continue;
        search_set_gene(problem, subnet, gene, problem->width[w]);
        if (search_excess(problem, budget, subnet) <= 1) return;
    }
    search_set_gene(problem, subnet, gene, before);
}

void search_fill(search_run *run, const qf_budget *budget, const search_choices *choices,
                 qf_subnet *subnet)
{
    int order[QF_SUBNET_MAX];
    search_shuffle(&run->random, order, run->problem->genes);
    for (int i = 0; i < run->problem->genes; i++)
        widen(run->problem, budget, choices, order[i], subnet);
}
