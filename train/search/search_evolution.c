/* search_evolution.c -- a (mu + lambda) evolution per budget over a shared archive.
 *
 *     evaluate the uniform subnets and some random ones
 *     until the evaluations are spent, budget after budget in turn:
 *         fit the additive model to all trials
 *         breed many children of the mu best within the budget: uniform crossover,
 *             mutation, repair into the budget, polish on the model
 *         evaluate the lambda best children by the model, one of them a bold one
 *
 * The screen is what makes 150 evaluations enough for 42 to 224 genes: the model knows
 * after a few dozen trials which genes are sensitive, evolution corrects it where the
 * loss is not additive (OFA's and AMQ's predictor-guided searches, in the small). */
#include <math.h>

#include "additive.h"
#include "qforge/memory.h"

enum { PARENTS = 8, CHILDREN = 5, LITTER = 64 };

typedef struct child {
    qf_subnet subnet;
    double predicted;
} child;

static qf_subnet breed(search_run *run, const int *parent, int parents)
{
    const qf_search_problem *problem = run->problem;
    const qf_candidate *trial = run->search->trial;
    const uint32_t n = (uint32_t)parents;
    const qf_subnet *mother = &trial[parent[qf_random_below(&run->random, n)]].subnet;
    const qf_subnet *father = &trial[parent[qf_random_below(&run->random, n)]].subnet;
    const double rate = fmax(0.1, 2.0 / problem->genes);
    qf_subnet subnet = *mother;

    for (int g = 0; g < problem->genes; g++) {
        if (qf_random_unit(&run->random) < 0.5)
            search_set_gene(problem, &subnet, g, search_gene(problem, father, g));
        if (qf_random_unit(&run->random) >= rate) continue;
        const uint32_t w = qf_random_below(&run->random, (uint32_t)problem->widths);
        search_set_gene(problem, &subnet, g, problem->width[w]);
    }
    return subnet;
}

static bool is_new(const search_run *run, const child *litter, int count,
                   const qf_subnet *subnet)
{
    if (search_knows(run, subnet)) return false;
    for (int i = 0; i < count; i++)
        if (qf_subnet_equal(&litter[i].subnet, subnet)) return false;
    return true;
}

/* New children within the budget, best predicted first; half of them polished. */
static int make_litter(search_run *run, const qf_budget *budget, const additive *model,
                       child *litter)
{
    int parent[PARENTS], count = 0;
    const int parents = qf_search_best(run->search, budget, PARENTS, parent);

    for (int i = 0; i < LITTER; i++) {
        qf_subnet subnet = breed(run, parent, parents);
        if (!search_repair(run, budget, NULL, additive_harm, model, &subnet)) continue;
        search_fill(run, budget, NULL, &subnet);
        if (i % 2) additive_polish(run, budget, model, &subnet);
        if (!is_new(run, litter, count, &subnet)) continue;
        const double predicted = additive_predict(model, &subnet);
        int at = count++;
        for (; at > 0 && litter[at - 1].predicted > predicted; at--)
            litter[at] = litter[at - 1];
        litter[at] = (child){subnet, predicted};
    }
    return count;
}

/* One generation; *made is 0 when nothing new was found. */
static qf_status generation(search_run *run, const qf_budget *budget, additive *model,
                            child *litter, int *made)
{
    QF_TRY(additive_fit(run, model));
    const int count = make_litter(run, budget, model, litter);
    *made = 0;
    for (int i = 0; i < count && i < CHILDREN && search_left(run) > 0; i++) {
        /* The last place goes to any child: the model must see what it does not favour. */
        int pick = i;
        if (i == CHILDREN - 1)
            pick += (int)qf_random_below(&run->random, (uint32_t)(count - i));
        QF_TRY(search_evaluate(run, &litter[pick].subnet));
        ++*made;
    }
    return QF_OK;
}

static qf_status found(search_run *run)
{
    const int first = search_left(run) / 4;

    QF_TRY(search_evaluate_uniform(run));
    for (int i = 0; i < first && search_left(run) > 0; i++) {
        qf_subnet subnet = search_sample(run, NULL);
        const qf_budget *budget = &run->budget[i / 2 % run->budgets];
        if (i % 2 && search_repair(run, budget, NULL, NULL, NULL, &subnet))
            search_fill(run, budget, NULL, &subnet);
        QF_TRY(search_evaluate(run, &subnet));
    }
    return QF_OK;
}

qf_status search_strategy_evolution(search_run *run)
{
    enum { PATIENCE = 3 };
    additive *model = qf_alloc(sizeof *model);
    child *litter = qf_alloc_array(LITTER, sizeof *litter);
    qf_status status = model && litter ? found(run) : QF_MEMORY;

    for (int turn = 0, idle = 0;
         status == QF_OK && search_left(run) > 0 && idle < PATIENCE * run->budgets; turn++) {
        int made = 0;
        status = generation(run, &run->budget[turn % run->budgets], model, litter, &made);
        idle = made ? 0 : idle + 1;
    }
    qf_free(litter);
    qf_free(model);
    return status;
}
