/* activations.c -- the left operand into blocks of mr rows. */
#include "qforge/activations.h"

#include <math.h>
#include <string.h>

#include "interleave.h"
#include "qforge/memory.h"
#include "qforge/qmatrix.h"

static int64_t record_bytes(int mr, int group)
{
    return (int64_t)mr * (2 * (int64_t)sizeof(float) + group);
}

int64_t qf_activations_block_bytes(qf_activations kind, int mr, int group, int64_t k)
{
    if (kind == QF_ACTIVATIONS_I8) return qf_groups(k, group) * record_bytes(mr, group);
    if (group) k = qf_groups(k, group) * group;
    return k * mr * (int64_t)sizeof(float);
}

typedef struct row_blocks {
    float *first; /* of row 0 */
    int64_t padded;
    int mr;
} row_blocks;

static float *block_of(const row_blocks *b, int64_t row)
{
    return b->first + row / b->mr * b->padded * b->mr;
}

/* A transposed operand: one k holds neighbouring rows side by side.  All blocks take
 * eight k before the next eight, so that every cache line read is used up at once. */
static void pack_columns(const row_blocks *b, const float *x, int64_t k_stride, int64_t begin,
                         int64_t end, int64_t k)
{
    for (int64_t i = 0; i < k; i += 8)
        for (int64_t row = begin; row < end; row += b->mr)
            qf_interleave_columns(block_of(b, row) + i * b->mr, b->mr, x + row + i * k_stride,
                                  k_stride, end - row < b->mr ? (int)(end - row) : b->mr,
                                  k - i < 8 ? k - i : 8);
}

static void pack_any(float *out, int mr, const float *x, int64_t row_stride, int64_t k_stride,
                     int rows, int64_t k)
{
    for (int64_t i = 0; i < k; i++)
        for (int m = 0; m < rows; m++) out[i * mr + m] = x[m * row_stride + i * k_stride];
}

void qf_activations_pack_f32(const float *x, int64_t row_stride, int64_t k_stride,
                             int64_t begin, int64_t end, int64_t k, int group, int mr,
                             void *out)
{
    const row_blocks b = {out, group ? qf_groups(k, group) * group : k, mr};

    for (int64_t row = begin; row < end; row += mr) {
        const int rows = end - row < mr ? (int)(end - row) : mr;
        const float *first = x + row * row_stride;
        float *block = block_of(&b, row);
        if (rows < mr || b.padded > k)
            memset(block, 0, (size_t)(b.padded * mr) * sizeof *block);
        if (k_stride == 1)
            qf_interleave(block, mr, first, row_stride, rows, k);
        else if (row_stride != 1)
            pack_any(block, mr, first, row_stride, k_stride, rows, k);
    }
    if (k_stride != 1 && row_stride == 1) pack_columns(&b, x, k_stride, begin, end, k);
}

/* Magnitudes compare as integers, which vectorises and puts infinities and NaN on top:
 * a bad activation makes its scale bad and shows in the result. */
static float largest_magnitude(const float *x, int64_t count)
{
    int32_t most = 0;
    for (int64_t i = 0; i < count; i++) {
        int32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        bits &= 0x7FFFFFFF;
        most = bits > most ? bits : most;
    }
    float value;
    memcpy(&value, &most, sizeof value);
    return value;
}

/* Values to int8 with one scale; returns their sum.  Adding 1.5 * 2^23 rounds to the
 * nearest integer, ties to even, in the low bits of the float: vectorises everywhere. */
static int32_t quantise_group(const float *x, int64_t count, float inverse, int8_t *q)
{
    int32_t sum = 0;
    for (int64_t i = 0; i < count; i++) {
        const float shifted = x[i] * inverse + 12582912.0f;
        int32_t bits;
        memcpy(&bits, &shifted, sizeof bits);
        const int8_t value = (int8_t)(bits - 0x4B400000);
        q[i] = value;
        sum += value;
    }
    return sum;
}

static void pack_row_i8(const float *x, int64_t k, int group, int mr, int m, uint8_t *block)
{
    static const float tiny = 1e-30f; /* below it, 127 / most could overflow */
    int8_t q[128];

    for (int64_t g = 0; g < qf_groups(k, group); g++) {
        const int64_t first = g * group, left = k - first;
        const int64_t count = left < group ? left : group;
        const float most = largest_magnitude(x + first, count);
        const float scale = most < tiny ? 0 : most / 127;
        const float inverse = most < tiny || !isfinite(most) ? 0 : 127 / most;
        float *params = (float *)(void *)(block + g * record_bytes(mr, group));
        int8_t *quads = (int8_t *)(params + 2 * mr) + 4 * m;

        memset(q + count, 0, (size_t)(group - count));
        params[m] = scale;
        params[mr + m] = scale * (float)quantise_group(x + first, count, inverse, q);
        for (int j = 0; j < group / 4; j++) memcpy(quads + (int64_t)j * 4 * mr, q + 4 * j, 4);
    }
}

void qf_activations_pack_i8(const float *x, int64_t row_stride, int64_t begin, int64_t end,
                            int64_t k, int group, int mr, void *blocks)
{
    const int64_t block_bytes = qf_activations_block_bytes(QF_ACTIVATIONS_I8, mr, group, k);

    QF_ASSERT(qf_group_valid(group));
    for (int64_t row = begin; row < end; row += mr) {
        uint8_t *block = (uint8_t *)blocks + row / mr * block_bytes;
        if (end - row < mr) memset(block, 0, (size_t)block_bytes);
        for (int m = 0; m < mr && row + m < end; m++)
            pack_row_i8(x + (row + m) * row_stride, k, group, mr, m, block);
    }
}
