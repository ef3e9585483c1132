/* cholesky.h -- triangular factors of symmetric positive definite matrices, in fp64.
 *
 * Blocked and cut over rows; every element is summed in the same order whatever the
 * number of threads. */
#ifndef QF_CHOLESKY_H
#define QF_CHOLESKY_H

#include <stdint.h>

#include "qforge/pool.h"
#include "qforge/status.h"

/* a [n][n], the lower triangle of which is read and replaced by L with a = L L^T; the
 * upper one is not touched.  QF_RANGE (no sentence worth showing) when a pivot is not
 * positive: a is not positive definite, or holds a NaN. */
QF_MUST_CHECK qf_status cholesky_factor(double *a, int64_t n, qf_pool *pool);

/* Replaces the lower triangle L of a [n][n] by its inverse. */
QF_MUST_CHECK qf_status cholesky_invert_lower(double *a, int64_t n, qf_pool *pool);

#endif
