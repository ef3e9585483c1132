/* knapsack.h -- the best subnet within a budget when both loss and costs are sums over genes:
 * a multiple-choice knapsack, solved by dynamic programming. */
#ifndef QF_TRAIN_KNAPSACK_H
#define QF_TRAIN_KNAPSACK_H

#include "additive.h"

/* Least predicted loss within the budget.  Exact for one limit and additive costs, up to the
 * resolution of 1 / 8192 of the budget; several limits are weighed into one, the weights
 * moved until all hold.  QF_NOT_FOUND, without a sentence, when that fails; QF_MEMORY. */
QF_MUST_CHECK qf_status knapsack_solve(const additive *model, const qf_budget *budget,
                                       qf_subnet *best);

#endif
