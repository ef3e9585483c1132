/* linear_f32.c -- y = x W^T, dx = dy W, dW += dy^T x with plain fp32 weights. */
#include "linear_f32.h"

#include "qforge/memory.h"

typedef struct products {
    int64_t n, k;
    qf_sgemm forward, input, weight;
} products;

struct tr_linear_f32 {
    qf_model model; /* views */
    float **dweight;
    products kind[QF_LINEARS];
    void *workspace;
};

static qf_status plan_one(const qf_kernel_source *source, qf_sgemm_shape shape, qf_pool *pool,
                          qf_sgemm *sgemm, size_t *workspace)
{
    QF_TRY(qf_sgemm_plan(source, shape, pool, sgemm));
    const size_t bytes = qf_sgemm_workspace(sgemm);
    if (bytes > *workspace) *workspace = bytes;
    return QF_OK;
}

static qf_status plan_kind(const qf_kernel_source *source, qf_pool *pool, int64_t rows,
                           bool backward, products *p, size_t *workspace)
{
    const qf_sgemm_shape forward = {rows, p->n, p->k, false, true};
    const qf_sgemm_shape input = {rows, p->k, p->n, false, false};
    const qf_sgemm_shape weight = {p->n, p->k, rows, true, false};

    QF_TRY(plan_one(source, forward, pool, &p->forward, workspace));
    if (!backward) return QF_OK;
    QF_TRY(plan_one(source, input, pool, &p->input, workspace));
    return plan_one(source, weight, pool, &p->weight, workspace);
}

static qf_status build(const qf_kernel_source *source, qf_pool *pool, int64_t rows,
                       bool backward, tr_linear_f32 *linear)
{
    size_t workspace = 0;
    for (int kind = 0; kind < QF_LINEARS; kind++) {
        products *p = &linear->kind[kind];
        qf_linear_shape(&linear->model.config, (qf_linear_kind)kind, &p->n, &p->k);
        QF_TRY(plan_kind(source, pool, rows, backward, p, &workspace));
    }
    linear->workspace = qf_alloc(workspace);
    return linear->workspace ? QF_OK : QF_MEMORY;
}

qf_status tr_linear_f32_create(const qf_kernel_source *source, qf_pool *pool, int64_t rows,
                               const qf_model *model, const qf_model *gradient, bool backward,
                               tr_linear_f32 **out)
{
    *out = NULL;
    tr_linear_f32 *linear = qf_alloc(sizeof *linear);
    if (!linear) return QF_MEMORY;
    linear->model = *model;
    linear->dweight = gradient ? gradient->linear : NULL;
    const qf_status status = build(source, pool, rows, backward, linear);
    if (status == QF_OK)
        *out = linear;
    else
        tr_linear_f32_destroy(linear);
    return status;
}

void tr_linear_f32_destroy(tr_linear_f32 *linear)
{
    if (!linear) return;
    qf_free(linear->workspace);
    qf_free(linear);
}

static void forward(void *self, int index, const float *x, float *y, int64_t N)
{
    const tr_linear_f32 *l = self;
    const products *p = &l->kind[index % QF_LINEARS];
    qf_sgemm_run(&p->forward, N, p->n, p->k, x, p->k, l->model.linear[index], p->k, y, p->n,
                 false, l->workspace);
}

static void backward(void *self, int index, const float *dy, const float *x, float *dx,
                     bool accumulate, int64_t N)
{
    const tr_linear_f32 *l = self;
    const products *p = &l->kind[index % QF_LINEARS];
    if (dx)
        qf_sgemm_run(&p->input, N, p->k, p->n, dy, p->n, l->model.linear[index], p->k, dx, p->k,
                     accumulate, l->workspace);
    if (l->dweight)
        qf_sgemm_run(&p->weight, p->n, p->k, N, dy, p->n, x, p->k, l->dweight[index], p->k,
                     true, l->workspace);
}

tr_linears tr_linear_f32_linears(tr_linear_f32 *linear)
{
    return (tr_linears){.self = linear, .forward = forward, .backward = backward};
}
