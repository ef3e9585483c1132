/* qforge/activations.h -- the left operand in the order kernels read it.
 *
 * Rows are cut into blocks of mr, the last one padded with zeros.
 *   F32 block: [k][mr] floats.
 *   I8 block: one record per group of k,
 *         float scale[mr], sum[mr]        sum = scale * (sum of the quantised values)
 *         int8  x[group/4][mr][4]         quads of 4 consecutive k
 *     x = round(value / scale), scale = max|value| / 127 (0 for a group of zeros).
 *     The sum is of the *quantised* values: with it the offset of the weights adds no
 *     error of its own.  k is padded with zeros to whole groups. */
#ifndef QFORGE_ACTIVATIONS_H
#define QFORGE_ACTIVATIONS_H

#include <stdint.h>

#include "qforge/kernel.h"

/* Bytes of one block of mr rows. */
int64_t qf_activations_block_bytes(qf_activations kind, int mr, int group, int64_t k);

/* Packs rows [begin, end) of x (begin a multiple of mr) into `blocks`, the first
 * block of which is row 0's.  x[i * row_stride + j * k_stride]; for F32, k is padded
 * to a multiple of `group` (group 0: not at all). */
void qf_activations_pack_f32(const float *x, int64_t row_stride, int64_t k_stride,
                             int64_t begin, int64_t end, int64_t k, int group, int mr,
                             void *blocks);
void qf_activations_pack_i8(const float *x, int64_t row_stride, int64_t begin, int64_t end,
                            int64_t k, int group, int mr, void *blocks);

#endif
