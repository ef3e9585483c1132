/* grid.h -- the grid of one group: w is approximated by scale * code + offset with
 * code in 0 .. 2^bits - 1.
 *
 * Asymmetric min-max: scale = (max - min) / (2^bits - 1), offset = min, a float that need
 * not be a multiple of the scale and need not put zero on the grid (QA-LoRA, Xu et al.
 * 2023, eq. 1).  That freedom is what lets an adapter be folded into it. */
#ifndef QF_GRID_H
#define QF_GRID_H

#include <stdint.h>

#include "qforge/kernel.h"
#include "qforge/qmodel.h"
#include "qforge/status.h"

typedef struct grid {
    float scale; /* 0: every code means `offset` */
    float offset;
    int top; /* largest code */
} grid;

/* What a quantiser turns weights into.  With params F16 scale and offset are rounded to
 * half precision before the codes are chosen, so that the fast kernels, which store them
 * so, see the very grid the codes were rounded on. */
typedef struct quant_format {
    int bits;  /* 2, 3, 4, 8 */
    int group; /* 32, 64, 128 */
    qf_params params;
} quant_format;

/* The grid of w[0..count), all finite, count > 0. */
grid grid_fit(const quant_format *format, const float *w, int64_t count);

/* The grid of this scale and offset as the format stores them. */
grid grid_of(const quant_format *format, float scale, float offset);

/* The nearest code; what it stands for. */
uint8_t grid_code(const grid *g, float w);
static inline float grid_value(const grid *g, uint8_t code)
{
    return g->scale * (float)code + g->offset;
}

/* QF_RANGE naming `what` when a weight of w [n][k] is not finite or, for F16 parameters,
 * beyond half precision: no grid can hold it. */
QF_MUST_CHECK qf_status grid_check_weights(const quant_format *format, const float *w,
                                           int64_t n, int64_t k, const char *what);

#endif
