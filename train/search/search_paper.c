/* search_paper.c -- the sampling search of LLM-QFA (arXiv 2405.20202, section 3.4):
 *
 *     evaluate 100 random subnets
 *     per budget:
 *         rank genes by the correlation of their width with the loss
 *         sensitive genes lose the smallest width, insensitive ones the largest
 *         evaluate 50 more from what is left, within the budget
 *
 * The paper leaves the shrinking open.  Here the correlation is partial, the sample's
 * mean width held fixed (all genes widen together in a random sample, and that alone
 * correlates every gene with the loss), and a third of the genes is shrunk at each end.
 * An infeasible rest is loosened again, least sensitive gene first. */
#include <math.h>

#include "qforge/memory.h"
#include "search_run.h"

/* Residuals of `value` after a straight line in `by`. */
static void remove_trend(int count, const double *by, double *value)
{
    double mean_by = 0, mean = 0, square = 0, cross = 0;
    for (int i = 0; i < count; i++) mean_by += by[i] / count, mean += value[i] / count;
    for (int i = 0; i < count; i++) {
        square += (by[i] - mean_by) * (by[i] - mean_by);
        cross += (by[i] - mean_by) * (value[i] - mean);
    }
    const double slope = square > 0 ? cross / square : 0;
    for (int i = 0; i < count; i++) value[i] -= mean + slope * (by[i] - mean_by);
}

static double correlation(int count, const double *a, const double *b)
{
    double aa = 0, bb = 0, ab = 0;
    for (int i = 0; i < count; i++) aa += a[i] * a[i], bb += b[i] * b[i], ab += a[i] * b[i];
    return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 0;
}

/* How strongly the loss falls with each gene's width, in [-1, 1]. */
static qf_status sensitivities(const search_run *run, double *sensitivity)
{
    const qf_search_problem *problem = run->problem;
    const qf_candidate *trial = run->search->trial;
    const int trials = run->search->trials;
    double *loss = qf_alloc_array((size_t)trials * 3, sizeof *loss);
    if (!loss) return QF_MEMORY;
    double *mean = loss + trials, *bits = mean + trials;
    int count = 0;

    for (int t = 0; t < trials; t++) {
        if (!isfinite(trial[t].loss)) continue;
        loss[count] = trial[t].loss;
        mean[count++] = search_mean_bits(problem, &trial[t].subnet);
    }
    remove_trend(count, mean, loss);
    for (int g = 0; g < problem->genes; g++) {
        for (int t = 0, i = 0; t < trials; t++)
            if (isfinite(trial[t].loss)) bits[i++] = search_gene(problem, &trial[t].subnet, g);
        remove_trend(count, mean, bits);
        sensitivity[g] = -correlation(count, bits, loss);
    }
    qf_free(loss);
    return QF_OK;
}

/* order: most sensitive first. */
static void rank(int count, const double *sensitivity, int *order)
{
    for (int g = 0; g < count; g++) {
        int at = g;
        for (; at > 0 && sensitivity[order[at - 1]] < sensitivity[g]; at--)
            order[at] = order[at - 1];
        order[at] = g;
    }
}

static void shrink(const search_run *run, const qf_budget *budget, const double *sensitivity,
                   search_choices *choices)
{
    const int genes = run->problem->genes, widths = run->problem->widths, third = genes / 3;
    const search_choices all = (search_choices)((1u << widths) - 1);
    int order[QF_SUBNET_MAX];

    for (int g = 0; g < genes; g++) choices[g] = all;
    if (widths < 2) return;
    rank(genes, sensitivity, order);
    for (int i = 0; i < third; i++) {
        choices[order[i]] = (search_choices)(all & ~1u);
        choices[order[genes - 1 - i]] = (search_choices)(all >> 1);
    }
    for (int i = third - 1; i >= 0; i--) {
        const qf_subnet least = search_smallest(run->problem, budget, choices);
        if (search_excess(run->problem, budget, &least) <= 1) return;
        choices[order[i]] = all;
    }
    for (int g = 0; g < genes; g++) choices[g] = all;
}

/* Evaluates `count` new subnets; gives up when the space has no new ones left. */
static qf_status explore(search_run *run, const qf_budget *budget,
                         const search_choices *choices, int count)
{
    enum { PATIENCE = 50 };
    for (int misses = 0; count > 0 && search_left(run) > 0 && misses < PATIENCE;) {
        qf_subnet subnet = search_sample(run, choices);
        const bool fits = !budget || search_repair(run, budget, choices, NULL, NULL, &subnet);
        if (budget && fits) search_fill(run, budget, choices, &subnet);
        if (!fits || search_knows(run, &subnet)) {
            misses++;
            continue;
        }
        QF_TRY(search_evaluate(run, &subnet));
        misses = 0;
        count--;
    }
    return QF_OK;
}

qf_status search_strategy_paper(search_run *run)
{
    double sensitivity[QF_SUBNET_MAX];
    search_choices choices[QF_SUBNET_MAX];
    /* 100 : 50 per budget, whatever the number of evaluations. */
    const int second = search_left(run) / (2 + run->budgets);

    QF_TRY(explore(run, NULL, NULL, search_left(run) - second * run->budgets));
    for (int b = 0; b < run->budgets; b++) {
        QF_TRY(sensitivities(run, sensitivity));
        shrink(run, &run->budget[b], sensitivity, choices);
        QF_TRY(explore(run, &run->budget[b], choices, second));
    }
    return QF_OK;
}
