/* knapsack.c -- best[r]: least loss of the genes so far that takes at most r buckets. */
#include "knapsack.h"

#include <math.h>
#include <string.h>

#include "qforge/memory.h"

enum { BUCKETS = 8192, ROUNDS = 24 };

typedef struct knapsack {
    const additive *model;
    const qf_budget *budget;
    double base[QF_COSTS];                   /* of the narrowest subnet */
    double (*more)[QF_WIDTHS_MAX][QF_COSTS]; /* [genes]: what a width adds */
    double importance[QF_COSTS];             /* of the limits; sum 1 */
    int (*weight)[QF_WIDTHS_MAX];            /* [genes], in buckets */
    float *best, *next;                      /* [BUCKETS + 1] */
    uint8_t *choice;                         /* [genes][BUCKETS + 1] */
} knapsack;

static bool limited(const knapsack *k, int c)
{
    return k->budget->limit[c] < INFINITY;
}

/* Costs of the narrowest subnet, and of it with one gene wider. */
static void take_costs(knapsack *k)
{
    const qf_search_problem *p = k->model->problem;
    qf_subnet subnet = search_uniform(p, p->width[0]);

    for (int c = 0; c < QF_COSTS; c++)
        if (limited(k, c)) k->base[c] = p->cost(p->context, (qf_cost)c, &subnet);
    for (int g = 0; g < p->genes; g++) {
        for (int w = 0; w < p->widths; w++) {
            search_set_gene(p, &subnet, g, p->width[w]);
            for (int c = 0; c < QF_COSTS; c++)
                if (limited(k, c))
                    k->more[g][w][c] = p->cost(p->context, (qf_cost)c, &subnet) - k->base[c];
        }
        search_set_gene(p, &subnet, g, p->width[0]);
    }
}

/* Share of the budgets that a width takes, all limits weighed into one. */
static double share(const knapsack *k, int gene, int w)
{
    double sum = 0;
    for (int c = 0; c < QF_COSTS; c++)
        if (limited(k, c)) sum += k->importance[c] * k->more[gene][w][c] / k->budget->limit[c];
    return sum;
}

/* Whole buckets, rounded up, above each gene's cheapest width; returns how many there are,
 * < 0 when even the cheapest do not fit. */
static int weigh(knapsack *k)
{
    const qf_search_problem *p = k->model->problem;
    double room = 1, cheapest[QF_SUBNET_MAX];

    for (int c = 0; c < QF_COSTS; c++)
        if (limited(k, c)) room -= k->importance[c] * k->base[c] / k->budget->limit[c];
    for (int g = 0; g < p->genes; g++) {
        cheapest[g] = INFINITY;
        for (int w = 0; w < p->widths; w++) cheapest[g] = fmin(cheapest[g], share(k, g, w));
        room -= cheapest[g];
    }
    if (room < -1e-9) return -1;
    for (int g = 0; g < p->genes; g++)
        for (int w = 0; w < p->widths; w++) {
            const double take = share(k, g, w) - cheapest[g];
            k->weight[g][w] = take > room
                                  ? BUCKETS + 1
                                  : (int)ceil(take / fmax(room, 1e-12) * BUCKETS - 1e-9);
        }
    return BUCKETS;
}

static void add_gene(knapsack *k, int gene)
{
    const qf_search_problem *p = k->model->problem;
    uint8_t *choice = k->choice + (size_t)gene * (BUCKETS + 1);

    for (int r = 0; r <= BUCKETS; r++) {
        float least = INFINITY;
        for (int w = 0; w < p->widths; w++) {
            const int weight = k->weight[gene][w];
            if (weight > r) continue;
            const float loss = k->best[r - weight] + (float)k->model->effect[gene][w];
            if (loss >= least) continue;
            least = loss;
            choice[r] = (uint8_t)w;
        }
        k->next[r] = least;
    }
    float *const last = k->best;
    k->best = k->next;
    k->next = last;
}

/* The best subnet under the weights at hand; false when there is none. */
static bool pack(knapsack *k, qf_subnet *subnet)
{
    const qf_search_problem *p = k->model->problem;
    int left = weigh(k);

    if (left < 0) return false;
    for (int r = 0; r <= BUCKETS; r++) k->best[r] = 0;
    for (int g = 0; g < p->genes; g++) add_gene(k, g);
    *subnet = search_uniform(p, p->width[0]);
    for (int g = p->genes - 1; g >= 0; g--) {
        const int w = k->choice[(size_t)g * (BUCKETS + 1) + (size_t)left];
        search_set_gene(p, subnet, g, p->width[w]);
        left -= k->weight[g][w];
    }
    return true;
}

/* The limit that is exceeded most, QF_COSTS when all hold. */
static int broken(const knapsack *k, const qf_subnet *subnet)
{
    const qf_search_problem *p = k->model->problem;
    double most = 1;
    int worst = QF_COSTS;

    for (int c = 0; c < QF_COSTS; c++) {
        if (!limited(k, c)) continue;
        const double part = p->cost(p->context, (qf_cost)c, subnet) / k->budget->limit[c];
        if (part <= most) continue;
        most = part;
        worst = c;
    }
    return worst;
}

static void stress(knapsack *k, int c)
{
    double sum = 0;
    k->importance[c] = 1.5 * k->importance[c] + 0.05;
    for (int i = 0; i < QF_COSTS; i++) sum += k->importance[i];
    for (int i = 0; i < QF_COSTS; i++) k->importance[i] /= sum;
}

static qf_status solve(knapsack *k, qf_subnet *best)
{
    int limits = 0;

    take_costs(k);
    for (int c = 0; c < QF_COSTS; c++) limits += limited(k, c);
    for (int c = 0; c < QF_COSTS; c++) k->importance[c] = limited(k, c) ? 1.0 / limits : 0;
    for (int round = 0; round < ROUNDS; round++) {
        if (!pack(k, best)) return QF_NOT_FOUND;
        const int c = broken(k, best);
        if (c == QF_COSTS) return QF_OK;
        if (limits == 1) return QF_NOT_FOUND; /* costs are not the sums we took them for */
        stress(k, c);
    }
    return QF_NOT_FOUND;
}

qf_status knapsack_solve(const additive *model, const qf_budget *budget, qf_subnet *best)
{
    const size_t genes = (size_t)model->problem->genes;
    knapsack k = {.model = model, .budget = budget};
    qf_status status = QF_MEMORY;

    k.more = qf_alloc_array(genes, sizeof *k.more);
    k.weight = qf_alloc_array(genes, sizeof *k.weight);
    k.best = qf_alloc_array(BUCKETS + 1, sizeof *k.best);
    k.next = qf_alloc_array(BUCKETS + 1, sizeof *k.next);
    k.choice = qf_alloc_array(genes, BUCKETS + 1);
    if (k.more && k.weight && k.best && k.next && k.choice) status = solve(&k, best);
    qf_free(k.choice);
    qf_free(k.next);
    qf_free(k.best);
    qf_free(k.weight);
    qf_free(k.more);
    return status;
}
