/* drift.h -- making up for inputs that are not what they would be in full precision
 * (GPTAQ, Li et al. 2025).
 *
 * Behind quantised blocks a layer reads x while the full-precision one read y.  Its codes
 * should minimise |Q x - W y|^2 = |(Q - W) x - W (y - x)|^2.  When column i is rounded, the
 * columns after it, F, can also take on what its own input drifted by, w_i (y_i - x_i):
 *
 *     w_F += w_i D[i][F] H[F][F]^-1,   D = mean of (y - x) x^T
 *
 * With H^-1 = u^T u, H[F][F]^-1 is made of the rows of u from F on, so that all these
 * updates together are W += W P, P = triu(D u^T, 1) u, strictly upper.  They are linear in
 * the weights as given, and may be made before the first column is rounded.
 *
 * Only a share of P is taken.  All of it is the least squared error on the calibration text,
 * but D is noisy where H is small: on other text that was worse than none of it. */
#ifndef QF_DRIFT_H
#define QF_DRIFT_H

#include "hessian.h"

#define DRIFT_SHARE 0.25f

/* cross holds the sum of (y - x) x^T (hessian_add_cross); u and order are those of
 * hessian_factor for x.  p [k][k] is the share of P, rows and columns in that order. */
QF_MUST_CHECK qf_status drift_factor(const hessian *cross, const int64_t *order, const float *u,
                                     const qf_kernel_source *source, qf_pool *pool, float *p);

#endif
