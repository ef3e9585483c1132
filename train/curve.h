/* curve.h -- a run's course as a table that can be plotted while it goes on: one CSV row
 * per step, flushed as it is written. */
#ifndef QF_TRAIN_CURVE_H
#define QF_TRAIN_CURVE_H

#include "loop.h"

typedef struct tr_curve tr_curve;

/* Opens or makes the file; rows of steps after `steps` are of a run that was cut off and
 * go (with 0, all do). */
QF_MUST_CHECK qf_status tr_curve_open(const char *path, int64_t steps, tr_curve **curve);
void tr_curve_close(tr_curve *curve); /* NULL is fine */
/* bits: mean width of the step's subnet. */
QF_MUST_CHECK qf_status tr_curve_add(tr_curve *curve, const tr_progress *progress, double bits);

#endif
