/* groupwise.h -- methods that give each group a grid of its own and round to nearest: all
 * that differs is the fit. */
#ifndef QF_GROUPWISE_H
#define QF_GROUPWISE_H

#include "quantiser.h"

/* The grid of w[0..count), columns first .. of some row of the layer. */
typedef grid group_fit(const quant_layer *layer, const float *w, int64_t first, int64_t count);

/* Rows over threads.  QF_RANGE for weights no grid can hold. */
QF_MUST_CHECK qf_status groupwise_quantise(const quant_layer *layer, group_fit *fit,
                                           const qf_qlinear *out);

#endif
