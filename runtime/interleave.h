/* interleave.h -- rows side by side: the transposition all packing comes down to. */
#ifndef QF_INTERLEAVE_H
#define QF_INTERLEAVE_H

#include <stdint.h>

/* out[i * width + r] = x[r * stride + i] for 0 <= r < rows <= width, 0 <= i < k. */
void qf_interleave(float *out, int width, const float *x, int64_t stride, int rows, int64_t k);
/* The same for a matrix kept the other way: out[i * width + r] = x[i * stride + r]. */
void qf_interleave_columns(float *out, int width, const float *x, int64_t stride, int rows,
                           int64_t k);

#endif
