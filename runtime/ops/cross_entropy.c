/* cross_entropy.c -- softmax and negative log-likelihood in one, because together their
 * gradient is only p - onehot. */
#include "qforge/ops.h"
#include "rows.h"

typedef struct entropy {
    float *loss, *logits;
    const int *target;
    float scale;
    int64_t N;
    int V;
} entropy;

static void forward_rows(void *context, int part, int parts)
{
    const entropy *o = context;
    const qf_range rows = qf_partition(o->N, 1, part, parts);
    for (int64_t n = rows.begin; n < rows.end; n++) {
        float *row = o->logits + n * o->V;
        const int target = o->target[n];
        const float wanted = target < 0 ? 0 : row[target];
        const float lse = qf_softmax(row, o->V);
        o->loss[n] = target < 0 ? 0 : lse - wanted;
    }
}

void qf_cross_entropy_forward(float *loss, float *logits, const int *target, int64_t N, int V,
                              qf_pool *pool)
{
    entropy o = {.loss = loss, .logits = logits, .target = target, .N = N, .V = V};
    qf_run_sized(pool, N * V, forward_rows, &o);
}

QF_VECTORISED static void multiply(float *x, float by, int64_t n)
{
    for (int64_t i = 0; i < n; i++) x[i] *= by;
}

static void backward_rows(void *context, int part, int parts)
{
    const entropy *o = context;
    const qf_range rows = qf_partition(o->N, 1, part, parts);
    for (int64_t n = rows.begin; n < rows.end; n++) {
        float *row = o->logits + n * o->V;
        const int target = o->target[n];
        multiply(row, target < 0 ? 0 : o->scale, o->V);
        if (target >= 0) row[target] -= o->scale;
    }
}

void qf_cross_entropy_backward(float *logits, const int *target, float scale, int64_t N, int V,
                               qf_pool *pool)
{
    entropy o = {.logits = logits, .target = target, .scale = scale, .N = N, .V = V};
    qf_run_sized(pool, N * V, backward_rows, &o);
}

int64_t qf_cross_entropy_counted(const int *target, int64_t N)
{
    int64_t counted = 0;
    for (int64_t n = 0; n < N; n++) counted += target[n] >= 0;
    return counted;
}

double qf_cross_entropy_sum(const float *loss, int64_t N)
{
    double sum = 0;
    for (int64_t n = 0; n < N; n++) sum += (double)loss[n];
    return sum;
}
