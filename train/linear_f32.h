/* linear_f32.h -- full-precision linears for the network: weights of a qf_model, products
 * through qf_sgemm. */
#ifndef QF_TRAIN_LINEAR_F32_H
#define QF_TRAIN_LINEAR_F32_H

#include "net.h"

typedef struct tr_linear_f32 tr_linear_f32;

/* For up to `rows` rows.  model.linear is borrowed.  gradient (may be NULL) is a model of
 * the same configuration whose linear[] receives dW; without it no dW is made, and with
 * backward false no dx either. */
QF_MUST_CHECK qf_status tr_linear_f32_create(const qf_kernel_source *source, qf_pool *pool,
                                             int64_t rows, const qf_model *model,
                                             const qf_model *gradient, bool backward,
                                             tr_linear_f32 **linear);
void tr_linear_f32_destroy(tr_linear_f32 *linear); /* NULL is fine */
tr_linears tr_linear_f32_linears(tr_linear_f32 *linear);

#endif
