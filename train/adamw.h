/* adamw.h -- Adam with decoupled weight decay (Kingma and Ba 2015; Loshchilov and Hutter
 * 2019), over groups of parameters that may sit a step out.
 *
 * A group that is not active is not touched at all: its moments do not decay, its step
 * counter (for bias correction) stands still, its gradient does not count in the norm.
 * An adapter that was not sampled would otherwise drift on stale momentum. */
#ifndef QF_TRAIN_ADAMW_H
#define QF_TRAIN_ADAMW_H

#include <stdbool.h>
#include <stdint.h>

#include "qforge/pool.h"
#include "qforge/status.h"

/* Borrowed arrays of `count` floats. */
typedef struct tr_group {
    float *value;
    float *gradient; /* cleared by every step the group takes */
    int64_t count;
    bool decay;  /* weight decay applies */
    double pace; /* of its learning rate to the others': 1 */
} tr_group;

typedef struct tr_adamw_options {
    double beta1, beta2, epsilon;
    double weight_decay;
    double clip; /* largest global norm of the active gradients; 0: no clipping */
} tr_adamw_options;

extern const tr_adamw_options tr_adamw_defaults; /* 0.9, 0.999, 1e-8, 0, 0 */

typedef struct tr_adamw tr_adamw;

QF_MUST_CHECK qf_status tr_adamw_create(const tr_adamw_options *options, const tr_group *group,
                                        int groups, qf_pool *pool, tr_adamw **adamw);
void tr_adamw_destroy(tr_adamw *adamw); /* NULL is fine */

/* One step of the groups whose active[] is true (NULL: all).  *norm (may be NULL) is the
 * gradients' norm before clipping.  QF_RANGE, nothing changed, when it is not finite. */
QF_MUST_CHECK qf_status tr_adamw_step(tr_adamw *adamw, double rate, const bool *active,
                                      double *norm);

/* The whole state, for checkpoints: moments of all groups end to end, and one counter of
 * steps taken per group. */
typedef struct tr_adamw_state {
    float *first, *second;
    int64_t count; /* of each */
    int64_t *steps;
    int groups;
} tr_adamw_state;
tr_adamw_state tr_adamw_state_of(tr_adamw *adamw);

#endif
