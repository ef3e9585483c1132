/* qforge/activations.h -- the left operand in the order kernels read it.
 *
 * Rows are cut into blocks of mr, the last one padded with zeros.
 *   No planes: [k][mr] floats.
 *   1 to 3 planes of int8: one record per group of k,
 *         float scale[mr], sum[mr]            sum = scale * (sum of the quantised values)
 *         int8  x[group/4][mr][planes][4]     quads of 4 consecutive k, high plane first
 *     q = round(value / scale), scale = max|value| / limit (0 for a group of zeros), and
 *     the planes are q's balanced digits to base 256: q = 256^2 x[0] + 256 x[1] + x[2] with
 *     three, high digits within +-127, the others -128..127.  A digit is an int8 activation
 *     like any other, so a kernel with planes is one with that many more rows.
 *   TABLES of int8: such records too, with the bytes
 *         int8  table[group/4][mr][16]        entry i: half of the sum of four consecutive x,
 *                                             with the sign + where its bit of i is set
 *     all rounded to the record's scale, the largest half sum of magnitudes / 127.  A bit b is
 *     (1 +- 1) / 2, so the sum of b x is the entry for the bits and half of the plain sum.  The
 *     record's sum is that of x itself: it is added in floating point.  Error: as
 *     that of int8 activations for normal x (1.03 times), half of it where one x is far larger
 *     than the others, which takes half a step's room here and a whole one there.
 *     The sum is of the *quantised* values: with it the offset of the weights adds no
 *     error of its own.  k is padded with zeros to whole groups. */
#ifndef QFORGE_ACTIVATIONS_H
#define QFORGE_ACTIVATIONS_H

#include <stdint.h>

#include "qforge/kernel.h"

/* Largest |q|: 127, 127 * 256 + 127, … */
int32_t qf_activations_limit(int planes);

/* Bytes of one block of mr rows; planes 0: fp32, k padded to whole groups (group 0: not). */
int64_t qf_activations_block_bytes(int planes, int mr, int group, int64_t k);

/* Packs rows [begin, end) of x (begin a multiple of mr) into `blocks`, the first
 * block of which is row 0's.  x[i * row_stride + j * k_stride]; for fp32, k is
 * padded to a multiple of `group` (group 0: not at all). */
void qf_activations_pack_f32(const float *x, int64_t row_stride, int64_t k_stride,
                             int64_t begin, int64_t end, int64_t k, int group, int mr,
                             void *blocks);
/* planes may be QF_TABLES. */
void qf_activations_pack_i8(int planes, const float *x, int64_t row_stride, int64_t begin,
                            int64_t end, int64_t k, int group, int mr, void *blocks);

#endif
