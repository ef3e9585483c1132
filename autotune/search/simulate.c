/* simulate.c -- strategies and guesses against spaces whose fastest is known. */
#include "qforge/simulate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "qforge/memory.h"
#include "ranking.h"
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

/* ---- what other shapes teach --------------------------------------------------------------
 */

static bool same_shape(const qf_sweep *a, const qf_sweep *b)
{
    const qf_problem *p = &a->kernel->problem, *q = &b->kernel->problem;
    return p->m == q->m && p->n == q->n && p->k == q->k;
}

static bool teaches(const qf_sweep *sweep, const qf_sweep *of)
{
    return sweep->kernel && !same_shape(sweep, of) &&
           sweep->kernel->kernel.isa == of->kernel->kernel.isa;
}

/* NULL when there is nothing to learn from. */
static qf_status school(const qf_sweeps *sweeps, const qf_sweep *of, qf_ranker **ranker)
{
    size_t room = 1;
    int count = 0;

    for (int s = 0; s < sweeps->count; s++) room += (size_t)sweeps->item[s].count;
    qf_experience *trial = qf_alloc_array(room, sizeof *trial);
    if (!trial) return QF_MEMORY;
    for (int s = 0; s < sweeps->count; s++) {
        const qf_sweep *sweep = &sweeps->item[s];
        for (int i = 0; teaches(sweep, of) && i < sweep->count; i++)
            if (sweep->ns[i] > 0) trial[count++] = sweep->kernel[i];
    }
    const qf_status status = qf_ranker_learn(trial, count, ranker);
    qf_free(trial);
    return status;
}

/* The last teaching, for sweeps of one shape. */
typedef struct lesson {
    const qf_sweep *of;
    qf_ranker *ranker;
} lesson;

static qf_status attend(const qf_sweeps *sweeps, const qf_sweep *sweep, lesson *l)
{
    if (l->of && same_shape(l->of, sweep)) return QF_OK;
    qf_ranker_destroy(l->ranker);
    *l = (lesson){0};
    QF_TRY(school(sweeps, sweep, &l->ranker));
    l->of = sweep;
    return QF_OK;
}

/* ---- a sweep as a search sees it ------------------------------------------------------------
 */

typedef struct stage {
    int count;
    bool ours;
    qf_candidate *candidate; /* ours */
    qf_points points;
    double *ns;       /* as measured; below 0: failed */
    double *expected; /* ours */
    double *seen;     /* of ns, what a walk has tried */
    int *order;
} stage;

static void stage_release(stage *s)
{
    qf_free(s->candidate);
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
static qf_status set_kernels(stage *s, const qf_sweep *sweep, const qf_ranker *ranker)
{
    const size_t count = (size_t)sweep->count;
    qf_experience *sorted = qf_alloc_array(count + 1, sizeof *sorted);

    if (!sorted) return QF_MEMORY;
    memcpy(sorted, sweep->kernel, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, by_kernel);
    for (int i = 0; i < s->count; i++)
        s->candidate[i] = (qf_candidate){sorted[i].kernel, sorted[i].predicted_ns, 0};
    qf_ranker_expect(ranker, &sweep->kernel->problem, s->candidate, s->count);
    const qf_status status = qf_candidates_sort(s->candidate, s->count);
    for (int i = 0; status == QF_OK && i < s->count; i++) {
        const qf_experience key = {.kernel = s->candidate[i].kernel};
        const qf_experience *at = bsearch(&key, sorted, count, sizeof *sorted, by_kernel);
        s->ns[i] = at->ns > 0 ? at->ns : -1;
        s->expected[i] = s->candidate[i].expected_ns;
    }
    qf_free(sorted);
    QF_TRY(status);
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

static qf_status simulate_sweep(const qf_sweeps *sweeps, const qf_sweep *sweep, lesson *l,
                                qf_strategy strategy, int runs, uint64_t seed,
                                const qf_effort *effort, int efforts, double *share)
{
    stage s = {0};

    if (sweep->kernel) QF_TRY(attend(sweeps, sweep, l));
    qf_status status = set(&s, sweep, sweep->kernel ? l->ranker : NULL);
    for (int r = 0; status == QF_OK && r < runs; r++)
        status = walk(&s, strategies[strategy], seed + (uint64_t)r, fastest_of(sweep), effort,
                      efforts, share + r * efforts);
    stage_release(&s);
    return status;
}

qf_status qf_simulate(const qf_sweeps *sweeps, qf_strategy strategy, int runs, uint64_t seed,
                      const qf_effort *effort, int efforts, double *share)
{
    qf_status status = QF_OK;
    lesson l = {0};

    for (int i = 0; status == QF_OK && i < sweeps->count; i++)
        status = simulate_sweep(sweeps, &sweeps->item[i], &l, strategy, runs, seed, effort,
                                efforts, share + (size_t)i * (size_t)(runs * efforts));
    qf_ranker_destroy(l.ranker);
    return status;
}

/* ---- guesses
 * ------------------------------------------------------------------------------------ */

const char *qf_guess_name(qf_guess guess)
{
    static const char *const names[] = {"prior", "learned", "nearest"};
    QF_ASSERT((unsigned)guess < QF_GUESSES);
    return names[guess];
}

static qf_status first_share(const qf_sweep *sweep, const qf_ranker *ranker, double *share)
{
    stage s = {0};

    const qf_status status = set(&s, sweep, ranker);
    if (status == QF_OK) *share = s.ns[0] > 0 ? fastest_of(sweep) / s.ns[0] : 0;
    stage_release(&s);
    return status;
}

static const qf_sweep *nearest(const qf_sweeps *sweeps, const qf_sweep *to)
{
    const qf_problem *p = &to->kernel->problem;
    const qf_sweep *found = NULL;

    for (int i = 0; i < sweeps->count; i++) {
        const qf_sweep *s = &sweeps->item[i];
        if (!s->kernel || !teaches(s, to)) continue;
        const qf_problem *q = &s->kernel->problem;
        if (q->accuracy != p->accuracy || q->op != p->op || q->quant != p->quant ||
            q->group != p->group)
            continue;
        if (!found ||
            qf_problem_distance(p, q) < qf_problem_distance(p, &found->kernel->problem))
            found = s;
    }
    return found;
}

/* A tile that is not in the space does what the most like it does: steps beyond the shape
 * are cut off. */
static double unlike(const qf_kernel_id *a, const qf_kernel_id *b)
{
    const qf_tile *s = &a->tile, *t = &b->tile;
    return (a->recipe != b->recipe ? 1000 : 0) + 10 * abs(s->mr - t->mr) +
           10.0 * abs(s->nr - t->nr) / qf_isa_panel(a->isa) + abs(s->unroll - t->unroll) +
           0.01 * abs(s->kc - t->kc) + 0.0001 * abs(s->mc - t->mc);
}

static double transferred_share(const qf_sweep *sweep, const qf_sweep *from)
{
    int champion = -1, like = 0;

    for (int i = 0; i < from->count; i++)
        if (from->ns[i] > 0 && (champion < 0 || from->ns[i] < from->ns[champion])) champion = i;
    const qf_kernel_id *id = &from->kernel[champion].kernel;
    for (int i = 1; i < sweep->count; i++)
        if (unlike(&sweep->kernel[i].kernel, id) < unlike(&sweep->kernel[like].kernel, id))
            like = i;
    return sweep->ns[like] > 0 ? fastest_of(sweep) / sweep->ns[like] : 0;
}

static qf_status guess_sweep(const qf_sweeps *sweeps, const qf_sweep *sweep, qf_guess guess,
                             lesson *l, double *share)
{
    *share = 0;
    if (!sweep->kernel) return QF_OK;
    if (guess == QF_GUESS_NEAREST) {
        const qf_sweep *from = nearest(sweeps, sweep);
        if (from) *share = transferred_share(sweep, from);
        return QF_OK;
    }
    if (guess == QF_GUESS_LEARNED) QF_TRY(attend(sweeps, sweep, l));
    if (guess == QF_GUESS_LEARNED && !l->ranker) return QF_OK;
    return first_share(sweep, l->ranker, share);
}

qf_status qf_simulate_guess(const qf_sweeps *sweeps, qf_guess guess, double *share)
{
    qf_status status = QF_OK;
    lesson l = {0};

    for (int i = 0; status == QF_OK && i < sweeps->count; i++)
        status = guess_sweep(sweeps, &sweeps->item[i], guess, &l, &share[i]);
    qf_ranker_destroy(l.ranker);
    return status;
}
