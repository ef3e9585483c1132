/* interleave.c -- four rows and four columns at a time through registers: element by
 * element, the stores alone would cost a cycle each. */
#include "interleave.h"

#include <string.h>

typedef float four __attribute__((vector_size(16)));

static four load(const float *x)
{
    four value;
    memcpy(&value, x, sizeof value);
    return value;
}

static void interleave_four(float *out, int width, const float *x, int64_t stride, int64_t k)
{
    int64_t i = 0;
    for (; i + 4 <= k; i += 4, out += 4 * (int64_t)width) {
        const four a = load(x + i), b = load(x + stride + i);
        const four c = load(x + 2 * stride + i), d = load(x + 3 * stride + i);
        const four ab = __builtin_shufflevector(a, b, 0, 4, 1, 5);
        const four cd = __builtin_shufflevector(c, d, 0, 4, 1, 5);
        const four ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
        const four cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
        const four column[4] = {__builtin_shufflevector(ab, cd, 0, 1, 4, 5),
                                __builtin_shufflevector(ab, cd, 2, 3, 6, 7),
                                __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5),
                                __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7)};
        for (int j = 0; j < 4; j++)
            memcpy(out + j * (int64_t)width, &column[j], sizeof column[j]);
    }
    for (; i < k; i++, out += width)
        for (int r = 0; r < 4; r++) out[r] = x[r * stride + i];
}

static void interleave_two(float *out, int width, const float *x, int64_t stride, int64_t k)
{
    for (int64_t i = 0; i < k; i++, out += width) {
        const float pair[2] = {x[i], x[stride + i]};
        memcpy(out, pair, sizeof pair);
    }
}

void qf_interleave(float *out, int width, const float *x, int64_t stride, int rows, int64_t k)
{
    int r = 0;
    if (width == 1) memcpy(out, x, (size_t)k * sizeof *out);
    if (width == 1) return;
    for (; r + 4 <= rows; r += 4) interleave_four(out + r, width, x + r * stride, stride, k);
    for (; r + 2 <= rows; r += 2) interleave_two(out + r, width, x + r * stride, stride, k);
    if (r == rows) return;
    for (int64_t i = 0; i < k; i++) out[i * width + r] = x[r * stride + i];
}

/* rows is a constant where this is inlined: the copy is then a move or three. */
static inline void copy_columns(float *out, int width, const float *x, int64_t stride, int rows,
                                int64_t k)
{
    for (int64_t i = 0; i < k; i++, out += width, x += stride)
        memcpy(out, x, (size_t)rows * sizeof *out);
}

void qf_interleave_columns(float *out, int width, const float *x, int64_t stride, int rows,
                           int64_t k)
{
#define ROWS(n)                                                                                \
    case n:                                                                                    \
        copy_columns(out, width, x, stride, n, k);                                             \
        break
    switch (rows) {
        ROWS(1);
        ROWS(2);
        ROWS(3);
        ROWS(4);
        ROWS(5);
        ROWS(6);
        ROWS(8);
        ROWS(12);
    default:
        copy_columns(out, width, x, stride, rows, k);
    }
#undef ROWS
}
