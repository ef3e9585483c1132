/* problem.h -- random matrices for product tests, as kernels see them. */
#ifndef QF_CHECK_PROBLEM_H
#define QF_CHECK_PROBLEM_H

#include <stdint.h>

#include "qforge/gemm.h"
#include "qforge/qmatrix.h"
#include "qforge/random.h"

/* A random quantised (or, for QF_F32, plain) matrix that owns its arrays. */
typedef struct check_weights {
    qf_qmatrix matrix;
    uint8_t *code;
    float *scale, *offset;
    float *w; /* [n][k], dequantised as packed with `params` */
} check_weights;

void check_weights_init(check_weights *weights, qf_random *random, qf_quant quant, int group,
                        int64_t n, int64_t k);
void check_weights_release(check_weights *weights);
/* Packs for the layout and refreshes w to what kernels see. */
void check_weights_pack(check_weights *weights, const qf_layout *layout, qf_packed *packed);

float *check_random_floats(qf_random *random, int64_t count);

/* Quantises each group of a row to int8 and back, as the fast class does. */
void check_quantise_activations(const float *x, int64_t k, int group, float *rounded);

#endif
