/* calibrate.c -- a forward pass with an observer at every linear's input. */
#include "calibrate.h"

#include "../linear_f32.h"
#include "qforge/memory.h"

static const qf_linear_kind owner[TR_INPUTS] = {QF_LINEAR_QUERY, QF_LINEAR_OUTPUT,
                                                QF_LINEAR_GATE, QF_LINEAR_DOWN};

int tr_input_of(qf_linear_kind kind)
{
    int input = TR_INPUTS - 1;
    while (owner[input] > kind) input--;
    return input;
}

size_t tr_calibration_block_bytes(const qf_config *config)
{
    size_t bytes = 0;
    for (int i = 0; i < TR_INPUTS; i++) {
        int64_t n, k;
        qf_linear_shape(config, owner[i], &n, &k);
        bytes += (size_t)(k * k) * (sizeof(double) + sizeof(float));
    }
    return bytes;
}

int tr_calibration_batches(const tr_calibration *c)
{
    return (c->samples + c->batch - 1) / c->batch;
}

typedef struct pass {
    int begin, end;
    hessian *h;
} pass;

static void observe(void *context, int index, const float *x, int64_t N, int64_t k)
{
    const pass *p = context;
    const int block = index / QF_LINEARS;

    if (block < p->begin || block >= p->end) return;
    hessian *h = &p->h[(block - p->begin) * TR_INPUTS +
                       tr_input_of((qf_linear_kind)(index % QF_LINEARS))];
    QF_ASSERT(h->k == k);
    hessian_add(h, x, N);
}

static qf_status run_batches(const tr_calibration *c, tr_net *net, qf_progress *progress,
                             void *context)
{
    const int batches = tr_calibration_batches(c);
    const size_t size = (size_t)c->batch * (size_t)c->length;
    int *token = qf_alloc_array(2 * size, sizeof *token), *target = token + size;
    qf_status status = token ? QF_OK : QF_MEMORY;

    for (int i = 0; i < batches && status == QF_OK; i++) {
        const int left = c->samples - i * c->batch, B = left < c->batch ? left : c->batch;
        double loss;
        tr_batch_draw(c->stream, c->seed, i, B, c->length, token, target);
        status = tr_net_loss(net, token, target, B, c->length, &loss);
        if (status == QF_OK && progress && !progress(context, i + 1, batches))
            status = qf_fail(QF_INTERRUPTED, "calibration interrupted");
    }
    qf_free(token);
    return status;
}

static qf_status init_hessians(const tr_calibration *c, const qf_config *config, int blocks,
                               hessian *h)
{
    for (int i = 0; i < blocks * TR_INPUTS; i++) {
        int64_t n, k;
        qf_linear_shape(config, owner[i % TR_INPUTS], &n, &k);
        QF_TRY(hessian_init(&h[i], c->source, c->pool, (int64_t)c->batch * c->length, k));
    }
    return QF_OK;
}

qf_status tr_calibrate(const tr_calibration *c, const qf_model *model, int begin, int end,
                       qf_progress *progress, void *context, hessian *h)
{
    pass p = {begin, end, h};
    const tr_net_options options = {.source = c->source,
                                    .pool = c->pool,
                                    .batch = c->batch,
                                    .length = c->length,
                                    .observe = observe,
                                    .observe_context = &p};
    tr_linear_f32 *linear = NULL;
    tr_net *net = NULL;

    QF_TRY(init_hessians(c, &model->config, end - begin, h));
    qf_status status = tr_linear_f32_create(c->source, c->pool, (int64_t)c->batch * c->length,
                                            model, NULL, false, &linear);
    if (status == QF_OK)
        status = tr_net_create(&options, model, tr_linear_f32_linears(linear), &net);
    if (status == QF_OK) status = run_batches(c, net, progress, context);
    tr_net_destroy(net);
    tr_linear_f32_destroy(linear);
    return status;
}
