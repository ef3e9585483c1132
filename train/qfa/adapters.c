/* adapters.c -- initial values, group sums, folding. */
#include "adapters.h"

#include <math.h>
#include <string.h>

#include "qforge/random.h"

float tr_adapters_scale(int group)
{
    return 1 / sqrtf((float)group);
}

qf_status tr_adapters_init(qf_qmodel *model, int rank, uint64_t seed)
{
    static const uint64_t stream = (uint64_t)0xada9 << 48; /* this file's own */
    const qf_config *config = &model->base.config;

    QF_TRY(qf_qmodel_add_adapters(model, rank, tr_adapters_scale(model->group)));
    for (int i = 0; i < config->layers * QF_LINEARS * model->widths; i++) {
        int64_t n, k;
        qf_linear_shape(config, (qf_linear_kind)(i / model->widths % QF_LINEARS), &n, &k);
        const int64_t groups = qf_groups(k, model->group);
        const double limit = sqrt(6.0 / (double)(rank + groups));
        qf_random random = qf_random_init(seed, stream + (uint64_t)i);
        for (int64_t j = 0; j < rank * groups; j++)
            model->linear[i].lora_a[j] = (float)(limit * (2 * qf_random_unit(&random) - 1));
    }
    return QF_OK;
}

typedef struct sums_task {
    const float *x;
    float *sums;
    int64_t N, k;
    int group;
} sums_task;

static void sum_row(const float *x, int64_t k, int group, float *sums)
{
    for (int64_t first = 0; first < k; first += group) {
        const int64_t end = k - first < group ? k : first + group;
        float sum = 0;
        for (int64_t i = first; i < end; i++) sum += x[i];
        *sums++ = sum;
    }
}

static void sum_rows(void *context, int part, int parts)
{
    const sums_task *t = context;
    const qf_range own = qf_partition(t->N, 1, part, parts);
    for (int64_t row = own.begin; row < own.end; row++)
        sum_row(t->x + row * t->k, t->k, t->group, t->sums + row * qf_groups(t->k, t->group));
}

void tr_group_sums(const float *x, int64_t N, int64_t k, int group, float *sums, qf_pool *pool)
{
    sums_task t = {x, sums, N, k, group};
    qf_pool_run(pool, sum_rows, &t);
}

qf_status tr_adapters_merge(qf_qmodel *model)
{
    const int count = model->base.config.layers * QF_LINEARS;

    if (model->rank == 0) return qf_fail(QF_RANGE, "the model has no adapters to merge");
    for (int i = 0; i < count * model->widths; i++) {
        const int bits = model->width[i % model->widths];
        int64_t n, k;
        qf_linear_shape(&model->base.config, (qf_linear_kind)(i / model->widths % QF_LINEARS),
                        &n, &k);
        /* A row of merged offsets needs that row's old ones only, and copies them first. */
        qf_qmodel_merged_offsets(model, i / model->widths, bits, model->linear[i].offset);
        const qf_qmatrix matrix = qf_qmodel_matrix(model, i / model->widths, bits);
        QF_TRY(qf_qmatrix_check(
            &matrix, qf_linear_name((qf_linear_kind)(i / model->widths % QF_LINEARS))));
        model->linear[i].lora_a = model->linear[i].lora_b = NULL;
    }
    qf_arena_release(&model->adapters);
    model->rank = 0;
    model->adapter_scale = 0;
    return QF_OK;
}
