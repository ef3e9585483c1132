/* taught_entropy.c -- cross entropy towards a mixture of the target and a teacher's
 * distribution (Hinton, Vinyals and Dean 2015, at temperature 1). */
#include "qforge/ops.h"
#include "rows.h"

typedef struct taught {
    float *loss, *logits, *teacher;
    const float *q;
    const int *target;
    float share, scale;
    int64_t N;
    int V;
} taught;

QF_VECTORISED static float inner_product(const float *a, const float *b, int64_t n)
{
    float lane[QF_LANES] = {0};
    const int64_t whole = n - n % QF_LANES;
    for (int64_t i = 0; i < whole; i += QF_LANES)
        for (int l = 0; l < QF_LANES; l++) lane[l] += a[i + l] * b[i + l];
    for (int64_t i = whole; i < n; i++) lane[i - whole] += a[i] * b[i];
    return qf_lanes_sum(lane);
}

static void forward_rows(void *context, int part, int parts)
{
    const taught *o = context;
    const qf_range rows = qf_partition(o->N, 1, part, parts);
    for (int64_t n = rows.begin; n < rows.end; n++) {
        float *row = o->logits + n * o->V, *q = o->teacher + n * o->V;
        const int target = o->target[n];
        qf_softmax(q, o->V);
        const float wanted = target < 0 ? 0 : row[target];
        const float taught_logit = inner_product(q, row, o->V);
        const float lse = qf_softmax(row, o->V);
        o->loss[n] = target < 0 ? 0 : lse - (1 - o->share) * wanted - o->share * taught_logit;
    }
}

void qf_taught_entropy_forward(float *loss, float *logits, float *teacher, float share,
                               const int *target, int64_t N, int V, qf_pool *pool)
{
    taught o = {.loss = loss,
                .logits = logits,
                .teacher = teacher,
                .target = target,
                .share = share,
                .N = N,
                .V = V};
    qf_run_sized(pool, N * V, forward_rows, &o);
}

QF_VECTORISED static void difference(float *p, const float *q, float p_scale, float q_scale,
                                     int64_t n)
{
    for (int64_t i = 0; i < n; i++) p[i] = p_scale * p[i] - q_scale * q[i];
}

static void backward_rows(void *context, int part, int parts)
{
    const taught *o = context;
    const qf_range rows = qf_partition(o->N, 1, part, parts);
    for (int64_t n = rows.begin; n < rows.end; n++) {
        float *row = o->logits + n * o->V;
        const int target = o->target[n];
        const float scale = target < 0 ? 0 : o->scale;
        difference(row, o->q + n * o->V, scale, scale * o->share, o->V);
        if (target >= 0) row[target] -= scale * (1 - o->share);
    }
}

void qf_taught_entropy_backward(float *logits, const float *teacher, float share,
                                const int *target, float scale, int64_t N, int V, qf_pool *pool)
{
    taught o = {.logits = logits,
                .q = teacher,
                .target = target,
                .share = share,
                .scale = scale,
                .N = N,
                .V = V};
    qf_run_sized(pool, N * V, backward_rows, &o);
}
