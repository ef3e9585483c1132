/* loop.c -- steps, progress, checkpoints. */
#include "loop.h"

#include "qforge/clock.h"

/* A checkpoint may cost one part in this many of the time since the last. */
enum { SAVE_SHARE = 20 };

typedef struct pace {
    int64_t began, saved; /* ns */
    int64_t saved_step, cost;
} pace;

static bool save_is_due(const tr_loop *loop, const pace *p, int64_t steps)
{
    if (steps == p->saved_step) return false;
    if (steps == loop->steps) return true;
    if (loop->save_every > 0) return steps % loop->save_every == 0;
    return qf_now_ns() - p->saved >= SAVE_SHARE * p->cost;
}

static qf_status save(const tr_loop *loop, pace *p, int64_t steps)
{
    const int64_t before = qf_now_ns();
    QF_TRY(loop->save(loop->self, steps));
    p->saved = qf_now_ns();
    p->cost = p->saved - before;
    p->saved_step = steps;
    return QF_OK;
}

static bool tell(const tr_loop *loop, const pace *p, tr_progress *progress)
{
    const int64_t here = progress->step - loop->first;
    progress->seconds = (double)(qf_now_ns() - p->began) * 1e-9;
    progress->left =
        progress->seconds / (double)here * (double)(progress->steps - progress->step);
    progress->tokens_per_second = (double)(here * loop->tokens) / progress->seconds;
    return !loop->report || loop->report(loop->report_context, progress);
}

qf_status tr_loop_run(const tr_loop *loop)
{
    const int64_t now = qf_now_ns();
    pace p = {.began = now, .saved = now, .saved_step = loop->first};

    for (int64_t step = loop->first; step < loop->steps; step++) {
        tr_progress progress = {.step = step + 1, .steps = loop->steps};
        QF_TRY(loop->take(loop->self, step, &progress));
        const bool go_on = tell(loop, &p, &progress);
        if (save_is_due(loop, &p, step + 1) || (!go_on && p.saved_step != step + 1))
            QF_TRY(save(loop, &p, step + 1));
        if (!go_on && step + 1 < loop->steps)
            return qf_fail(QF_INTERRUPTED, "stopped after step %lld of %lld; --resume goes on",
                           (long long)(step + 1), (long long)loop->steps);
    }
    return QF_OK;
}
