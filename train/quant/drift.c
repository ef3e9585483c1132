/* drift.c -- P = share triu(D u^T, 1) u. */
#include "drift.h"

#include "qforge/memory.h"

/* The share of D. */
static void write_mean(const hessian *cross, const int64_t *order, float *d)
{
    const int64_t k = cross->k;
    const double scale = 1 / (double)cross->tokens;

    for (int64_t i = 0; i < k; i++) {
        const double *row = cross->sum + (order ? order[i] : i) * k;
        for (int64_t j = 0; j < k; j++)
            d[i * k + j] = (float)(row[order ? order[j] : j] * scale) * DRIFT_SHARE;
    }
}

qf_status drift_factor(const hessian *cross, const int64_t *order, const float *u,
                       const qf_kernel_source *source, qf_pool *pool, float *p)
{
    const int64_t k = cross->k;
    const qf_sgemm_shape across = {k, k, k, false, true}, along = {k, k, k, false, false};
    qf_sgemm by_transposed, by_factor;

    QF_TRY(qf_sgemm_plan(source, across, pool, &by_transposed));
    QF_TRY(qf_sgemm_plan(source, along, pool, &by_factor));
    const size_t one = qf_sgemm_workspace(&by_transposed), two = qf_sgemm_workspace(&by_factor);
    float *upper = qf_alloc_array((size_t)(k * k), sizeof *upper);
    void *workspace = qf_alloc(one > two ? one : two);
    const bool room = upper && workspace;
    if (room) {
        write_mean(cross, order, p);
        qf_sgemm_run(&by_transposed, k, k, k, p, k, u, k, upper, k, false, workspace);
        for (int64_t i = 0; i < k; i++)
            for (int64_t j = 0; j <= i; j++) upper[i * k + j] = 0;
        qf_sgemm_run(&by_factor, k, k, k, upper, k, u, k, p, k, false, workspace);
    }
    qf_free(upper);
    qf_free(workspace);
    return room ? QF_OK : QF_MEMORY;
}
