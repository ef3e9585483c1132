/* adapters.h -- one low-rank update of the offsets per width and linear (QA-LoRA,
 * Xu et al. 2023; decoupled per width, LLM-QFA).
 *
 *     offset' = offset + s B A      A [rank][groups], B [n][rank]
 *
 * which is the same as adding s B (A X) to the output, X being the sums of the input over
 * each group. */
#ifndef QF_TRAIN_ADAPTERS_H
#define QF_TRAIN_ADAPTERS_H

#include "qforge/pool.h"
#include "qforge/qmodel.h"

/* s = 1 / sqrt(group): a group sum of independent inputs grows as sqrt(group). */
float tr_adapters_scale(int group);
/* Gives the model adapters: A uniform (Xavier), a pure function of seed, linear and
 * width; B zero, so that the first step starts at the frozen model. */
QF_MUST_CHECK qf_status tr_adapters_init(qf_qmodel *model, int rank, uint64_t seed);

/* sums[N][groups] of x[N][k]; a ragged last group sums what there is. */
void tr_group_sums(const float *x, int64_t N, int64_t k, int group, float *sums, qf_pool *pool);

/* Folds every adapter into the offsets and takes the adapters away. */
QF_MUST_CHECK qf_status tr_adapters_merge(qf_qmodel *model);

#endif
