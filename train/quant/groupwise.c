/* groupwise.c -- fit, then round, group after group. */
#include "groupwise.h"

typedef struct task {
    const quant_layer *layer;
    group_fit *fit;
    const qf_qlinear *out;
} task;

static void quantise_row(const task *t, int64_t row)
{
    const quant_layer *l = t->layer;
    const int64_t group = l->format.group, groups = qf_groups(l->k, l->format.group);

    for (int64_t g = 0; g < groups; g++) {
        const int64_t first = g * group, left = l->k - first;
        const int64_t count = left < group ? left : group;
        const float *w = l->w + row * l->k + first;
        const grid fit = t->fit(l, w, first, count);
        t->out->scale[row * groups + g] = fit.scale;
        t->out->offset[row * groups + g] = fit.offset;
        for (int64_t i = 0; i < count; i++)
            t->out->code[row * l->k + first + i] = grid_code(&fit, w[i]);
    }
}

static void quantise_rows(void *context, int part, int parts)
{
    const task *t = context;
    const qf_range own = qf_partition(t->layer->n, 1, part, parts);
    for (int64_t row = own.begin; row < own.end; row++) quantise_row(t, row);
}

qf_status groupwise_quantise(const quant_layer *layer, group_fit *fit, const qf_qlinear *out)
{
    task t = {layer, fit, out};

    QF_TRY(grid_check_weights(&layer->format, layer->w, layer->n, layer->k, layer->what));
    qf_pool_run(layer->pool, quantise_rows, &t);
    return QF_OK;
}
