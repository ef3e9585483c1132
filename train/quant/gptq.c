/* gptq.c -- GPTQ (Frantar et al. 2022): columns are rounded one after the other, and what
 * rounding lost is made up for by the columns still to come.
 *
 * Columns go in blocks of as many as a group has:
 *
 *     for each row (over threads), for each column j of the block
 *         q = round(w[j]),  e[j] = (w[j] - q) / u[j][j]
 *         w[j+1 .. end of block] -= e[j] u[j][..]
 *     w[all rows][columns after the block] -= e u[block][..]        (one product)
 *
 * As long as columns keep their order a block is a group, and its grid is fitted when its
 * first column is reached, on weights that hold every correction so far.  Static grids are
 * fitted beforehand, to the weights as given. */
#include "gptq.h"

#include <string.h>

#include "qforge/memory.h"

typedef struct task {
    const quant_layer *layer;
    const int64_t *order;
    bool fixed; /* grids are there already */
    int64_t n, k, groups;
    const float *u;
    const qf_qlinear *out;
    float *cost;          /* [k] in the given order: what weighs searched grids */
    float *w;             /* [n][k] in the order of rounding, corrected as we go */
    float *loss;          /* [n][group], minus e of the block in hand */
    int64_t first, count; /* its columns */
} task;

static void fit_group(const task *t, int64_t row, int64_t first, int64_t count, const float *w)
{
    const int64_t at = row * t->groups + first / t->layer->format.group;
    const grid fit = quant_layer_grid(t->layer, w, t->cost + first, count);
    t->out->scale[at] = fit.scale;
    t->out->offset[at] = fit.offset;
}

static void fit_rows(void *context, int part, int parts)
{
    const task *t = context;
    const qf_range own = qf_partition(t->n, 1, part, parts);
    const int64_t group = t->layer->format.group;

    for (int64_t row = own.begin; row < own.end; row++)
        for (int64_t first = 0; first < t->k; first += group)
            fit_group(t, row, first, t->k - first < group ? t->k - first : group,
                      t->layer->w + row * t->k + first);
}

static void quantise_row(const task *t, int64_t row)
{
    const int group = t->layer->format.group, top = (1 << t->layer->format.bits) - 1;
    float *w = t->w + row * t->k + t->first;
    float *loss = t->loss + row * group;

    if (!t->fixed) fit_group(t, row, t->first, t->count, w);
    for (int64_t j = 0; j < t->count; j++) {
        const int64_t column = t->order ? t->order[t->first + j] : t->first + j;
        const int64_t at = row * t->groups + column / group;
        const grid fit = {t->out->scale[at], t->out->offset[at], top};
        const float *u = t->u + (t->first + j) * t->k + t->first;
        const uint8_t code = grid_code(&fit, w[j]);
        t->out->code[row * t->k + column] = code;
        loss[j] = (grid_value(&fit, code) - w[j]) / u[j];
        for (int64_t i = j + 1; i < t->count; i++) w[i] += loss[j] * u[i];
    }
}

static void quantise_rows(void *context, int part, int parts)
{
    const task *t = context;
    const qf_range own = qf_partition(t->n, 1, part, parts);
    for (int64_t row = own.begin; row < own.end; row++) quantise_row(t, row);
}

static void quantise_blocks(task *t, const qf_sgemm *product, qf_pool *pool, void *workspace)
{
    const int64_t size = t->layer->format.group;

    if (t->fixed) qf_pool_run(pool, fit_rows, t);
    for (t->first = 0; t->first < t->k; t->first += t->count) {
        t->count = t->k - t->first < size ? t->k - t->first : size;
        qf_pool_run(pool, quantise_rows, t);
        const int64_t next = t->first + t->count;
        if (next < t->k)
            qf_sgemm_run(product, t->n, t->k - next, t->count, t->loss, size,
                         t->u + t->first * t->k + next, t->k, t->w + next, t->k, true,
                         workspace);
    }
}

/* An error costs the mean square of its input; with grids fitted on the way, when the columns
 * before it have their codes, what is left of that after later ones made up for it. */
static void fill_cost(const task *t)
{
    if (t->fixed) {
        memcpy(t->cost, t->layer->inputs->diagonal, (size_t)t->k * sizeof *t->cost);
        return;
    }
    for (int64_t j = 0; j < t->k; j++) {
        const float u = t->u[j * t->k + j];
        t->cost[j] = 1 / (u * u);
    }
}

static void copy_weights(const task *t, float *to)
{
    const float *w = t->layer->w;

    if (!t->order) {
        memcpy(to, w, (size_t)(t->n * t->k) * sizeof *w);
        return;
    }
    for (int64_t row = 0; row < t->n; row++)
        for (int64_t j = 0; j < t->k; j++) to[row * t->k + j] = w[row * t->k + t->order[j]];
}

static qf_status add_drift(const task *t, const float *drift)
{
    const quant_layer *l = t->layer;
    const qf_sgemm_shape shape = {t->n, t->k, t->k, false, false};
    qf_sgemm product;

    QF_TRY(qf_sgemm_plan(l->source, shape, l->pool, &product));
    float *w = qf_alloc_array((size_t)(t->n * t->k), sizeof *w);
    void *workspace = qf_alloc(qf_sgemm_workspace(&product));
    const bool room = w && workspace;
    if (room) {
        copy_weights(t, w);
        qf_sgemm_run(&product, t->n, t->k, t->k, w, t->k, drift, t->k, t->w, t->k, true,
                     workspace);
    }
    qf_free(w);
    qf_free(workspace);
    return room ? QF_OK : QF_MEMORY;
}

/* With room for everything. */
static qf_status walk(task *t, const float *drift, const qf_sgemm *product, void *workspace)
{
    fill_cost(t);
    copy_weights(t, t->w);
    if (drift) QF_TRY(add_drift(t, drift));
    quantise_blocks(t, product, t->layer->pool, workspace);
    return QF_OK;
}

qf_status gptq_walk(const quant_layer *layer, const float *drift, const qf_qlinear *out)
{
    const int64_t n = layer->n, k = layer->k, group = layer->format.group;
    const quant_inputs *inputs = layer->inputs;
    task t = {.layer = layer,
              .order = inputs->order,
              .fixed = inputs->order || layer->options.static_groups,
              .n = n,
              .k = k,
              .groups = qf_groups(k, layer->format.group),
              .u = inputs->u,
              .out = out};
    qf_sgemm product;

    QF_TRY(grid_check_weights(&layer->format, layer->w, n, k, layer->what));
    QF_TRY(qf_sgemm_plan(layer->source, (qf_sgemm_shape){.m = n, .n = k, .k = group},
                         layer->pool, &product));
    t.cost = qf_alloc_array((size_t)k, sizeof *t.cost);
    t.w = qf_alloc_array((size_t)(n * k), sizeof *t.w);
    t.loss = qf_alloc_array((size_t)(n * group), sizeof *t.loss);
    void *workspace = qf_alloc(qf_sgemm_workspace(&product));
    const bool room = t.cost && t.w && t.loss && workspace;
    const qf_status status = room ? walk(&t, drift, &product, workspace) : QF_MEMORY;
    qf_free(t.cost);
    qf_free(t.w);
    qf_free(t.loss);
    qf_free(workspace);
    return status;
}

qf_status gptq_quantise(const quant_layer *layer, const qf_qlinear *out)
{
    return gptq_walk(layer, NULL, out);
}
