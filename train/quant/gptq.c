/* gptq.c -- GPTQ (Frantar et al. 2022): columns are rounded one after the other, and what
 * rounding lost is made up for by the columns still to come.
 *
 * Block by block of one group, whose grid is fitted when its first column is reached, on
 * weights that hold every correction so far:
 *
 *     for each row (over threads): fit the grid, then for each column j of the block
 *         q = round(w[j]),  e[j] = (w[j] - q) / u[j][j]
 *         w[j+1 .. end of block] -= e[j] u[j][..]
 *     w[all rows][columns after the block] -= e u[block][..]        (one product)
 */
#include <string.h>

#include "qforge/memory.h"
#include "quantiser.h"

typedef struct task {
    const quant_format *format;
    int64_t n, k, groups;
    const float *u;
    const qf_qlinear *out;
    float *w;             /* [n][k], corrected as we go */
    float *loss;          /* [n][group], minus e of the block in hand */
    int64_t group;        /* index of the block in hand */
    int64_t first, count; /* its columns */
} task;

static void quantise_row(const task *t, int64_t row)
{
    float *w = t->w + row * t->k + t->first;
    float *loss = t->loss + row * t->format->group;
    uint8_t *code = t->out->code + row * t->k + t->first;
    const grid fit = grid_fit(t->format, w, t->count);

    t->out->scale[row * t->groups + t->group] = fit.scale;
    t->out->offset[row * t->groups + t->group] = fit.offset;
    for (int64_t j = 0; j < t->count; j++) {
        const float *u = t->u + (t->first + j) * t->k + t->first;
        code[j] = grid_code(&fit, w[j]);
        loss[j] = (grid_value(&fit, code[j]) - w[j]) / u[j];
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
    const int64_t size = t->format->group;

    for (t->group = 0; t->group < t->groups; t->group++) {
        t->first = t->group * size;
        t->count = t->k - t->first < size ? t->k - t->first : size;
        qf_pool_run(pool, quantise_rows, t);
        const int64_t next = t->first + t->count;
        if (next < t->k)
            qf_sgemm_run(product, t->n, t->k - next, t->count, t->loss, size,
                         t->u + t->first * t->k + next, t->k, t->w + next, t->k, true,
                         workspace);
    }
}

qf_status gptq_quantise(const quant_layer *layer, const qf_qlinear *out)
{
    const int64_t n = layer->n, k = layer->k, group = layer->format.group;
    task t = {.format = &layer->format,
              .n = n,
              .k = k,
              .groups = qf_groups(k, layer->format.group),
              .u = layer->inputs->u,
              .out = out};
    qf_sgemm product;

    QF_TRY(grid_check_weights(&layer->format, layer->w, n, k, layer->what));
    QF_TRY(qf_sgemm_plan(layer->source, (qf_sgemm_shape){.m = n, .n = k, .k = group},
                         layer->pool, &product));
    t.w = qf_alloc_array((size_t)(n * k), sizeof *t.w);
    t.loss = qf_alloc_array((size_t)(n * group), sizeof *t.loss);
    void *workspace = qf_alloc(qf_sgemm_workspace(&product));
    if (t.w && t.loss && workspace) {
        memcpy(t.w, layer->w, (size_t)(n * k) * sizeof *t.w);
        quantise_blocks(&t, &product, layer->pool, workspace);
    }
    const qf_status status = t.w && t.loss && workspace ? QF_OK : QF_MEMORY;
    qf_free(t.w);
    qf_free(t.loss);
    qf_free(workspace);
    return status;
}
