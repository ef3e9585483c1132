/* embedding.c -- rows of a table by token, and their gradient. */
#include <string.h>

#include "qforge/ops.h"
#include "rows.h"

typedef struct embedding {
    float *y, *dtable;
    const float *table, *dy;
    const int *token;
    int64_t N;
    int C;
} embedding;

static void forward_rows(void *context, int part, int parts)
{
    const embedding *o = context;
    const qf_range rows = qf_partition(o->N, 1, part, parts);
    for (int64_t n = rows.begin; n < rows.end; n++)
        memcpy(o->y + n * o->C, o->table + (int64_t)o->token[n] * o->C,
               (size_t)o->C * sizeof(float));
}

void qf_embedding_forward(float *y, const float *table, const int *token, int64_t N, int C,
                          qf_pool *pool)
{
    embedding o = {.y = y, .table = table, .token = token, .N = N, .C = C};
    qf_run_sized(pool, N * C, forward_rows, &o);
}

/* A token may stand in many rows, so threads share out the columns, not the rows. */
static void backward_columns(void *context, int part, int parts)
{
    const embedding *o = context;
    const qf_range columns = qf_partition(o->C, QF_LANES, part, parts);
    for (int64_t n = 0; n < o->N; n++) {
        float *into = o->dtable + (int64_t)o->token[n] * o->C;
        const float *from = o->dy + n * o->C;
        for (int64_t c = columns.begin; c < columns.end; c++) into[c] += from[c];
    }
}

void qf_embedding_backward(float *dtable, const float *dy, const int *token, int64_t N, int C,
                           qf_pool *pool)
{
    embedding o = {.dtable = dtable, .dy = dy, .token = token, .N = N, .C = C};
    qf_run_sized(pool, N * C, backward_columns, &o);
}
