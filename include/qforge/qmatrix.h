/* qforge/qmatrix.h -- a quantised weight matrix as mathematics sees it.
 *
 *     w[n][k] = scale[n][k / group] * code[n][k] + offset[n][k / group]
 *
 * The last group of a row is short when k is not a multiple of the group. */
#ifndef QFORGE_QMATRIX_H
#define QFORGE_QMATRIX_H

#include <stdint.h>

#include "qforge/kernel.h"
#include "qforge/status.h"

/* A view: pointers are borrowed. */
typedef struct qf_qmatrix {
    qf_quant quant;
    int group;           /* 32, 64, 128 */
    int64_t n, k;        /* rows (outputs), columns (inputs) */
    const uint8_t *code; /* [n][k], each < 2^bits */
    const float *scale;  /* [n][groups] */
    const float *offset; /* [n][groups] */
} qf_qmatrix;

static inline int64_t qf_groups(int64_t k, int group)
{
    return (k + group - 1) / group;
}

/* Writes w, [n][k]. */
void qf_qmatrix_dequantise(const qf_qmatrix *matrix, float *w);

/* QF_RANGE with a sentence naming `what` when a scale or offset is not finite or a
 * code is too large; QF_SHAPE when the group is not one of ours. */
QF_MUST_CHECK qf_status qf_qmatrix_check(const qf_qmatrix *matrix, const char *what);

#endif
