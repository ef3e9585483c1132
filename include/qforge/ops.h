/* qforge/ops.h -- the layers of a LLaMA network that are not products with weights:
 * forward and backward of each, side by side.
 *
 * Shapes stand beside the names: N rows (tokens), C columns, T positions of a sequence,
 * H heads, G key/value heads, D = head_dim, V vocabulary.  All arrays are dense and
 * row-major unless a stride is given.  A gradient has the name of its value with a d
 * before it and is *added into*, so that a value used twice sums up by itself; the few
 * that work in place say so.
 *
 * Work is cut statically by rows, heads or columns and never summed across threads, so
 * results do not depend on the number of threads.  Small work stays on the calling
 * thread.  Nothing here allocates or fails, except planning. */
#ifndef QFORGE_OPS_H
#define QFORGE_OPS_H

#include <stddef.h>
#include <stdint.h>

#include "qforge/gemm.h"
#include "qforge/pool.h"
#include "qforge/status.h"

/* ---- root-mean-square normalisation (Zhang and Sennrich 2019) ----
 * y[n] = x[n] * r[n] * w,  r[n] = 1 / sqrt(mean(x[n]^2) + eps).
 *   x, y [N][C] (y may be x)   w [C]   r [N], kept for backward, may be NULL
 * dw may be NULL. */
void qf_rmsnorm_forward(float *y, float *r, const float *x, const float *w, int64_t N, int C,
                        float eps, qf_pool *pool);
void qf_rmsnorm_backward(float *dx, float *dw, const float *dy, const float *x, const float *w,
                         const float *r, int64_t N, int C, qf_pool *pool);

/* ---- rotary positions (Su et al. 2021), halves rotated as in Hugging Face ----
 * table [positions][D]: D/2 cosines, then D/2 sines, of position * theta^(-2i/D).
 * Both directions work in place on x [N][H*D]; row n has position
 * `position` + n % T.  Backward turns the other way. */
void qf_rope_table(float *table, int positions, int D, float theta);
void qf_rope_forward(float *x, const float *table, int64_t N, int T, int H, int D, int position,
                     qf_pool *pool);
void qf_rope_backward(float *dx, const float *table, int64_t N, int T, int H, int D,
                      int position, qf_pool *pool);

/* ---- causal attention with grouped queries ----
 * For query t of a sequence, at position p = position + t, and head h of H,
 *     out = softmax(q k^T / sqrt(D)) v   over keys 0..p of key head h / (H / G).
 *   q, out [sequences * T][H*D]
 *   k, v   [sequences][position + T][G*D]; a sequence starts kv_stride floats after the
 *          one before, so a cache longer than what is filled can be passed
 *   lse    [sequences * T][H], log of the sum of exponentials, kept for backward
 * Scores are made block by block of queries and made again in backward, never stored
 * whole.  The products run through qf_sgemm. */
typedef struct qf_attention {
    int H, G, D;
    int queries, keys; /* most per sequence */
    bool backward;
    qf_pool *pool;
    qf_sgemm score, mix, scatter; /* q k^T;  p v and ds k;  p^T dout and ds^T q */
    size_t part_bytes;            /* workspace of one thread */
} qf_attention;

QF_MUST_CHECK qf_status qf_attention_plan(const qf_kernel_source *source, int H, int G, int D,
                                          int queries, int keys, bool backward, qf_pool *pool,
                                          qf_attention *attention);
size_t qf_attention_workspace(const qf_attention *attention); /* bytes, 64-aligned buffer */
/* lse may be NULL. */
void qf_attention_forward(const qf_attention *attention, float *out, float *lse, const float *q,
                          const float *k, const float *v, int64_t kv_stride, int sequences,
                          int T, int position, void *workspace);
/* Position 0, kv_stride T*G*D; only for a plan with backward. */
void qf_attention_backward(const qf_attention *attention, float *dq, float *dk, float *dv,
                           const float *dout, const float *out, const float *lse,
                           const float *q, const float *k, const float *v, int sequences, int T,
                           void *workspace);

/* ---- gated unit (Shazeer 2020): y = silu(gate) * up, all [n] ---- (y may be gate or up) */
void qf_swiglu_forward(float *y, const float *gate, const float *up, int64_t n, qf_pool *pool);
void qf_swiglu_backward(float *dgate, float *dup, const float *dy, const float *gate,
                        const float *up, int64_t n, qf_pool *pool);

/* ---- residual sum, in place: x += y;  dy += dx ---- */
void qf_residual_forward(float *x, const float *y, int64_t n, qf_pool *pool);
void qf_residual_backward(float *dy, const float *dx, int64_t n, qf_pool *pool);

/* ---- embedding: y[n] = table[token[n]],  table [V][C], token [N] each in 0..V-1 ---- */
void qf_embedding_forward(float *y, const float *table, const int *token, int64_t N, int C,
                          qf_pool *pool);
void qf_embedding_backward(float *dtable, const float *dy, const int *token, int64_t N, int C,
                           qf_pool *pool);

/* ---- softmax and cross entropy in one ----
 * Forward turns logits [N][V] into probabilities, in place, and leaves
 * loss[n] = -log p[target[n]] in nats; 0 where target[n] is negative (not counted).
 * Backward turns those probabilities into `scale` times the gradient of the summed loss,
 * in place: scale * (p - onehot); 0 in rows not counted.  For the gradient of the mean,
 * scale is 1 / qf_cross_entropy_counted(). */
void qf_cross_entropy_forward(float *loss, float *logits, const int *target, int64_t N, int V,
                              qf_pool *pool);
void qf_cross_entropy_backward(float *logits, const int *target, float scale, int64_t N, int V,
                               qf_pool *pool);
/* The same towards a teacher: the wanted distribution is (1 - share) onehot + share q, and
 * the loss is -sum of wanted log p.  Forward takes the teacher's logits [N][V] and turns
 * them into its probabilities q, in place; backward reads those. */
void qf_taught_entropy_forward(float *loss, float *logits, float *teacher, float share,
                               const int *target, int64_t N, int V, qf_pool *pool);
void qf_taught_entropy_backward(float *logits, const float *teacher, float share,
                                const int *target, float scale, int64_t N, int V,
                                qf_pool *pool);
int64_t qf_cross_entropy_counted(const int *target, int64_t N);
/* Sum of loss over all rows, in double and in row order. */
double qf_cross_entropy_sum(const float *loss, int64_t N);

/* ---- softmax of one row in place; returns log of the sum of exponentials ---- */
float qf_softmax(float *x, int64_t n);

#endif
