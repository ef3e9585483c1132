/* residual.c -- the sum that carries the residual stream, and its gradient. */
#include "qforge/ops.h"
#include "rows.h"

typedef struct sum {
    float *into;
    const float *from;
    int64_t n;
} sum;

QF_VECTORISED static void add(float *into, const float *from, int64_t n)
{
    for (int64_t i = 0; i < n; i++) into[i] += from[i];
}

static void add_part(void *context, int part, int parts)
{
    const sum *o = context;
    const qf_range some = qf_partition(o->n, QF_LANES, part, parts);
    add(o->into + some.begin, o->from + some.begin, some.end - some.begin);
}

void qf_residual_forward(float *x, const float *y, int64_t n, qf_pool *pool)
{
    sum o = {x, y, n};
    qf_run_sized(pool, n, add_part, &o);
}

void qf_residual_backward(float *dy, const float *dx, int64_t n, qf_pool *pool)
{
    sum o = {dy, dx, n};
    qf_run_sized(pool, n, add_part, &o);
}
