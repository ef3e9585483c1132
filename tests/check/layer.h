/* layer.h -- one linear layer with inputs, and room for its codes, for tests of quantisers. */
#ifndef QF_CHECK_LAYER_H
#define QF_CHECK_LAYER_H

#include "qforge/qmodel.h"
#include "train/quant/hessian.h"
#include "train/quant/quantiser.h"

enum { CHECK_TOKENS = 512 };

typedef struct check_layer {
    int64_t n, k;
    quant_format format;
    float *w;        /* [n][k] normal */
    float *x;        /* [CHECK_TOKENS][k] strongly correlated */
    float *diagonal; /* [k] of h */
    float *u;        /* [k][k] */
    float *value;    /* [n][k] */
    hessian h;       /* of x */
    quant_inputs inputs;
    quant_options options;
    qf_qlinear out;
} check_layer;

void check_layer_init(check_layer *layer, int64_t n, int64_t k, int bits, int group,
                      qf_params params);
void check_layer_release(check_layer *layer);
qf_qmatrix check_layer_matrix(const check_layer *layer);
/* Dequantises into value; mean over tokens of |(W - Q) x|^2. */
double check_layer_loss(check_layer *layer);
quant_layer check_layer_view(const check_layer *layer, qf_pool *pool);
/* Runs the method; the layer is called "block 3". */
qf_status check_layer_try(const check_layer *layer, quantiser *method, qf_pool *pool);

#endif
