/* scene_answer.c -- what a kernel should have said: sums in double over the same numbers.
 *
 * Bounds, with u = 2^-24: an fp32 sum of k products errs by at most k u sum |a||w|, the
 * making of w and the adding of c by a few u more (Higham, "Accuracy and Stability of
 * Numerical Algorithms", section 3.1).  An int8 group's integer sum is exact, four
 * roundings make it part of c. */
#include "scene.h"

#include <math.h>
#include <string.h>

#include "qforge/activations.h"
#include "qforge/memory.h"

static const double unit = 0x1p-24;

typedef struct sum {
    double value, magnitude;
} sum;

/* Weight (row, k) of W: value, and |scale code| + |offset| for the bound. */
static sum weight(const scene *s, int64_t row, int64_t k)
{
    if (s->layout.quant == QF_F32) {
        const double w = s->plain[row * s->wk + k];
        return (sum){w, fabs(w)};
    }
    const int64_t g = row * s->groups + k / s->layout.group;
    const double scaled = (double)s->scale[g] * s->code[row * s->wk + k];
    return (sum){scaled + (double)s->offset[g], fabs(scaled) + fabs((double)s->offset[g])};
}

static sum sum_f32(const scene *s, int64_t i, int64_t j)
{
    const bool forward = s->recipe->op == QF_FORWARD;
    sum total = {0, 0};

    for (int64_t d = 0; d < s->hearing->depth; d++) {
        const double x = s->x[i * s->hearing->depth + d];
        const sum w = forward ? weight(s, j, d) : weight(s, d, j);
        total.value += x * w.value;
        total.magnitude += fabs(x) * w.magnitude;
    }
    return total;
}

/* The products of one group's codes with its digits or its tables. */
static int64_t dot_digits(const scene *s, const int8_t *digit, const uint8_t *code,
                          int64_t count)
{
    const int planes = s->recipe->planes;
    int64_t dot = 0;

    for (int64_t k = 0; k < count; k++) {
        int64_t q = 0;
        for (int p = 0; p < planes; p++) q = 256 * q + digit[4 * (k / 4 * planes + p) + k % 4];
        dot += q * code[k];
    }
    return dot;
}

static int64_t dot_tables(const int8_t *table, const uint8_t *code, int64_t count)
{
    int64_t dot = 0;

    for (int64_t k = 0; k < count; k += 4, table += 16) {
        int low = 0, high = 0;
        for (int t = 0; t < 4 && k + t < count; t++)
            low += (code[k + t] & 1) << t, high += (code[k + t] >> 1) << t;
        dot += table[low] + 2 * table[high];
    }
    return dot;
}

/* The activations as the kernel gets them: one row packed alone. */
static sum sum_i8(const scene *s, const uint8_t *row, int64_t j)
{
    const int group = s->layout.group, planes = s->recipe->planes;
    const int64_t record = qf_activations_block_bytes(planes, 1, group, group);
    sum total = {0, 0};

    for (int64_t g = 0; g < s->groups; g++) {
        float params[2];
        const int8_t *bytes = (const int8_t *)row + g * record + sizeof params;
        const uint8_t *code = s->code + j * s->wk + g * group;
        const int64_t left = s->wk - g * group, count = left < group ? left : group;
        const int64_t dot = planes == QF_TABLES ? dot_tables(bytes, code, count)
                                                : dot_digits(s, bytes, code, count);
        memcpy(params, row + g * record, sizeof params);
        const double scale = s->scale[j * s->groups + g];
        const double offset =
            s->offset[j * s->groups + g] + (planes == QF_TABLES ? 1.5 * scale : 0);
        total.value += (double)dot * params[0] * scale + params[1] * offset;
        total.magnitude += fabs((double)dot * params[0] * scale) + fabs(params[1] * offset);
    }
    return total;
}

/* Whether every sum is an integer that fp32 holds. */
static bool is_exact(const scene *s)
{
    const int planes = s->recipe->planes;
    if (s->hearing->data == QF_DATA_RANDOM || planes == 3) return false;
    return planes < 2 || planes == QF_TABLES ||
           (s->hearing->data == QF_DATA_INTEGERS && qf_quant_of(s->layout.quant)->bits <= 4);
}

static double roundings(const scene *s)
{
    const int planes = s->recipe->planes;
    if (is_exact(s)) return 0;
    /* A third plane is joined in floating point; more than one plane round when they
     * become a float. */
    if (planes) return (planes + 3) * (double)s->groups + s->hearing->tail + 6;
    return (double)(s->padded + s->hearing->tail) + 6;
}

static sum sum_tail(const scene *s, int64_t i, int64_t j)
{
    const int depth = s->hearing->tail;
    sum total = {0, 0};

    for (int t = 0; t < depth; t++) {
        const double product = (double)s->tail_x[i * depth + t] * s->tail_w[j * depth + t];
        total.value += product;
        total.magnitude += fabs(product);
    }
    return total;
}

static void answer_row(scene *s, int64_t i, const uint8_t *row)
{
    const int64_t columns = s->hearing->columns;

    for (int64_t j = 0; j < columns; j++) {
        sum total = row ? sum_i8(s, row, j) : sum_f32(s, i, j);
        const sum tail = sum_tail(s, i, j);
        const double before = s->hearing->accumulate ? s->before[i * columns + j] : 0;
        total.value += tail.value;
        total.magnitude += tail.magnitude;
        s->want[i * columns + j] = total.value + before;
        s->bound[i * columns + j] =
            roundings(s) * unit * (total.magnitude + fabs(before)) + roundings(s) * 1e-38;
    }
}

qf_status scene_answer(scene *s)
{
    const qf_hearing *h = s->hearing;
    uint8_t *row = NULL;

    const int planes = s->recipe->planes;
    if (planes) {
        row =
            qf_alloc((size_t)qf_activations_block_bytes(planes, 1, s->layout.group, h->depth));
        if (!row) return QF_MEMORY;
    }
    for (int64_t i = 0; i < h->m; i++) {
        if (row)
            qf_activations_pack_i8(planes, s->x + i * h->depth, h->depth, 0, 1, h->depth,
                                   s->layout.group, 1, row);
        answer_row(s, i, row);
    }
    qf_free(row);
    return QF_OK;
}
