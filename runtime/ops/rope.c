/* rope.c -- rotary positions, Su et al. 2021, in Hugging Face's order: dimension i of the
 * first half turns with dimension i of the second. */
#include <math.h>

#include "qforge/ops.h"
#include "rows.h"

typedef struct rope {
    float *x;
    const float *table;
    int64_t N;
    int T, H, D, position;
    float sign; /* -1 turns backwards */
} rope;

void qf_rope_table(float *table, int positions, int D, float theta)
{
    const int half = D / 2;
    for (int p = 0; p < positions; p++, table += D)
        for (int i = 0; i < half; i++) {
            const double angle = p * pow((double)theta, -2.0 * i / D);
            table[i] = (float)cos(angle);
            table[half + i] = (float)sin(angle);
        }
}

QF_VECTORISED static void turn(float *x, const float *table, int H, int half, float sign)
{
    const float *cosine = table, *sine = table + half;
    for (int h = 0; h < H; h++, x += 2 * half) {
        float *low = x, *high = x + half;
        for (int i = 0; i < half; i++) {
            const float a = low[i], b = high[i], s = sign * sine[i];
            low[i] = a * cosine[i] - b * s;
            high[i] = b * cosine[i] + a * s;
        }
    }
}

static void turn_rows(void *context, int part, int parts)
{
    const rope *o = context;
    const qf_range rows = qf_partition(o->N, 1, part, parts);
    for (int64_t n = rows.begin; n < rows.end; n++) {
        const int64_t position = o->position + n % o->T;
        turn(o->x + n * o->H * o->D, o->table + position * o->D, o->H, o->D / 2, o->sign);
    }
}

void qf_rope_forward(float *x, const float *table, int64_t N, int T, int H, int D, int position,
                     qf_pool *pool)
{
    rope o = {x, table, N, T, H, D, position, 1};
    qf_run_sized(pool, N * H * D, turn_rows, &o);
}

/* A rotation's transpose is the rotation back. */
void qf_rope_backward(float *dx, const float *table, int64_t N, int T, int H, int D,
                      int position, qf_pool *pool)
{
    rope o = {dx, table, N, T, H, D, position, -1};
    qf_run_sized(pool, N * H * D, turn_rows, &o);
}
