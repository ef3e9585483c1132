/* least_squares.h -- small dense least squares. */
#ifndef QF_TRAIN_LEAST_SQUARES_H
#define QF_TRAIN_LEAST_SQUARES_H

#include "qforge/status.h"

/* Minimises  sum over i of weight[i] (target[i] - design[i] . x)^2  +  ridge |x|^2, the
 * ridge sparing column 0 (the intercept), by Cholesky of the normal equations.
 * design is [rows][columns]; weight NULL: all 1.  QF_RANGE when the columns are dependent
 * and the ridge does not help. */
QF_MUST_CHECK qf_status least_squares(int rows, int columns, const double *design,
                                      const double *weight, const double *target, double ridge,
                                      double *x);

#endif
