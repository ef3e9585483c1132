/* rmsnorm.c -- root-mean-square normalisation, Zhang and Sennrich 2019. */
#include <math.h>

#include "qforge/ops.h"
#include "rows.h"

typedef struct norm {
    float *y, *r, *dx, *dw;
    const float *x, *w, *dy, *kept;
    int64_t N;
    int C;
    float eps;
} norm;

QF_VECTORISED static void forward(float *y, float *r, const float *x, const float *w,
                                  int64_t rows, int C, float eps)
{
    for (int64_t n = 0; n < rows; n++, x += C, y += C) {
        const float root = 1 / sqrtf(qf_dot(x, x, C) / (float)C + eps);
        for (int c = 0; c < C; c++) y[c] = x[c] * root * w[c];
        if (r) r[n] = root;
    }
}

static void forward_rows(void *context, int part, int parts)
{
    const norm *o = context;
    const qf_range rows = qf_partition(o->N, 1, part, parts);
    const int64_t at = rows.begin * o->C;
    forward(o->y + at, o->r ? o->r + rows.begin : NULL, o->x + at, o->w, rows.end - rows.begin,
            o->C, o->eps);
}

void qf_rmsnorm_forward(float *y, float *r, const float *x, const float *w, int64_t N, int C,
                        float eps, qf_pool *pool)
{
    norm o = {.y = y, .r = r, .x = x, .w = w, .N = N, .C = C, .eps = eps};
    qf_run_sized(pool, N * C, forward_rows, &o);
}

/* With g = dy * w, the row's gradient is
 *     dx = r * (g - x * r^2 * mean(g * x))
 * the second term being how much each x moves r for the whole row. */
QF_VECTORISED static void backward(float *dx, const float *dy, const float *x, const float *w,
                                   const float *r, int64_t rows, int C)
{
    const int whole = C - C % QF_LANES;
    for (int64_t n = 0; n < rows; n++, x += C, dx += C, dy += C) {
        float lane[QF_LANES] = {0};
        for (int c = 0; c < whole; c += QF_LANES)
            for (int l = 0; l < QF_LANES; l++) lane[l] += dy[c + l] * w[c + l] * x[c + l];
        for (int c = whole; c < C; c++) lane[c % QF_LANES] += dy[c] * w[c] * x[c];
        const float root = r[n], pull = qf_lanes_sum(lane) / (float)C * root * root;
        for (int c = 0; c < C; c++) dx[c] += root * (dy[c] * w[c] - x[c] * pull);
    }
}

static void backward_rows(void *context, int part, int parts)
{
    const norm *o = context;
    const qf_range rows = qf_partition(o->N, 1, part, parts);
    const int64_t at = rows.begin * o->C;
    backward(o->dx + at, o->dy + at, o->x + at, o->w, o->kept + rows.begin,
             rows.end - rows.begin, o->C);
}

QF_VECTORISED static void gather(float *dw, const float *dy, const float *x, const float *r,
                                 int64_t N, int C, int64_t columns)
{
    for (int64_t n = 0; n < N; n++, x += C, dy += C)
        for (int64_t c = 0; c < columns; c++) dw[c] += dy[c] * x[c] * r[n];
}

/* Each thread sums its own columns over all rows: no partial sums to join. */
static void backward_columns(void *context, int part, int parts)
{
    const norm *o = context;
    const qf_range columns = qf_partition(o->C, QF_LANES, part, parts);
    const int64_t at = columns.begin;
    gather(o->dw + at, o->dy + at, o->x + at, o->kept, o->N, o->C, columns.end - at);
}

void qf_rmsnorm_backward(float *dx, float *dw, const float *dy, const float *x, const float *w,
                         const float *r, int64_t N, int C, qf_pool *pool)
{
    norm o = {.dx = dx, .dw = dw, .dy = dy, .x = x, .w = w, .kept = r, .N = N, .C = C};
    qf_run_sized(pool, N * C, backward_rows, &o);
    if (dw) qf_run_sized(pool, N * C, backward_columns, &o);
}
