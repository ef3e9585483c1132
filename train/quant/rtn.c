/* rtn.c -- round to nearest. */
#include "rtn.h"

typedef struct task {
    const quant_format *format;
    const float *w;
    int64_t n, k;
    const qf_qlinear *out;
} task;

static void quantise_row(const task *t, int64_t row)
{
    const int64_t group = t->format->group, groups = qf_groups(t->k, t->format->group);

    for (int64_t g = 0; g < groups; g++) {
        const int64_t first = g * group, left = t->k - first;
        const int64_t count = left < group ? left : group;
        const float *w = t->w + row * t->k + first;
        const grid fit = grid_fit(t->format, w, count);
        t->out->scale[row * groups + g] = fit.scale;
        t->out->offset[row * groups + g] = fit.offset;
        for (int64_t i = 0; i < count; i++)
            t->out->code[row * t->k + first + i] = grid_code(&fit, w[i]);
    }
}

static void quantise_rows(void *context, int part, int parts)
{
    const task *t = context;
    const qf_range own = qf_partition(t->n, 1, part, parts);
    for (int64_t row = own.begin; row < own.end; row++) quantise_row(t, row);
}

qf_status rtn_quantise(const quant_format *format, const float *w, int64_t n, int64_t k,
                       qf_pool *pool, const char *what, const qf_qlinear *out)
{
    task t = {format, w, n, k, out};

    QF_TRY(grid_check_weights(format, w, n, k, what));
    qf_pool_run(pool, quantise_rows, &t);
    return QF_OK;
}
