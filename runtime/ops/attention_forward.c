/* attention_forward.c -- causal attention, block of queries by block.
 *
 *     for every sequence, head, block of queries (shared out among threads):
 *         score = q k^T            [block][keys up to the last query's]
 *         row by row: softmax over the keys up to the query's own position, 0 behind
 *         out = score v */
#include <math.h>
#include <string.h>

#include "attention.h"
#include "exponential.h"
#include "rows.h"

typedef struct forward {
    const qf_attention *a;
    float *out, *lse;
    const float *q, *k, *v;
    int64_t kv_stride;
    int sequences, T, position;
    void *workspace;
} forward;

QF_VECTORISED static void scale_row(float *x, float by, int64_t n)
{
    for (int64_t i = 0; i < n; i++) x[i] *= by;
}

/* One block: queries [t, end) of `sequence` under head h. */
static void mix_block(const forward *o, const qf_attention_space *space, int sequence, int h,
                      int t, int end)
{
    const qf_attention *a = o->a;
    const int64_t wide = (int64_t)a->H * a->D, narrow = (int64_t)a->G * a->D;
    const int64_t row = (int64_t)sequence * o->T + t, keys = o->position + end;
    const int64_t at = row * wide + (int64_t)h * a->D;
    const int64_t kv = sequence * o->kv_stride + (int64_t)(h / (a->H / a->G)) * a->D;
    const float scale = 1 / sqrtf((float)a->D);

    qf_sgemm_run(&a->score, end - t, keys, a->D, o->q + at, wide, o->k + kv, narrow,
                 space->score, keys, false, space->product);
    for (int i = 0; i < end - t; i++) {
        float *score = space->score + i * keys;
        const int64_t seen = o->position + t + i + 1;
        scale_row(score, scale, seen);
        const float lse = qf_softmax(score, seen);
        memset(score + seen, 0, (size_t)(keys - seen) * sizeof(float));
        if (o->lse) o->lse[(row + i) * a->H + h] = lse;
    }
    qf_sgemm_run(&a->mix, end - t, a->D, keys, space->score, keys, o->v + kv, narrow,
                 o->out + at, wide, false, space->product);
}

static void forward_blocks(void *context, int part, int parts)
{
    const forward *o = context;
    const int block = qf_query_block(o->a), blocks = (o->T + block - 1) / block;
    const qf_attention_space space = qf_attention_space_of(o->a, o->workspace, part);
    const int64_t count = (int64_t)o->sequences * o->a->H * blocks;

    /* Dealt like cards, because later blocks see more keys. */
    for (int64_t i = part; i < count; i += parts) {
        const int t = (int)(i % blocks) * block, end = t + block < o->T ? t + block : o->T;
        const int64_t head = i / blocks;
        mix_block(o, &space, (int)(head / o->a->H), (int)(head % o->a->H), t, end);
    }
}

/* ---- a query or two: packing the keys for a product would cost more than it -------- */

enum { FEW_QUERIES = 3 };

QF_VECTORISED static void dot_rows(float *score, const float *q, const float *k, int64_t stride,
                                   int64_t keys, int D, float scale)
{
    for (int64_t j = 0; j < keys; j++, k += stride) score[j] = qf_dot(q, k, D) * scale;
}

QF_VECTORISED static void sum_rows(float *out, const float *p, const float *v, int64_t stride,
                                   int64_t keys, int D)
{
    for (int d = 0; d < D; d++) out[d] = 0;
    for (int64_t j = 0; j < keys; j++, v += stride)
        for (int d = 0; d < D; d++) out[d] += p[j] * v[d];
}

static void forward_queries(void *context, int part, int parts)
{
    const forward *o = context;
    const qf_attention *a = o->a;
    const int64_t narrow = (int64_t)a->G * a->D, rows = (int64_t)o->sequences * o->T;
    const qf_attention_space space = qf_attention_space_of(a, o->workspace, part);
    const float scale = 1 / sqrtf((float)a->D);

    for (int64_t i = part; i < rows * a->H; i += parts) {
        const int64_t row = i / a->H, h = i % a->H, seen = o->position + row % o->T + 1;
        const int64_t kv = row / o->T * o->kv_stride + h / (a->H / a->G) * a->D;
        dot_rows(space.score, o->q + i * a->D, o->k + kv, narrow, seen, a->D, scale);
        const float lse = qf_softmax(space.score, seen);
        if (o->lse) o->lse[i] = lse;
        sum_rows(o->out + i * a->D, space.score, o->v + kv, narrow, seen, a->D);
    }
}

void qf_attention_forward(const qf_attention *attention, float *out, float *lse, const float *q,
                          const float *k, const float *v, int64_t kv_stride, int sequences,
                          int T, int position, void *workspace)
{
    QF_ASSERT(T <= attention->queries && position + T <= attention->keys);
    forward o = {attention, out, lse, q, k, v, kv_stride, sequences, T, position, workspace};
    const int64_t work = (int64_t)sequences * T * attention->H * (position + T) * attention->D;
    qf_run_sized(attention->pool, work, T <= FEW_QUERIES ? forward_queries : forward_blocks,
                 &o);
}
