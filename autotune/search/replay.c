/* replay.c -- one lesson for every shape and instruction set. */
#include "replay.h"

#include "qforge/memory.h"

/* For all sweeps like the first. */
typedef struct lesson {
    const qf_sweep *first;
    qf_ranker *ranker;
} lesson;

struct qf_replay {
    const qf_sweeps *sweeps;
    int lessons;
    lesson lesson[]; /* [sweeps->count] */
};

const qf_sweeps *replay_sweeps(const qf_replay *replay)
{
    return replay->sweeps;
}

qf_status replay_tell(qf_progress *progress, void *context, int done, int total)
{
    if (!progress || progress(context, done, total)) return QF_OK;
    return qf_fail(QF_INTERRUPTED, "interrupted");
}

static bool same_shape(const qf_sweep *a, const qf_sweep *b)
{
    const qf_problem *p = &a->kernel->problem, *q = &b->kernel->problem;
    return p->m == q->m && p->n == q->n && p->k == q->k;
}

static bool same_isa(const qf_sweep *a, const qf_sweep *b)
{
    return a->kernel->kernel.isa == b->kernel->kernel.isa;
}

qf_status replay_trials(const qf_replay *replay, const qf_sweep *of, qf_experience **trials,
                        int *count)
{
    const qf_sweeps *sweeps = replay->sweeps;
    size_t room = 1;

    *count = 0;
    for (int s = 0; s < sweeps->count; s++) room += (size_t)sweeps->item[s].count;
    *trials = qf_alloc_array(room, sizeof **trials);
    if (!*trials) return QF_MEMORY;
    for (int s = 0; s < sweeps->count; s++) {
        const qf_sweep *sweep = &sweeps->item[s];
        if (!sweep->kernel || same_shape(sweep, of) || !same_isa(sweep, of)) continue;
        for (int i = 0; i < sweep->count; i++)
            if (sweep->ns[i] > 0) (*trials)[(*count)++] = sweep->kernel[i];
    }
    return QF_OK;
}

const qf_ranker *replay_lesson(const qf_replay *replay, const qf_sweep *of)
{
    for (int i = 0; of->kernel && i < replay->lessons; i++) {
        const qf_sweep *first = replay->lesson[i].first;
        if (same_shape(first, of) && same_isa(first, of)) return replay->lesson[i].ranker;
    }
    return NULL;
}

static qf_status learn(qf_replay *replay, const qf_sweep *of)
{
    lesson *const l = &replay->lesson[replay->lessons];
    qf_experience *trial;
    int trials;

    QF_TRY(replay_trials(replay, of, &trial, &trials));
    *l = (lesson){of, NULL};
    const qf_status status = qf_ranker_learn(trial, trials, &l->ranker);
    qf_free(trial);
    if (status == QF_OK) replay->lessons++;
    return status;
}

qf_status qf_replay_open(const qf_sweeps *sweeps, qf_progress *progress, void *context,
                         qf_replay **replay)
{
    const size_t lessons = (size_t)sweeps->count * sizeof(lesson);
    qf_replay *r = *replay = qf_alloc(sizeof *r + lessons);
    qf_status status = QF_OK;

    if (!r) return QF_MEMORY;
    *r = (qf_replay){.sweeps = sweeps};
    for (int i = 0; status == QF_OK && i < sweeps->count; i++) {
        const qf_sweep *of = &sweeps->item[i];
        if (!of->kernel || replay_lesson(r, of)) continue;
        status = learn(r, of);
        if (status == QF_OK) status = replay_tell(progress, context, i + 1, sweeps->count);
    }
    if (status == QF_OK) return QF_OK;
    qf_replay_close(r);
    *replay = NULL;
    return status;
}

void qf_replay_close(qf_replay *replay)
{
    for (int i = 0; replay && i < replay->lessons; i++)
        qf_ranker_destroy(replay->lesson[i].ranker);
    qf_free(replay);
}
