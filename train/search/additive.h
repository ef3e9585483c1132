/* additive.h -- a model of the loss that is a sum over genes, fitted to trials. */
#ifndef QF_TRAIN_ADDITIVE_H
#define QF_TRAIN_ADDITIVE_H

#include "search_run.h"

/* loss ~ base + sum over genes of effect[gene][w]; the widest width's effect is 0. */
typedef struct additive {
    const qf_search_problem *problem;
    double base;
    double effect[QF_SUBNET_MAX][QF_WIDTHS_MAX];
} additive;

/* Weighted ridge regression; trials near the best loss count most, because the loss is
 * additive only locally.  *model is made with qf_alloc by the caller. */
QF_MUST_CHECK qf_status additive_fit(const search_run *run, additive *model);
double additive_predict(const additive *model, const qf_subnet *subnet);
search_harm additive_harm;
/* Changes single widths and pairs of them while the model says it helps and the budget
 * allows it. */
void additive_polish(search_run *run, const qf_budget *budget, const additive *model,
                     qf_subnet *subnet);

#endif
