/* hessian.h -- what GPTQ needs to know of a layer's inputs: H = mean of x x^T over
 * calibration tokens (the loss's second derivative in each row of W, up to a factor), and
 * the factor of its inverse.
 *
 * With inputs of the full-precision network one Hessian and one factor serve every width, and
 * no width's errors depend on what its neighbours were quantised to. */
#ifndef QF_HESSIAN_H
#define QF_HESSIAN_H

#include "qforge/gemm.h"

typedef struct hessian {
    int64_t k;
    int64_t tokens;  /* summed so far */
    double *sum;     /* [k][k] */
    float *part;     /* [k][k], of one batch */
    void *workspace; /* of `product` */
    qf_sgemm product;
    qf_pool *pool;
} hessian;

/* rows: most tokens per call of hessian_add. */
QF_MUST_CHECK qf_status hessian_init(hessian *h, const qf_kernel_source *source, qf_pool *pool,
                                     int64_t rows, int64_t k);
void hessian_release(hessian *h);

/* Nothing summed yet. */
void hessian_clear(hessian *h);

/* Adds x^T x of x [rows][k]: fp32 products summed in fp64. */
void hessian_add(hessian *h, const float *x, int64_t rows);
/* Adds x^T y instead: a sum that holds two inputs' cross moments is no Hessian, and of what
 * follows only hessian_drift takes it. */
void hessian_add_cross(hessian *h, const float *x, const float *y, int64_t rows);

/* diagonal [k]: the mean of x^2 of each input.  QF_RANGE naming `what` when it is not
 * finite or nothing was seen. */
QF_MUST_CHECK qf_status hessian_diagonal(const hessian *h, const char *what, float *diagonal);

/* order [k]: columns by falling diagonal, equals as they stand. */
QF_MUST_CHECK qf_status hessian_order(const float *diagonal, int64_t k, int64_t *order);

/* The factor GPTQ walks along: u [k][k] upper triangular, row-major, with
 * (H + d I)^-1 = u^T u, d = *damping times the mean of the diagonal.  With `order` (else
 * NULL) rows and columns of H are taken in that order.  The damping given is raised tenfold
 * until the matrix is positive definite, and told back.  Inputs that never fired get a
 * diagonal of their own.  QF_RANGE naming `what` when H is not finite. */
QF_MUST_CHECK qf_status hessian_factor(const hessian *h, const int64_t *order, const char *what,
                                       double *damping, float *u);

#endif
