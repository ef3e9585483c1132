/* points.h -- candidates as points of a grid: all that strategies, which know nothing of
 * kernels, see of them. */
#ifndef QF_AUTOTUNE_POINTS_H
#define QF_AUTOTUNE_POINTS_H

#include "qforge/status.h"

enum { QF_AXES_MAX = 16 };

typedef struct qf_points {
    int axes, count;
    int levels[QF_AXES_MAX]; /* distinct values on each axis */
    int *level;              /* [count][axes]: the value's rank on its axis, from 0; owned */
} qf_points;

/* From values [count][axes], which are only compared: 1 <= axes <= QF_AXES_MAX. */
QF_MUST_CHECK qf_status qf_points_make(const double *value, int count, int axes,
                                       qf_points *points);
void qf_points_release(qf_points *points); /* also a zeroed one */

/* Where a point lies on an axis: 0, the least value, to 1, the largest. */
double qf_points_at(const qf_points *points, int point, int axis);

/* Squared distance, every axis as long as any other. */
double qf_points_apart(const qf_points *points, int a, int b);

#endif
