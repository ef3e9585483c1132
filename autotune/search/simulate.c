/* simulate.c -- strategies and guesses against spaces whose fastest is known. */
#include "qforge/simulate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "qforge/memory.h"
#include "neighbours.h"
#include "replay.h"
#include "strategy.h"

static qf_strategy_next *const strategies[] = {
#define QF_STRATEGY(id, name, thorough, summary) qf_strategy_##name,
#include "qforge/strategies.def"
#undef QF_STRATEGY
};

int qf_effort_trials(const qf_effort *effort, int count)
{
    const int part = (int)ceil(effort->part * count);
    const int trials = part > effort->trials ? part : effort->trials;
    return trials < count ? trials : count;
}

static double fastest_of(const qf_sweep *sweep)
{
    double best = HUGE_VAL;
    for (int i = 0; i < sweep->count; i++)
        if (sweep->ns[i] > 0) best = fmin(best, sweep->ns[i]);
    return best;
}

/* ---- a sweep as a search sees it ------------------------------------------------------------
 */

typedef struct stage {
    int count;
    bool ours;
    qf_candidate *candidate; /* ours */
    qf_experience *known;    /* ours, by name */
    qf_rung rung;            /* ours: what is expected comes from */
    qf_points points;
    double *ns;       /* as measured; below 0: failed */
    double *expected; /* ours */
    double *seen;     /* of ns, what a walk has tried */
    int *order;
} stage;

static void stage_release(stage *s)
{
    qf_free(s->candidate);
    qf_free(s->known);
    qf_points_release(&s->points);
    qf_free(s->ns);
    qf_free(s->expected);
    qf_free(s->seen);
    qf_free(s->order);
    *s = (stage){0};
}

static int by_kernel(const void *a, const void *b)
{
    char x[QF_NAME_MAX], y[QF_NAME_MAX];
    qf_kernel_print(&((const qf_experience *)a)->kernel, x);
    qf_kernel_print(&((const qf_experience *)b)->kernel, y);
    return strcmp(x, y);
}

/* Candidates in the order of what is expected of them, each with its time. */
static qf_status sort(stage *s)
{
    QF_TRY(qf_candidates_sort(s->candidate, s->count));
    for (int i = 0; i < s->count; i++) {
        const qf_experience key = {.kernel = s->candidate[i].kernel};
        const qf_experience *at =
            bsearch(&key, s->known, (size_t)s->count, sizeof key, by_kernel);
        s->ns[i] = at->ns > 0 ? at->ns : -1;
        s->expected[i] = s->candidate[i].expected_ns;
    }
    return QF_OK;
}

static qf_status set_kernels(stage *s, const qf_sweep *sweep, const qf_ranker *ranker)
{
    const size_t count = (size_t)s->count;

    s->known = qf_alloc_array(count + 1, sizeof *s->known);
    if (!s->known) return QF_MEMORY;
    memcpy(s->known, sweep->kernel, count * sizeof *s->known);
    qsort(s->known, count, sizeof *s->known, by_kernel);
    for (int i = 0; i < s->count; i++)
        s->candidate[i] = (qf_candidate){s->known[i].kernel, s->known[i].predicted_ns, 0};
    s->rung = qf_ranker_expect(ranker, &sweep->kernel->problem, s->candidate, s->count);
    QF_TRY(sort(s));
    return qf_candidate_points(s->candidate, s->count, &s->points);
}

static qf_status set(stage *s, const qf_sweep *sweep, const qf_ranker *ranker)
{
    const size_t count = (size_t)sweep->count + 1;

    *s = (stage){.count = sweep->count, .ours = sweep->kernel != NULL};
    s->candidate = qf_alloc_array(count, sizeof *s->candidate);
    s->ns = qf_alloc_array(count, sizeof *s->ns);
    s->expected = qf_alloc_array(count, sizeof *s->expected);
    s->seen = qf_alloc_array(count, sizeof *s->seen);
    s->order = qf_alloc_array(count, sizeof *s->order);
    if (!s->candidate || !s->ns || !s->expected || !s->seen || !s->order) return QF_MEMORY;
    if (s->ours) return set_kernels(s, sweep, ranker);
    for (int i = 0; i < s->count; i++) s->ns[i] = sweep->ns[i] > 0 ? sweep->ns[i] : -1;
    return qf_points_make(sweep->value, s->count, sweep->axes, &s->points);
}

/* ---- walks
 * ------------------------------------------------------------------------------------ */

static qf_status walk(stage *s, qf_strategy_next *next, uint64_t seed, double fastest,
                      const qf_effort *effort, int efforts, double *share)
{
    double best = HUGE_VAL;
    int most = 0;

    for (int e = 0; e < efforts; e++) {
        const int trials = qf_effort_trials(&effort[e], s->count);
        most = trials > most ? trials : most;
        share[e] = 0;
    }
    memset(s->seen, 0, (size_t)s->count * sizeof *s->seen);
    for (int tried = 0; tried < most; tried++) {
        const qf_search_view view = {
            &s->points, s->ours ? s->expected : NULL, s->seen, s->order, tried, seed};
        int i;
        QF_TRY(next(&view, &i));
        if (i < 0) break;
        s->order[tried] = i;
        s->seen[i] = s->ns[i];
        if (s->ns[i] > 0) best = fmin(best, s->ns[i]);
        for (int e = 0; e < efforts; e++)
            if (tried < qf_effort_trials(&effort[e], s->count)) share[e] = fastest / best;
    }
    return QF_OK;
}

static qf_status simulate_sweep(const qf_replay *replay, const qf_sweep *sweep,
                                qf_strategy strategy, int runs, uint64_t seed,
                                const qf_effort *effort, int efforts, double *share)
{
    stage s;
    qf_status status = set(&s, sweep, replay_lesson(replay, sweep));

    for (int r = 0; status == QF_OK && r < runs; r++)
        status = walk(&s, strategies[strategy], seed + (uint64_t)r, fastest_of(sweep), effort,
                      efforts, share + r * efforts);
    stage_release(&s);
    return status;
}

qf_status qf_simulate(const qf_replay *replay, qf_strategy strategy, int runs, uint64_t seed,
                      const qf_effort *effort, int efforts, qf_progress *progress,
                      void *context, double *share)
{
    const qf_sweeps *sweeps = replay_sweeps(replay);

    for (int i = 0; i < sweeps->count; i++) {
        QF_TRY(simulate_sweep(replay, &sweeps->item[i], strategy, runs, seed, effort, efforts,
                              share + (size_t)i * (size_t)(runs * efforts)));
        QF_TRY(replay_tell(progress, context, i + 1, sweeps->count));
    }
    return QF_OK;
}

/* ---- guesses
 * ------------------------------------------------------------------------------------ */

const char *qf_guess_name(qf_guess guess)
{
    static const char *const names[] = {"prior", "learned", "nearest"};
    QF_ASSERT((unsigned)guess < QF_GUESSES);
    return names[guess];
}

/* However far the nearest are: those who answer for qf_tuned_create() set a limit. */
static qf_status ask_neighbours(stage *s, const qf_replay *replay, const qf_sweep *sweep,
                                bool *any)
{
    qf_experience *trial;
    int trials;

    QF_TRY(replay_trials(replay, sweep, &trial, &trials));
    *any = qf_neighbours_expect(trial, trials, &sweep->kernel->problem, HUGE_VAL, s->candidate,
                                s->count);
    qf_free(trial);
    return sort(s);
}

static qf_status guess_of(stage *s, const qf_replay *replay, const qf_sweep *sweep,
                          qf_guess guess, double *share)
{
    bool any = true;

    QF_TRY(set(s, sweep, guess == QF_GUESS_LEARNED ? replay_lesson(replay, sweep) : NULL));
    if (guess == QF_GUESS_LEARNED) any = s->rung == QF_RUNG_LEARNED;
    if (guess == QF_GUESS_NEAREST) QF_TRY(ask_neighbours(s, replay, sweep, &any));
    if (any && s->ns[0] > 0) *share = fastest_of(sweep) / s->ns[0];
    return QF_OK;
}

static qf_status guess_sweep(const qf_replay *replay, const qf_sweep *sweep, qf_guess guess,
                             double *share)
{
    stage s = {0};

    *share = 0;
    if (!sweep->kernel) return QF_OK;
    const qf_status status = guess_of(&s, replay, sweep, guess, share);
    stage_release(&s);
    return status;
}

qf_status qf_simulate_guess(const qf_replay *replay, qf_guess guess, qf_progress *progress,
                            void *context, double *share)
{
    const qf_sweeps *sweeps = replay_sweeps(replay);

    for (int i = 0; i < sweeps->count; i++) {
        QF_TRY(guess_sweep(replay, &sweeps->item[i], guess, &share[i]));
        QF_TRY(replay_tell(progress, context, i + 1, sweeps->count));
    }
    return QF_OK;
}
