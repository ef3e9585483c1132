/* group_sums.h -- X, the input summed over each quantisation group: what an adapter of the
 * offsets sees of it. */
#ifndef QF_TRAIN_GROUP_SUMS_H
#define QF_TRAIN_GROUP_SUMS_H

#include <stdint.h>

#include "qforge/pool.h"

/* sums[N][groups] of x[N][k]; a ragged last group sums what there is. */
void tr_group_sums(const float *x, int64_t N, int64_t k, int group, float *sums, qf_pool *pool);

#endif
