/* additive.c -- one-hot ridge regression of the loss on widths. */
#include "additive.h"

#include <math.h>

#include "least_squares.h"
#include "qforge/memory.h"

static int width_index(const qf_search_problem *problem, int bits)
{
    int w = 0;
    while (w < problem->widths && problem->width[w] != bits) w++;
    QF_ASSERT(w < problem->widths);
    return w;
}

static void fill_row(const qf_search_problem *problem, const qf_subnet *subnet, double *row)
{
    row[0] = 1;
    for (int g = 0; g < problem->genes; g++) {
        const int w = width_index(problem, search_gene(problem, subnet, g));
        if (w + 1 < problem->widths) row[1 + g * (problem->widths - 1) + w] = 1;
    }
}

static double best_loss(const qf_search *search)
{
    double best = INFINITY;
    for (int t = 0; t < search->trials; t++) best = fmin(best, search->trial[t].loss);
    return best;
}

static void unpack(const double *x, additive *model)
{
    const int widths = model->problem->widths;
    model->base = x[0];
    for (int g = 0; g < model->problem->genes; g++) {
        for (int w = 0; w + 1 < widths; w++) model->effect[g][w] = x[1 + g * (widths - 1) + w];
        model->effect[g][widths - 1] = 0;
    }
}

qf_status additive_fit(const search_run *run, additive *model)
{
    const qf_search_problem *problem = run->problem;
    const qf_search *search = run->search;
    const int columns = 1 + problem->genes * (problem->widths - 1);
    const size_t cells = (size_t)search->trials * ((size_t)columns + 2) + (size_t)columns;
    double *design = qf_alloc_array(cells, sizeof *design);
    if (!design) return QF_MEMORY;
    double *weight = design + (size_t)search->trials * columns;
    double *target = weight + search->trials, *x = target + search->trials;
    const double best = best_loss(search);
    int rows = 0;

    for (int t = 0; t < search->trials; t++) {
        const qf_candidate *trial = &search->trial[t];
        if (!isfinite(trial->loss)) continue;
        fill_row(problem, &trial->subnet, design + (size_t)rows * columns);
        const double nearness = best > 0 ? best / trial->loss : 1;
        weight[rows] = nearness * nearness;
        target[rows++] = trial->loss;
    }
    model->problem = problem;
    const qf_status status = least_squares(rows, columns, design, weight, target, 1e-3, x);
    if (status == QF_OK) unpack(x, model);
    qf_free(design);
    return status;
}

double additive_predict(const additive *model, const qf_subnet *subnet)
{
    double loss = model->base;
    for (int g = 0; g < model->problem->genes; g++) {
        const int bits = search_gene(model->problem, subnet, g);
        loss += model->effect[g][width_index(model->problem, bits)];
    }
    return loss;
}

double additive_harm(const void *context, const qf_subnet *subnet, int gene, int bits)
{
    const additive *model = context;
    const int before = search_gene(model->problem, subnet, gene);
    return model->effect[gene][width_index(model->problem, bits)] -
           model->effect[gene][width_index(model->problem, before)];
}

void additive_polish(search_run *run, const qf_budget *budget, const additive *model,
                     qf_subnet *subnet)
{
    const qf_search_problem *problem = run->problem;
    const int tries = 8 * problem->genes;

    for (int t = 0; t < tries; t++) {
        const int a = (int)qf_random_below(&run->random, (uint32_t)problem->genes);
        const int b = (int)qf_random_below(&run->random, (uint32_t)problem->genes);
        const int w = (int)qf_random_below(&run->random, (uint32_t)problem->widths);
        const int v = (int)qf_random_below(&run->random, (uint32_t)problem->widths);
        qf_subnet changed = *subnet;
        search_set_gene(problem, &changed, a, problem->width[w]);
        if (t % 2) search_set_gene(problem, &changed, b, problem->width[v]);
        if (additive_predict(model, &changed) < additive_predict(model, subnet) &&
            search_excess(problem, budget, &changed) <= 1)
            *subnet = changed;
    }
}
