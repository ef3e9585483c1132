/* product.h -- the loops around a kernel: steps of depth and rows, split over threads.
 * Shared by products with packed weights (gemm.c) and of plain matrices (sgemm.c). */
#ifndef QF_RUNTIME_PRODUCT_H
#define QF_RUNTIME_PRODUCT_H

#include "qforge/gemm.h"

/* How far apart pieces of packed weights lie: `bytes` per `unit` of depth or columns. */
typedef struct qf_pitch {
    int64_t unit, bytes;
} qf_pitch;

/* The epilogue's operands (kernel.h); k = 0: none. */
typedef struct qf_product_tail {
    const float *a; /* blocks [k][mr] */
    const uint8_t *w;
    int64_t w_stride, k;
} qf_product_tail;

/* c[m][n] (+)= a w, both operands packed.  Depth runs in steps of the tile's kc (all of
 * it when 0), rows in steps of its mc.  fp32 activations are packed step after step, all
 * row blocks of a step together; int8 blocks hold all depth. */
typedef struct qf_product {
    const qf_kernel *kernel;
    int64_t m, n, depth; /* depth is padded to whole groups or panels */
    uint8_t *a;
    const uint8_t *w;
    int64_t w_stride;   /* bytes between panels */
    qf_pitch w_depth;   /* units divide kc */
    qf_pitch w_columns; /* units are the smallest piece of columns a thread may own */
    float *c;
    int64_t ldc;
    bool accumulate;
    qf_product_tail tail;
    uint8_t *scratch; /* threads * qf_product_scratch() */
} qf_product;

/* Bytes of scratch per thread, a multiple of the alignment. */
int64_t qf_product_scratch(const qf_kernel *kernel);
/* Bytes of packed activations for m rows of `depth`. */
int64_t qf_product_activations(const qf_kernel *kernel, int64_t m, int64_t depth);

/* Packs x into product->a; x[i * row_stride + j * k_stride] for j < k <= depth. */
void qf_product_pack(const qf_product *product, const float *x, int64_t row_stride,
                     int64_t k_stride, int64_t k, int part, int parts);
/* This part's share of the product. */
void qf_product_run(const qf_product *product, int part, int parts);
/* How many threads are worth waking for 2 m n depth operations. */
int qf_product_parts(qf_pool *pool, int64_t m, int64_t n, int64_t depth);

#endif
