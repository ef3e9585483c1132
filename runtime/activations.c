/* activations.c -- the left operand into blocks of mr rows. */
#include "qforge/activations.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "cpu_features.h"
#include "interleave.h"
#include "qforge/memory.h"
#include "qforge/qmatrix.h"

typedef float eight_f __attribute__((vector_size(32)));
typedef uint32_t eight_i __attribute__((vector_size(32)));
typedef int8_t bytes __attribute__((vector_size(32)));

static int64_t record_bytes(int planes, int mr, int group)
{
    return (int64_t)mr * (2 * (int64_t)sizeof(float) + planes * group);
}

int32_t qf_activations_limit(int planes)
{
    int32_t limit = 127;
    while (--planes > 0) limit = 256 * limit + 127;
    return limit;
}

int64_t qf_activations_block_bytes(int planes, int mr, int group, int64_t k)
{
    if (planes) return qf_groups(k, group) * record_bytes(planes, mr, group);
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

/* The last group, when k ends within it: zeros behind its `left` values. */
static const float *pad(const float *x, int64_t left, int group, float *padded)
{
    memset(padded + left, 0, (size_t)(group - left) * sizeof *padded);
    return memcpy(padded, x, (size_t)left * sizeof *x);
}

/* Values to integers with one scale; returns their sum.  Adding 1.5 * 2^52 rounds to the
 * nearest integer, ties to even, in the low bits of the double: vectorises everywhere. */
static int32_t quantise_group(const float *x, int64_t count, double inverse, int32_t *q)
{
    int32_t sum = 0;
    for (int64_t i = 0; i < count; i++) {
        const double shifted = x[i] * inverse + 6755399441055744.0;
        int64_t bits;
        memcpy(&bits, &shifted, sizeof bits);
        q[i] = (int32_t)bits;
        sum += q[i];
    }
    return sum;
}

/* Takes the lowest digit off every q. */
static void cut_digit(int32_t *q, int64_t count, int8_t *digit)
{
    for (int64_t i = 0; i < count; i++) {
        digit[i] = (int8_t)q[i];
        q[i] = (q[i] - digit[i]) / 256;
    }
}

/* One group of one row to quads, `stride` bytes from one to the next plane's or row's;
 * returns the sum of the q. */
static int32_t make_digits(int planes, const float *x, int group, double inverse,
                           int64_t stride, int8_t *quads)
{
    int32_t q[128];
    int8_t digit[128];
    const int32_t sum = quantise_group(x, group, inverse, q);

    for (int p = planes - 1; p >= 0; p--) {
        cut_digit(q, group, digit);
        for (int j = 0; j < group / 4; j++)
            memcpy(quads + j * stride + 4L * p, digit + 4 * j, 4);
    }
    return sum;
}

/* The same for one plane, whose integers a float holds: 1.5 * 2^23. */
static int32_t make_bytes(const float *x, int group, float inverse, int64_t stride,
                          int8_t *quads)
{
    eight_i sum = {0};

    for (int i = 0; i < group; i += 8, quads += 2 * stride) {
        eight_f value;
        memcpy(&value, x + i, sizeof value);
        const eight_i q = (eight_i)(value * inverse + 12582912.0f) - 0x4B400000;
        /* the lowest bytes, four at the front of each half */
        const eight_i fours = (eight_i)__builtin_shufflevector(
            (bytes)q, (bytes)q, 0, 4, 8, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 16,
            20, 24, 28, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1);
        const uint32_t first = fours[0], second = fours[4];
        sum += q;
        memcpy(quads, &first, sizeof first);
        memcpy(quads + stride, &second, sizeof second);
    }
    uint32_t total = 0; /* wraps where a NaN was */
    for (int i = 0; i < 8; i++) total += sum[i];
    return (int32_t)total;
}

static inline __attribute__((always_inline)) void pack_row(int planes, const float *x,
                                                           int64_t k, int group, int mr, int m,
                                                           uint8_t *block)
{
    static const float tiny = 1e-30f; /* below it, limit / most could overflow */
    const int32_t limit = qf_activations_limit(planes);
    const int64_t stride = 4L * planes * mr;

    for (int64_t g = 0; g < qf_groups(k, group); g++) {
        const int64_t left = k - g * group;
        const float *values = x + g * group;
        float padded[128];
        if (left < group) values = pad(values, left, group, padded);
        const float most = largest_magnitude(values, group);
        const bool none = most < tiny;
        const float scale = none ? 0 : most / (float)limit;
        const double inverse = none || !isfinite(most) ? 0 : limit / (double)most;
        float *params = (float *)(void *)(block + g * record_bytes(planes, mr, group));
        int8_t *quads = (int8_t *)(params + 2 * mr) + 4L * planes * m;
        const int32_t sum = planes == 1
                                ? make_bytes(values, group, (float)inverse, stride, quads)
                                : make_digits(planes, values, group, inverse, stride, quads);

        params[m] = scale;
        params[mr + m] = (float)(scale * (double)sum);
    }
}

typedef void row_packer(int planes, const float *x, int64_t k, int group, int mr, int m,
                        uint8_t *block);

static void pack_row_plain(int planes, const float *x, int64_t k, int group, int mr, int m,
                           uint8_t *block)
{
    pack_row(planes, x, k, group, mr, m, block);
}

/* The same bits in a third of the time.  QF_VECTORISED's loops are chosen by the loader, which
 * may not know how in a program that a bundle is part of. */
#ifdef __x86_64__
__attribute__((target("avx2"))) static void pack_row_avx2(int planes, const float *x, int64_t k,
                                                          int group, int mr, int m,
                                                          uint8_t *block)
{
    pack_row(planes, x, k, group, mr, m, block);
}

static row_packer *packer_here(void)
{
    static _Atomic int avx2; /* 0: not asked yet; in a virtual machine asking takes long */
    int answer = atomic_load_explicit(&avx2, memory_order_relaxed);
    if (answer == 0) {
        answer = qf_features_usable("+avx2") ? 1 : -1;
        atomic_store_explicit(&avx2, answer, memory_order_relaxed);
    }
    return answer > 0 ? pack_row_avx2 : pack_row_plain;
}
#else
static row_packer *packer_here(void)
{
    return pack_row_plain;
}
#endif

/* ---- tables ---- */

typedef struct table_scale {
    float step;
    float inverse; /* 0 for a group of zeros, and for one that is not finite */
    float sum;
} table_scale;

/* Of `count` numbers, whole fours of them. */
static table_scale scale_tables(const float *x, int64_t count)
{
    static const float tiny = 1e-30f;
    float half[32];
    double sum = 0;

    for (int64_t j = 0; j < count / 4; j++) {
        const float *four = x + 4 * j;
        half[j] = 0.5f * (fabsf(four[0]) + fabsf(four[1]) + fabsf(four[2]) + fabsf(four[3]));
        sum += ((double)four[0] + four[1]) + ((double)four[2] + four[3]);
    }
    const float most = largest_magnitude(half, count / 4);
    if (most < tiny) return (table_scale){0, 0, (float)sum};
    return (table_scale){most / 127, isfinite(most) ? 127 / most : 0, (float)sum};
}

static void make_table(const float four[4], float inverse, int8_t table[16])
{
    static const float sign[4][16] = {
        {-1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1},
        {-1, -1, 1, 1, -1, -1, 1, 1, -1, -1, 1, 1, -1, -1, 1, 1},
        {-1, -1, -1, -1, 1, 1, 1, 1, -1, -1, -1, -1, 1, 1, 1, 1},
        {-1, -1, -1, -1, -1, -1, -1, -1, 1, 1, 1, 1, 1, 1, 1, 1},
    };
    const float half = 0.5f * inverse;
    const float a = four[0] * half, b = four[1] * half, c = four[2] * half, d = four[3] * half;

    for (int i = 0; i < 16; i++) {
        const float shifted =
            (a * sign[0][i] + b * sign[1][i]) + (c * sign[2][i] + d * sign[3][i]) + 12582912.0f;
        int32_t bits;
        memcpy(&bits, &shifted, sizeof bits);
        table[i] = (int8_t)bits; /* the rest is 2^23's exponent */
    }
}

static void pack_row_tables(int planes, const float *x, int64_t k, int group, int mr, int m,
                            uint8_t *block)
{
    (void)planes;
    for (int64_t g = 0; g < qf_groups(k, group); g++) {
        const int64_t first = g * group, left = k - first;
        float *params = (float *)(void *)(block + g * record_bytes(QF_TABLES, mr, group));
        int8_t *table = (int8_t *)(params + 2 * mr) + 16L * m;
        const float *values = x + first;
        float padded[128];

        if (left < group) values = pad(values, left, group, padded);
        const table_scale s = scale_tables(values, group);
        params[m] = s.step;
        params[mr + m] = s.sum;
        for (int j = 0; j < group / 4; j++)
            make_table(values + 4 * j, s.inverse, table + 16L * j * mr);
    }
}

void qf_activations_pack_i8(int planes, const float *x, int64_t row_stride, int64_t begin,
                            int64_t end, int64_t k, int group, int mr, void *blocks)
{
    const int64_t block_bytes = qf_activations_block_bytes(planes, mr, group, k);
    row_packer *const pack = planes == QF_TABLES ? pack_row_tables : packer_here();

    QF_ASSERT(qf_group_valid(group) && planes >= 1 && planes <= QF_TABLES);
    for (int64_t row = begin; row < end; row += mr) {
        uint8_t *block = (uint8_t *)blocks + row / mr * block_bytes;
        if (end - row < mr) memset(block, 0, (size_t)block_bytes);
        for (int m = 0; m < mr && row + m < end; m++)
            pack(planes, x + (row + m) * row_stride, k, group, mr, m, block);
    }
}
