/* group_sums.c -- rows in parallel. */
#include "group_sums.h"

#include "qforge/qmatrix.h"

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
