/* attention_backward.c -- the gradient of causal attention, scores made again as in
 * FlashAttention-2 (Dao 2023) from the kept log-sum-exp.
 *
 *     for every sequence and key head (shared out among threads, so that one thread
 *     alone adds into its dk and dv):
 *       for every query head on it, every block of queries:
 *         p  = exp(q k^T / sqrt(D) - lse)       dp = dout v^T
 *         ds = p (dp - sum(dout out)) / sqrt(D)
 *         dv += p^T dout     dq += ds k     dk += ds^T q */
#include <math.h>
#include <string.h>

#include "attention.h"
#include "exponential.h"
#include "rows.h"

typedef struct backward {
    const qf_attention *a;
    float *dq, *dk, *dv;
    const float *dout, *out, *lse, *q, *k, *v;
    int sequences, T;
    void *workspace;
} backward;

/* score -> p, dscore (dp) -> ds, both [n], zero up to keys. */
QF_VECTORISED static void rows_gradient(float *score, float *dscore, float lse, float delta,
                                        float scale, int64_t n, int64_t keys)
{
    for (int64_t j = 0; j < n; j++) {
        score[j] = qf_expf(score[j] * scale - lse);
        dscore[j] = score[j] * (dscore[j] - delta) * scale;
    }
    for (int64_t j = n; j < keys; j++) score[j] = dscore[j] = 0;
}

static void backward_block(const backward *o, const qf_attention_space *s, int sequence, int h,
                           int t, int end)
{
    const qf_attention *a = o->a;
    const int64_t wide = (int64_t)a->H * a->D, narrow = (int64_t)a->G * a->D;
    const int64_t row = (int64_t)sequence * o->T + t, m = end - t, keys = end;
    const int64_t at = row * wide + (int64_t)h * a->D;
    const int64_t kv = (int64_t)sequence * o->T * narrow + (int64_t)(h / (a->H / a->G)) * a->D;
    const float scale = 1 / sqrtf((float)a->D);

    qf_sgemm_run(&a->score, m, keys, a->D, o->q + at, wide, o->k + kv, narrow, s->score, keys,
                 false, s->product);
    qf_sgemm_run(&a->score, m, keys, a->D, o->dout + at, wide, o->v + kv, narrow, s->dscore,
                 keys, false, s->product);
    for (int64_t i = 0; i < m; i++) {
        const float delta = qf_dot(o->dout + at + i * wide, o->out + at + i * wide, a->D);
        rows_gradient(s->score + i * keys, s->dscore + i * keys, o->lse[(row + i) * a->H + h],
                      delta, scale, t + i + 1, keys);
    }
    qf_sgemm_run(&a->scatter, keys, a->D, m, s->score, keys, o->dout + at, wide, o->dv + kv,
                 narrow, true, s->product);
    qf_sgemm_run(&a->mix, m, a->D, keys, s->dscore, keys, o->k + kv, narrow, o->dq + at, wide,
                 true, s->product);
    qf_sgemm_run(&a->scatter, keys, a->D, m, s->dscore, keys, o->q + at, wide, o->dk + kv,
                 narrow, true, s->product);
}

static void backward_heads(void *context, int part, int parts)
{
    const backward *o = context;
    const qf_attention *a = o->a;
    const int block = qf_query_block(a), shared = a->H / a->G;
    const qf_attention_space space = qf_attention_space_of(a, o->workspace, part);

    for (int i = part; i < o->sequences * a->G; i += parts)
        for (int h = i % a->G * shared; h < (i % a->G + 1) * shared; h++)
            for (int t = 0; t < o->T; t += block)
                backward_block(o, &space, i / a->G, h, t, t + block < o->T ? t + block : o->T);
}

void qf_attention_backward(const qf_attention *attention, float *dq, float *dk, float *dv,
                           const float *dout, const float *out, const float *lse,
                           const float *q, const float *k, const float *v, int sequences, int T,
                           void *workspace)
{
    QF_ASSERT(attention->backward && T <= attention->queries);
    backward o = {attention, dq, dk, dv, dout, out, lse, q, k, v, sequences, T, workspace};
    const int64_t work = (int64_t)sequences * T * attention->H * T * attention->D;
    qf_run_sized(attention->pool, work, backward_heads, &o);
}
