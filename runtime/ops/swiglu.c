/* swiglu.c -- the gated unit of LLaMA's MLP, Shazeer 2020: silu(gate) * up, where
 * silu(x) = x * sigmoid(x). */
#include "exponential.h"
#include "qforge/ops.h"
#include "rows.h"

typedef struct swiglu {
    float *y, *dgate, *dup;
    const float *gate, *up, *dy;
    int64_t n;
} swiglu;

QF_VECTORISED static void forward(float *y, const float *gate, const float *up, int64_t n)
{
    for (int64_t i = 0; i < n; i++) y[i] = gate[i] / (1 + qf_expf(-gate[i])) * up[i];
}

static void forward_part(void *context, int part, int parts)
{
    const swiglu *o = context;
    const qf_range some = qf_partition(o->n, QF_LANES, part, parts);
    forward(o->y + some.begin, o->gate + some.begin, o->up + some.begin, some.end - some.begin);
}

void qf_swiglu_forward(float *y, const float *gate, const float *up, int64_t n, qf_pool *pool)
{
    swiglu o = {.y = y, .gate = gate, .up = up, .n = n};
    qf_run_sized(pool, n, forward_part, &o);
}

/* silu'(x) = s (1 + x (1 - s)) with s = sigmoid(x). */
QF_VECTORISED static void backward(float *dgate, float *dup, const float *dy, const float *gate,
                                   const float *up, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        const float s = 1 / (1 + qf_expf(-gate[i])), silu = gate[i] * s;
        dup[i] += dy[i] * silu;
        dgate[i] += dy[i] * up[i] * (s + silu * (1 - s));
    }
}

static void backward_part(void *context, int part, int parts)
{
    const swiglu *o = context;
    const qf_range some = qf_partition(o->n, QF_LANES, part, parts);
    const int64_t at = some.begin;
    backward(o->dgate + at, o->dup + at, o->dy + at, o->gate + at, o->up + at, some.end - at);
}

void qf_swiglu_backward(float *dgate, float *dup, const float *dy, const float *gate,
                        const float *up, int64_t n, qf_pool *pool)
{
    swiglu o = {.dgate = dgate, .dup = dup, .dy = dy, .gate = gate, .up = up, .n = n};
    qf_run_sized(pool, n, backward_part, &o);
}
