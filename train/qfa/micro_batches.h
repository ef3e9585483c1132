/* micro_batches.h -- the gradient of several micro-batches, by one process or by many.
 *
 * A step of `micro` micro-batches adds their gradients in the order of the micro-batches and
 * divides by their number.  In a team of processes member m works on micro-batches m,
 * m + size, …, and everybody adds what all have found in that same order: a team of any size
 * computes the same bits as one process alone. */
#ifndef QF_TRAIN_MICRO_BATCHES_H
#define QF_TRAIN_MICRO_BATCHES_H

#include <stdint.h>

#include "qforge/status.h"

/* Processes that run the same training.  NULL functions: one alone. */
typedef struct tr_team {
    int member, size;
    void *self;
    /* Everybody calls it alike: data of member `from` comes to all others. */
    qf_status (*broadcast)(void *self, int from, void *data, int64_t bytes);
} tr_team;

typedef struct tr_sum tr_sum;

/* For `count` gradients and `micro` micro-batches of a step, a multiple of the team's size
 * (QF_USAGE).  The team is copied. */
QF_MUST_CHECK qf_status tr_sum_create(const tr_team *team, int micro, int64_t count,
                                      tr_sum **sum);
void tr_sum_destroy(tr_sum *sum); /* NULL is fine */

/* Computes micro-batch number `index`: adds its gradient to what the pointer given to
 * tr_sum_step has, and tells its loss. */
typedef qf_status tr_micro(void *context, int64_t index, double *loss);

/* gradient [count], zero before, becomes the mean over micro-batches step * micro … of the
 * step; *loss likewise. */
QF_MUST_CHECK qf_status tr_sum_step(tr_sum *sum, int64_t step, tr_micro *work, void *context,
                                    float *gradient, double *loss);

#endif
