/* qforge/gemm.h -- products of activations with packed weights.
 *
 * A kernel source answers problems with kernels: the plain C reference below, or the
 * tuned and compiled kernels that autotune/source.h plugs in.  A plan binds packed
 * weights to one kernel and knows its workspace; running it cannot fail, allocates
 * nothing and may be repeated. */
#ifndef QFORGE_GEMM_H
#define QFORGE_GEMM_H

#include <stddef.h>
#include <stdint.h>

#include "qforge/kernel.h"
#include "qforge/pack.h"
#include "qforge/pool.h"
#include "qforge/status.h"

/* Which rung of the ladder answered (qforge explain prints it). */
typedef enum qf_rung {
#define QF_RUNG(id, name) QF_RUNG_##id,
#include "qforge/rungs.def"
#undef QF_RUNG
} qf_rung;
const char *qf_rung_name(qf_rung rung); /* "reference" */

typedef struct qf_kernel {
    qf_kernel_id id;
    qf_gemm_fn *run;
    qf_rung rung;
} qf_kernel;

/* The one inversion of the house: the runtime asks, the roof answers.
 * find() must be thread-safe; `self` outlives every plan made from the source. */
typedef struct qf_kernel_source {
    void *self;
    qf_isa isa; /* whose panels weights are packed for */
    QF_MUST_CHECK qf_status (*find)(void *self, const qf_problem *problem, qf_kernel *kernel);
} qf_kernel_source;

/* Plain C for every problem: slow, portable, the oracle. */
extern const qf_kernel_source qf_reference_source;
/* The same, reading panels of another instruction set: what is left where weights are packed
 * for kernels that are not there.  QF_UNSUPPORTED when no recipe answers the problem. */
QF_MUST_CHECK qf_status qf_reference_find(qf_isa panels, const qf_problem *problem,
                                          qf_kernel *kernel);
/* The plain C kernel itself: obeys args->id, any recipe, any tile. */
qf_gemm_fn qf_reference_gemm;

/* The layout a source's kernels for (accuracy, quant, group) read. */
qf_layout qf_source_layout(const qf_kernel_source *source, qf_accuracy accuracy, qf_quant quant,
                           int group);

typedef struct qf_gemm {
    qf_problem problem;
    qf_kernel kernel;
    const qf_packed *packed; /* borrowed */
    qf_pool *pool;           /* borrowed, may be NULL: one thread */
} qf_gemm;

/* Plans op for up to m rows.  QF_SHAPE when the layout is not the kernel's. */
QF_MUST_CHECK qf_status qf_gemm_plan(const qf_kernel_source *source, const qf_packed *packed,
                                     qf_accuracy accuracy, qf_op op, int64_t m, qf_pool *pool,
                                     qf_gemm *gemm);
/* Plans a given kernel (the tuner's and the judge's way in). */
QF_MUST_CHECK qf_status qf_gemm_with(const qf_kernel *kernel, const qf_packed *packed,
                                     int64_t m, qf_pool *pool, qf_gemm *gemm);
size_t qf_gemm_workspace(const qf_gemm *gemm); /* bytes, for any m up to the planned one */

/* forward: y[m][ldy] (+)= x[m][ldx] W^T     (columns: x has k, y has n)
 * grad:    y[m][ldy] (+)= x[m][ldx] W       (columns: x has n, y has k)
 * m up to the planned one; workspace 64-aligned, not shared between concurrent runs. */
void qf_gemm_run(const qf_gemm *gemm, const float *x, int64_t ldx, float *y, int64_t ldy,
                 int64_t m, bool accumulate, void *workspace);

/* What is added to a forward product while its results are in registers, without a pass over
 * y of its own:  y += x w^T (+ bias).  A low-rank adapter, with x the activations times its
 * first factor; a bias, with x NULL.  (A residual is `accumulate`.) */
typedef struct qf_tail {
    const qf_packed *w; /* fp32, [n][k], in the panels of the product's weights */
    const float *x;     /* [m][ldx] */
    int64_t ldx;
    bool bias;       /* the last column of w is a bias: x has k - 1 columns */
    void *workspace; /* qf_tail_workspace(), 64-aligned */
} qf_tail;

/* Bytes for a tail of depth k, for any m up to the planned one. */
size_t qf_tail_workspace(const qf_gemm *gemm, int64_t k);
/* qf_gemm_run with a tail.  The tail's panels are the product's (asserted). */
void qf_gemm_run_tail(const qf_gemm *gemm, const float *x, int64_t ldx, float *y, int64_t ldy,
                      int64_t m, bool accumulate, const qf_tail *tail, void *workspace);

/* ---- fp32 products of two plain matrices, packed on the fly ----------------------- */

/* c[m][n] (+)= op(a) op(b);  a is [m][k] or, transposed, [k][m];  b is [k][n] or,
 * transposed, [n][k] (the usual shape of weights). */
typedef struct qf_sgemm_shape {
    int64_t m, n, k;
    bool a_transposed, b_transposed;
} qf_sgemm_shape;

typedef struct qf_sgemm {
    qf_sgemm_shape shape; /* the largest it may run */
    qf_kernel kernel;
    qf_pool *pool; /* NULL: on the calling thread, e.g. inside a task */
} qf_sgemm;

QF_MUST_CHECK qf_status qf_sgemm_plan(const qf_kernel_source *source, qf_sgemm_shape shape,
                                      qf_pool *pool, qf_sgemm *sgemm);
size_t qf_sgemm_workspace(const qf_sgemm *sgemm);
/* m, n, k of the call may be smaller than planned, the transposes are the plan's. */
void qf_sgemm_run(const qf_sgemm *sgemm, int64_t m, int64_t n, int64_t k, const float *a,
                  int64_t lda, const float *b, int64_t ldb, float *c, int64_t ldc,
                  bool accumulate, void *workspace);

#endif
