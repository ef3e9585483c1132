/* cholesky.c -- right-looking blocked factorisation, and the inverse of its factor.
 *
 *     for each block of columns:
 *         factor the diagonal block           (one thread, BLOCK^3 / 3)
 *         solve the rows below against it     (rows over threads)
 *         subtract their outer product        (rows over threads, nearly all the work)
 */
#include "cholesky.h"

#include <math.h>
#include <stdbool.h>

#include "qforge/memory.h"

enum { BLOCK = 64 };

typedef struct task {
    double *a;
    int64_t n;
    int64_t begin, end; /* columns of the block in hand */
    double *across;     /* [BLOCK][n]: those columns transposed, for unit strides */
} task;

static bool factor_diagonal(const task *t)
{
    const int64_t n = t->n;
    for (int64_t j = t->begin; j < t->end; j++) {
        double *row = t->a + j * n;
        double pivot = row[j];
        for (int64_t p = t->begin; p < j; p++) pivot -= row[p] * row[p];
        if (!(pivot > 0) || !isfinite(pivot)) return false;
        row[j] = sqrt(pivot);
        for (int64_t i = j + 1; i < t->end; i++) {
            double *below = t->a + i * n;
            double sum = below[j];
            for (int64_t p = t->begin; p < j; p++) sum -= below[p] * row[p];
            below[j] = sum / row[j];
        }
    }
    return true;
}

/* x L^T = a for one row below the diagonal block. */
static void solve_row(const task *t, double *row)
{
    for (int64_t j = t->begin; j < t->end; j++) {
        const double *pivot = t->a + j * t->n;
        double sum = row[j];
        for (int64_t p = t->begin; p < j; p++) sum -= row[p] * pivot[p];
        row[j] = sum / pivot[j];
    }
}

static void solve_rows(void *context, int part, int parts)
{
    const task *t = context;
    const qf_range own = qf_partition(t->n - t->end, 1, part, parts);

    for (int64_t i = t->end + own.begin; i < t->end + own.end; i++) {
        double *row = t->a + i * t->n;
        solve_row(t, row);
        for (int64_t j = t->begin; j < t->end; j++)
            t->across[(j - t->begin) * t->n + i] = row[j];
    }
}

/* Rows are dealt out in turn: later ones are longer. */
static void update_rows(void *context, int part, int parts)
{
    const task *t = context;
    for (int64_t i = t->end + part; i < t->n; i += parts) {
        double *row = t->a + i * t->n;
        for (int64_t p = t->begin; p < t->end; p++) {
            const double *across = t->across + (p - t->begin) * t->n;
            const double factor = row[p];
            for (int64_t j = t->end; j <= i; j++) row[j] -= factor * across[j];
        }
    }
}

qf_status cholesky_factor(double *a, int64_t n, qf_pool *pool)
{
    task t = {.a = a, .n = n, .across = qf_alloc_array(BLOCK * (size_t)n, sizeof(double))};
    bool positive = true;

    if (!t.across) return QF_MEMORY;
    for (t.begin = 0; t.begin < n && positive; t.begin = t.end) {
        t.end = t.begin + BLOCK < n ? t.begin + BLOCK : n;
        positive = factor_diagonal(&t);
        if (!positive || t.end == n) continue;
        qf_pool_run(pool, solve_rows, &t);
        qf_pool_run(pool, update_rows, &t);
    }
    qf_free(t.across);
    return positive ? QF_OK : qf_fail(QF_RANGE, "a matrix is not positive definite");
}

/* Columns of the inverse within one block of columns stay in cache while the rows of L
 * pass by: X[i] = (e_i - sum over p < i of L[i][p] X[p]) / L[i][i]. */
static void invert_columns(const task *t, const double *l, int64_t begin, int64_t end)
{
    for (int64_t i = begin; i < t->n; i++) {
        double *x = t->a + i * t->n;
        const double *row = l + i * t->n;
        const int64_t stop = i + 1 < end ? i + 1 : end;
        for (int64_t j = begin; j < stop; j++) x[j] = j == i;
        for (int64_t p = begin; p < i; p++) {
            const double *above = t->a + p * t->n;
            const int64_t last = p + 1 < end ? p + 1 : end;
            for (int64_t j = begin; j < last; j++) x[j] -= row[p] * above[j];
        }
        for (int64_t j = begin; j < stop; j++) x[j] /= row[i];
    }
}

static void invert_blocks(void *context, int part, int parts)
{
    const task *t = context;
    for (int64_t begin = part * (int64_t)BLOCK; begin < t->n; begin += parts * (int64_t)BLOCK)
        invert_columns(t, t->across, begin, begin + BLOCK < t->n ? begin + BLOCK : t->n);
}

qf_status cholesky_invert_lower(double *a, int64_t n, qf_pool *pool)
{
    const size_t size = (size_t)(n * n);
    task t = {.a = a, .n = n, .across = qf_alloc_array(size, sizeof(double))};

    if (!t.across) return QF_MEMORY;
    for (size_t i = 0; i < size; i++) t.across[i] = a[i];
    qf_pool_run(pool, invert_blocks, &t);
    qf_free(t.across);
    return QF_OK;
}
