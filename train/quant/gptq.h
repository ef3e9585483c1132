/* gptq.h -- GPTQ (Frantar et al. 2022): columns are rounded one after the other, and what
 * rounding lost is made up for by the columns still to come.
 *
 * The grid of a group is fitted when its first column is reached, on weights that hold
 * every correction so far.  Columns keep their order. */
#ifndef QF_GPTQ_H
#define QF_GPTQ_H

#include "grid.h"
#include "qforge/gemm.h"

/* Quantises w [n][k] into `out`; u [k][k] from hessian_factor. */
QF_MUST_CHECK qf_status gptq_quantise(const quant_format *format,
                                      const qf_kernel_source *source, qf_pool *pool,
                                      const float *w, int64_t n, int64_t k, const float *u,
                                      const char *what, const qf_qlinear *out);

#endif
