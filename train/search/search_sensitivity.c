/* search_sensitivity.c -- what each gene does alone, and the best sum within the budget
 * (HAWQ-V3, Yao et al. 2021, by measured losses instead of Hessians).
 *
 *     evaluate the uniform subnets
 *     evaluate the widest subnet with one gene narrower, gene after gene
 *     until the evaluations are spent, budget after budget in turn:
 *         fit the additive model to all trials
 *         evaluate the best subnet the model knows (knapsack.h)
 *
 * A loss is additive near one subnet only: what is evaluated near a budget's optimum moves
 * the model there.  When its best is known already, effects are shaken a little. */
#include <math.h>

#include "knapsack.h"
#include "qforge/memory.h"

static qf_status evaluate_alone(search_run *run, int gene, int w)
{
    const qf_search_problem *problem = run->problem;
    qf_subnet subnet = search_uniform(problem, problem->width[problem->widths - 1]);

    search_set_gene(problem, &subnet, gene, problem->width[w]);
    return search_evaluate(run, &subnet);
}

/* The narrowest width of every gene before the others, for at most `most` evaluations. */
static qf_status measure_genes(search_run *run, int most)
{
    const qf_search_problem *problem = run->problem;
    const int end = run->search->trials + most;
    int order[QF_SUBNET_MAX];

    search_shuffle(&run->random, order, problem->genes);
    for (int w = 0; w + 1 < problem->widths; w++)
        for (int i = 0; i < problem->genes && run->search->trials < end; i++)
            QF_TRY(evaluate_alone(run, order[i], w));
    return QF_OK;
}

static void shake(search_run *run, additive *model, double by)
{
    for (int g = 0; g < model->problem->genes; g++)
        for (int w = 0; w < model->problem->widths; w++)
            model->effect[g][w] *= exp(by * qf_random_normal(&run->random));
}

/* A subnet not yet known that the model holds for best, or nearly; false when there is none. */
static qf_status propose(search_run *run, const qf_budget *budget, additive *model,
                         qf_subnet *subnet, bool *found)
{
    enum { TRIES = 8 };

    *found = false;
    for (int t = 0; t < TRIES && !*found; t++) {
        if (t > 0) shake(run, model, 0.05 * t);
        const qf_status status = knapsack_solve(model, budget, subnet);
        if (status == QF_NOT_FOUND) *subnet = run->anchor[budget - run->budget];
        if (status != QF_OK && status != QF_NOT_FOUND) return status;
        additive_polish(run, budget, model, subnet);
        *found = !search_knows(run, subnet);
    }
    return QF_OK;
}

static qf_status improve(search_run *run, const qf_budget *budget, additive *model, bool *found)
{
    qf_subnet subnet;

    QF_TRY(additive_fit(run, model));
    QF_TRY(propose(run, budget, model, &subnet, found));
    return *found ? search_evaluate(run, &subnet) : QF_OK;
}

qf_status search_strategy_sensitivity(search_run *run)
{
    additive *model = qf_alloc(sizeof *model);
    qf_status status = model ? search_evaluate_uniform(run) : QF_MEMORY;

    if (status == QF_OK) status = measure_genes(run, search_left(run) * 2 / 3);
    for (int turn = 0, idle = 0; status == QF_OK && search_left(run) > 0 && idle < run->budgets;
         turn++) {
        bool found;
        status = improve(run, &run->budget[turn % run->budgets], model, &found);
        idle = found ? 0 : idle + 1;
    }
    qf_free(model);
    return status;
}
