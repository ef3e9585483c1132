/* search_exhaustive.c -- the ground truth of small spaces: every subnet, counted up like a
 * number whose digits are widths. */
#include "search_run.h"

static bool next(const qf_search_problem *problem, int *digit)
{
    for (int g = 0; g < problem->genes; g++) {
        if (++digit[g] < problem->widths) return true;
        digit[g] = 0;
    }
    return false;
}

qf_status search_strategy_exhaustive(search_run *run)
{
    const qf_search_problem *problem = run->problem;
    int digit[QF_SUBNET_MAX] = {0};

    do {
        qf_subnet subnet = search_uniform(problem, problem->width[0]);
        for (int g = 0; g < problem->genes; g++)
            search_set_gene(problem, &subnet, g, problem->width[digit[g]]);
        QF_TRY(search_evaluate(run, &subnet));
    } while (next(problem, digit));
    return QF_OK;
}
