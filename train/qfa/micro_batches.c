/* micro_batches.c -- what each member found, kept apart until it is added in order. */
#include "micro_batches.h"

#include <string.h>

#include "qforge/memory.h"

struct tr_sum {
    tr_team team;
    int micro;
    int64_t count;
    float *own;   /* [micro / size][count]: of this member */
    float *other; /* [count]: of the member whose turn it is; nothing of one alone */
    double *loss; /* [micro] */
};

qf_status tr_sum_create(const tr_team *team, int micro, int64_t count, tr_sum **out)
{
    const int size = team->broadcast ? team->size : 1;

    *out = NULL;
    if (micro < 1 || micro % size)
        return qf_fail(QF_USAGE,
                       "%d micro-batches a step cannot be shared evenly by %d processes "
                       "(--accumulate)",
                       micro, size);
    tr_sum *sum = qf_alloc(sizeof *sum);
    if (!sum) return QF_MEMORY;
    *sum = (tr_sum){.team = *team, .micro = micro, .count = count};
    sum->team.size = size;
    sum->loss = qf_alloc_array((size_t)micro, sizeof *sum->loss);
    if (micro > 1) {
        sum->own = qf_alloc_array((size_t)(micro / size) * (size_t)count, sizeof *sum->own);
        sum->other = qf_alloc_array(size > 1 ? (size_t)count : 0, sizeof *sum->other);
    }
    if (sum->loss && (micro == 1 || (sum->own && sum->other))) {
        *out = sum;
        return QF_OK;
    }
    tr_sum_destroy(sum);
    return QF_MEMORY;
}

void tr_sum_destroy(tr_sum *sum)
{
    if (!sum) return;
    qf_free(sum->own);
    qf_free(sum->other);
    qf_free(sum->loss);
    qf_free(sum);
}

/* This member's micro-batches, each gradient on its own. */
static qf_status work_own(tr_sum *s, int64_t step, tr_micro *work, void *context,
                          float *gradient)
{
    const size_t bytes = (size_t)s->count * sizeof *gradient;

    for (int i = s->team.member, kept = 0; i < s->micro; i += s->team.size, kept++) {
        QF_TRY(work(context, step * s->micro + i, &s->loss[i]));
        memcpy(s->own + kept * s->count, gradient, bytes);
        memset(gradient, 0, bytes);
    }
    return QF_OK;
}

/* The gradient of micro-batch i, wherever it was computed. */
static qf_status fetch(tr_sum *s, int i, const float **found)
{
    const int from = i % s->team.size;
    float *data = from == s->team.member ? s->own + i / s->team.size * s->count : s->other;

    *found = data;
    if (s->team.size == 1) return QF_OK;
    QF_TRY(s->team.broadcast(s->team.self, from, data, s->count * (int64_t)sizeof *data));
    return s->team.broadcast(s->team.self, from, &s->loss[i], sizeof s->loss[i]);
}

qf_status tr_sum_step(tr_sum *s, int64_t step, tr_micro *work, void *context, float *gradient,
                      double *loss)
{
    const float share = 1 / (float)s->micro;
    const float *found;

    if (s->micro == 1) return work(context, step, loss);
    QF_TRY(work_own(s, step, work, context, gradient));
    *loss = 0;
    for (int i = 0; i < s->micro; i++) {
        QF_TRY(fetch(s, i, &found));
        for (int64_t j = 0; j < s->count; j++) gradient[j] += found[j];
        *loss += s->loss[i] / s->micro;
    }
    for (int64_t j = 0; j < s->count; j++) gradient[j] *= share;
    return QF_OK;
}
