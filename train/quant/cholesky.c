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
#include "qforge/vectorised.h"

enum { BLOCK = 64, BUNCH = 32 };

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

/* x[width] -= sum over p < count of by[p] rows[p], in the order of p, rows `stride` apart: four
 * at a time, so that x is read and written a quarter as often, to the same bits. */
QF_VECTORISED static void subtract_rows(double *restrict x, int64_t width, const double *by,
                                        const double *rows, int64_t stride, int64_t count)
{
    int64_t p = 0;

    for (; p + 4 <= count; p += 4) {
        const double *a = rows + p * stride, *b = a + stride, *c = b + stride, *d = c + stride;
        const double u = by[p], v = by[p + 1], w = by[p + 2], z = by[p + 3];
        for (int64_t j = 0; j < width; j++)
            x[j] = x[j] - u * a[j] - v * b[j] - w * c[j] - z * d[j];
    }
    for (; p < count; p++)
        for (int64_t j = 0; j < width; j++) x[j] -= by[p] * rows[p * stride + j];
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* BLOCK columns after the other, so that what all rows subtract stays in L1.  Rows are dealt
 * out in turn: later ones are longer. */
static void update_rows(void *context, int part, int parts)
{
    const task *t = context;
    for (int64_t from = t->end; from < t->n; from += BLOCK)
        for (int64_t i = t->end + part; i < t->n; i += parts) {
            double *row = t->a + i * t->n;
            if (i < from) continue;
            subtract_rows(row + from, least(BLOCK, i + 1 - from), row + t->begin,
                          t->across + from, t->n, t->end - t->begin);
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

/* A block of columns of the inverse, [begin, end), from its diagonal down, by the rows of L:
 *
 *     X[i] = (e_i - sum over p < i of L[i][p] X[p]) / L[i][i] */
typedef struct columns {
    double *x;
    const double *l;
    int64_t n, begin, end;
} columns;

/* X[i] begins as e_i, of which rows p of the diagonal block are subtracted as far as they go.
 */
static void begin_row(const columns *c, int64_t i)
{
    double *x = c->x + i * c->n;
    const double *by = c->l + i * c->n;

    for (int64_t j = c->begin; j < least(i + 1, c->end); j++) x[j] = j == i;
    for (int64_t p = c->begin; p < least(i, c->end); p++)
        for (int64_t j = c->begin; j <= p; j++) x[j] -= by[p] * c->x[p * c->n + j];
}

/* Of X[i] rows [from, to), below the diagonal block. */
static void subtract(const columns *c, int64_t i, int64_t from, int64_t to)
{
    subtract_rows(c->x + i * c->n + c->begin, c->end - c->begin, c->l + i * c->n + from,
                  c->x + from * c->n + c->begin, c->n, to - from);
}

static void end_row(const columns *c, int64_t i)
{
    for (int64_t j = c->begin; j < least(i + 1, c->end); j++)
        c->x[i * c->n + j] /= c->l[i * c->n + i];
}

/* Rows go in bunches, and what all of a bunch subtract comes in bunches that stay in L1. */
static void invert_columns(const columns *c)
{
    for (int64_t i = c->begin; i < c->end; i++) {
        begin_row(c, i);
        end_row(c, i);
    }
    for (int64_t at = c->end; at < c->n; at += BUNCH) {
        const int64_t stop = least(at + BUNCH, c->n);
        for (int64_t i = at; i < stop; i++) begin_row(c, i);
        for (int64_t p = c->end; p < at; p += BUNCH)
            for (int64_t i = at; i < stop; i++) subtract(c, i, p, least(p + BUNCH, at));
        for (int64_t i = at; i < stop; i++) {
            subtract(c, i, at, i);
            end_row(c, i);
        }
    }
}

static void invert_blocks(void *context, int part, int parts)
{
    const task *t = context;
    for (int64_t begin = part * (int64_t)BLOCK; begin < t->n; begin += parts * (int64_t)BLOCK)
        invert_columns(&(columns){t->a, t->across, t->n, begin, least(begin + BLOCK, t->n)});
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
