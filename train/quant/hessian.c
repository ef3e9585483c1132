/* hessian.c -- summing x x^T and factoring its inverse. */
#include "hessian.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cholesky.h"
#include "qforge/memory.h"

qf_status hessian_init(hessian *h, const qf_kernel_source *source, qf_pool *pool, int64_t rows,
                       int64_t k)
{
    const qf_sgemm_shape shape = {.m = k, .n = k, .k = rows, .a_transposed = true};

    *h = (hessian){.k = k, .pool = pool};
    QF_TRY(qf_sgemm_plan(source, shape, pool, &h->product));
    h->sum = qf_alloc_array((size_t)(k * k), sizeof *h->sum);
    h->part = qf_alloc_array((size_t)(k * k), sizeof *h->part);
    h->workspace = qf_alloc(qf_sgemm_workspace(&h->product));
    if (h->sum && h->part && h->workspace) return QF_OK;
    hessian_release(h);
    return QF_MEMORY;
}

void hessian_release(hessian *h)
{
    qf_free(h->sum);
    qf_free(h->part);
    qf_free(h->workspace);
    *h = (hessian){0};
}

static void add_part(void *context, int part, int parts)
{
    hessian *h = context;
    const qf_range own = qf_partition(h->k * h->k, 1, part, parts);
    for (int64_t i = own.begin; i < own.end; i++) h->sum[i] += (double)h->part[i];
}

void hessian_clear(hessian *h)
{
    memset(h->sum, 0, (size_t)(h->k * h->k) * sizeof *h->sum);
    h->tokens = 0;
}

void hessian_add(hessian *h, const float *x, int64_t rows)
{
    hessian_add_cross(h, x, x, rows);
}

void hessian_add_cross(hessian *h, const float *x, const float *y, int64_t rows)
{
    qf_sgemm_run(&h->product, h->k, h->k, rows, x, h->k, y, h->k, h->part, h->k, false,
                 h->workspace);
    qf_pool_run(h->pool, add_part, h);
    h->tokens += rows;
}

static double mean_diagonal(const hessian *h)
{
    double sum = 0;
    for (int64_t i = 0; i < h->k; i++) sum += h->sum[i * h->k + i];
    return sum / (double)h->k / (double)h->tokens;
}

typedef struct ranked {
    float value;
    int64_t column;
} ranked;

static int falling(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->value != y->value) return x->value > y->value ? -1 : 1;
    return x->column < y->column ? -1 : x->column > y->column;
}

qf_status hessian_order(const float *diagonal, int64_t k, int64_t *order)
{
    ranked *rank = qf_alloc_array((size_t)k, sizeof *rank);
    if (!rank) return QF_MEMORY;
    for (int64_t i = 0; i < k; i++) rank[i] = (ranked){diagonal[i], i};
    qsort(rank, (size_t)k, sizeof *rank, falling);
    for (int64_t i = 0; i < k; i++) order[i] = rank[i].column;
    qf_free(rank);
    return QF_OK;
}

/* Writes H with its rows and columns in reverse order into a.  Reversal turns the lower
 * factor into the upper one this way: with P the reversal, P H P = L L^T gives
 * H = R R^T, R = P L P upper, so H^-1 = u^T u with u = R^-1 = P L^-1 P. */
static void write_reversed(const hessian *h, const int64_t *order, double damping, double mean,
                           double *a)
{
    const int64_t k = h->k;
    const double scale = 1 / (double)h->tokens;

    for (int64_t i = 0; i < k; i++) {
        const int64_t at = k - 1 - i;
        const double *row = h->sum + (order ? order[at] : at) * k;
        for (int64_t j = 0; j < k; j++)
            a[i * k + j] = row[order ? order[k - 1 - j] : k - 1 - j] * scale;
    }
    for (int64_t i = 0; i < k; i++) {
        double *diagonal = &a[i * k + i];
        if (*diagonal == 0) *diagonal = mean;
        *diagonal += damping * mean;
    }
}

static qf_status factor_damped(const hessian *h, const int64_t *order, double mean,
                               double *damping, double *a)
{
    static const double most = 10; /* ten times the matrix itself: nothing of it is left */

    for (;;) {
        write_reversed(h, order, *damping, mean, a);
        const qf_status status = cholesky_factor(a, h->k, h->pool);
        if (status != QF_RANGE || *damping >= most) return status;
        *damping = *damping > 0 ? *damping * 10 : 1e-6;
    }
}

static qf_status check_mean(const hessian *h, double mean, const char *what)
{
    if (!h->tokens) return qf_fail(QF_RANGE, "%s: no calibration inputs were seen", what);
    if (!isfinite(mean))
        return qf_fail(QF_RANGE, "%s: the calibration inputs are not finite", what);
    return QF_OK;
}

qf_status hessian_diagonal(const hessian *h, const char *what, float *diagonal)
{
    QF_TRY(check_mean(h, mean_diagonal(h), what));
    for (int64_t i = 0; i < h->k; i++)
        diagonal[i] = (float)(h->sum[i * h->k + i] / (double)h->tokens);
    return QF_OK;
}

qf_status hessian_factor(const hessian *h, const int64_t *order, const char *what,
                         double *damping, float *u)
{
    const int64_t k = h->k, size = k * k;
    const double mean = mean_diagonal(h);

    QF_TRY(check_mean(h, mean, what));
    double *a = qf_alloc_array((size_t)size, sizeof *a);
    if (!a) return QF_MEMORY;
    qf_status status = factor_damped(h, order, mean > 0 ? mean : 1, damping, a);
    if (status == QF_OK)
        status = cholesky_invert_lower(a, k, h->pool);
    else if (status == QF_RANGE)
        status = qf_fail(QF_RANGE, "%s: the inputs' second moments cannot be factored", what);
    if (status == QF_OK) {
        memset(u, 0, (size_t)size * sizeof *u);
        for (int64_t i = 0; i < k; i++) /* u = P L^-1 P */
            for (int64_t j = 0; j <= i; j++)
                u[(k - 1 - i) * k + (k - 1 - j)] = (float)a[i * k + j];
    }
    qf_free(a);
    return status;
}
