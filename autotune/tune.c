/* tune.c -- the search for one problem. */
#include "qforge/tune.h"

#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "qforge/clock.h"
#include "qforge/memory.h"
#include "strategy.h"
#include "trial.h"

enum { AT_LEAST = 8, FINALISTS = 5 };

/* Predicted times beyond this many times the best predicted are not tried. */
static const double hopeless = 2.5;
/* What trials may use of a budget; the rest is the finalists'. */
static const double share_of_trials = 0.7;

static const struct {
    const char *name;
    qf_strategy_next *next;
} strategies[] = {
#define QF_STRATEGY(id, name, summary) {#name, qf_strategy_##name},
#include "qforge/strategies.def"
#undef QF_STRATEGY
};

const char *qf_strategy_name(qf_strategy strategy)
{
    QF_ASSERT((unsigned)strategy < QF_STRATEGY_COUNT);
    return strategies[strategy].name;
}

qf_strategy qf_strategy_named(const char *name)
{
    int i = 0;
    while (i < QF_STRATEGY_COUNT && strcmp(strategies[i].name, name) != 0) i++;
    return (qf_strategy)i;
}

qf_cache_mode qf_tune_cache_mode(const qf_problem *problem)
{
    return problem->m <= 8 ? QF_COLD : QF_WARM;
}

/* ---- what to try ----------------------------------------------------------------------- */

static void prune(qf_space *space)
{
    int kept = 0;
    while (kept < space->count &&
           (kept < AT_LEAST ||
            space->item[kept].predicted_ns <= hopeless * space->item[0].predicted_ns))
        kept++;
    space->count = kept;
}

static qf_status plan(const qf_tune_options *options, const qf_problem *problem,
                      qf_space *space, int *all, int *planned)
{
    QF_TRY(qf_space_build(options->cpu, problem, options->recipe, space));
    *all = space->count;
    prune(space);
    *planned =
        options->trials > 0 && options->trials < space->count ? options->trials : space->count;
    return QF_OK;
}

qf_status qf_tune_plan(const qf_tune_options *options, const qf_problem *problem, int *all,
                       int *planned)
{
    qf_space space;
    QF_TRY(plan(options, problem, &space, all, planned));
    qf_space_release(&space);
    return QF_OK;
}

/* ---- the search ------------------------------------------------------------------------ */

typedef struct search {
    const qf_tune_options *options;
    const qf_problem *problem;
    qf_tune_result *result;
    qf_space space;
    double *ns; /* [space.count], see strategy.h */
    qf_bench bench;
    int tried;
    int best; /* index, -1 none */
    int64_t start_ns;
} search;

static bool stopped(const search *s)
{
    return s->options->stop && s->options->stop(s->options->context);
}

static double elapsed(const search *s)
{
    return (double)(qf_now_ns() - s->start_ns) * 1e-9;
}

static bool time_left(const search *s)
{
    return s->options->budget_s <= 0 || elapsed(s) < share_of_trials * s->options->budget_s;
}

static void note(search *s, int index, const qf_outcome *outcome, bool reused)
{
    qf_tune_result *r = s->result;
    const bool good = outcome->verdict == QF_VERDICT_OK;

    s->tried++;
    s->ns[index] = good ? outcome->timing.median_ns : -1;
    r->reused += reused;
    const bool ran = good || outcome->verdict == QF_VERDICT_SLOW;
    r->measured += !reused && ran;
    r->failed += !ran;
    if (good && (s->best < 0 || s->ns[index] < s->ns[s->best])) s->best = index;
    if (!s->options->report) return;
    const qf_tune_event event = {.problem = s->problem,
                                 .done = s->tried,
                                 .total = r->planned,
                                 .kernel = &s->space.item[index].kernel,
                                 .outcome = outcome,
                                 .reused = reused,
                                 .best_ns = s->best < 0 ? 0 : s->ns[s->best]};
    s->options->report(s->options->context, &event);
}

static qf_rival rival_of(const search *s)
{
    if (s->best < 0) return (qf_rival){0};
    return (qf_rival){&s->space.item[s->best].kernel, s->ns[s->best]};
}

static qf_status try_one(search *s, int index)
{
    const qf_trial trial = {*s->problem, s->space.item[index].kernel, s->bench.cache,
                            s->space.item[index].predicted_ns};
    qf_outcome outcome;
    bool reused = false;

    const qf_rival rival = rival_of(s);
    const qf_status status = qf_trial_hold(&s->bench, &trial, &rival, &outcome, &reused);
    if (status == QF_NOT_FOUND) { /* quarantined */
        s->result->skipped++;
        s->ns[index] = -1;
        s->tried++;
        return QF_OK;
    }
    QF_TRY(status);
    note(s, index, &outcome, reused);
    return QF_OK;
}

static qf_status try_all(search *s, bool *complete)
{
    qf_strategy_next *const next = strategies[s->options->strategy].next;

    *complete = false;
    while (s->tried < s->result->planned) {
        if (stopped(s) || !time_left(s)) return QF_OK;
        const qf_search_view view = {s->space.item, s->ns, s->space.count, s->tried,
                                     s->options->seed};
        const int index = next(&view);
        if (index < 0) break;
        QF_TRY(try_one(s, index));
    }
    *complete = true;
    return QF_OK;
}

/* ---- the finalists --------------------------------------------------------------------- */

static int finalists_of(const search *s, int *index)
{
    int count = 0;

    while (count < FINALISTS) {
        int next = -1;
        for (int i = 0; i < s->space.count; i++) {
            bool taken = false;
            for (int j = 0; j < count; j++) taken |= index[j] == i;
            if (taken || s->ns[i] <= 0 || s->ns[i] > QF_CLOSE_BEHIND * s->ns[s->best]) continue;
            if (next < 0 || s->ns[i] < s->ns[next]) next = i;
        }
        if (next < 0) break;
        index[count++] = next;
    }
    return count;
}

/* The leader keeps its seat unless the challenger is faster beyond doubt: the luckiest of
 * many noisy medians is rarely the fastest kernel. */
static qf_status challenge(search *s, const qf_kernel_id *challenger, qf_kernel_id *leader)
{
    qf_comparison duel;

    const qf_status status =
        qf_clock_duel(&s->bench, leader, challenger, s->ns[s->best], &duel);
    if (status == QF_NOT_FOUND) return QF_OK; /* proves nothing */
    QF_TRY(status);
    QF_TRY(qf_comparison_put(s->options->store, s->options->session, s->problem, s->bench.cache,
                             leader, challenger, &duel));
    if (qf_comparison_won(&duel))
        *leader = *challenger, s->result->ties = 0;
    else
        s->result->ties += duel.ratio_low <= 1;
    return QF_OK;
}

/* The leader with its loops placed otherwise: the same instructions, so these are trials
 * for the winner alone. */
static qf_status challenge_placements(search *s, qf_kernel_id *leader)
{
    static const int placements[] = {32, 64};
    const qf_kernel_id first = *leader;
    const qf_rival rival = rival_of(s);

    for (int i = 0; i < 2 && !stopped(s); i++) {
        qf_trial trial = {*s->problem, first, s->bench.cache, s->ns[s->best]};
        qf_outcome outcome;
        bool reused;
        trial.kernel.tile.align = placements[i];
        const qf_status status = qf_trial_hold(&s->bench, &trial, &rival, &outcome, &reused);
        if (status == QF_NOT_FOUND) continue; /* quarantined */
        QF_TRY(status);
        if (outcome.verdict == QF_VERDICT_OK) QF_TRY(challenge(s, &trial.kernel, leader));
    }
    return QF_OK;
}

static qf_status elect(search *s, bool *complete)
{
    int index[FINALISTS];
    const int count = finalists_of(s, index);
    qf_kernel_id leader = s->space.item[index[0]].kernel;

    s->result->ties = 0;
    for (int i = 1; i < count && !stopped(s); i++)
        QF_TRY(challenge(s, &s->space.item[index[i]].kernel, &leader));
    QF_TRY(challenge_placements(s, &leader));
    if (stopped(s)) {
        *complete = false;
        return QF_OK;
    }
    return qf_election_put(s->options->store, s->options->session, s->problem, s->bench.cache,
                           &leader);
}

/* Whether the ledger's election already weighed everything tried so far. */
static bool already_elected(const search *s)
{
    const qf_scope scope = {s->options->cpu->tune_key, QF_CODE_ABI};
    qf_best best;
    return qf_store_best(s->options->store, &scope, s->problem, &best) == QF_OK &&
           best.settled && best.cache == s->bench.cache;
}

static qf_status conclude(search *s, bool complete)
{
    const qf_scope scope = {s->options->cpu->tune_key, QF_CODE_ABI};
    qf_tune_result *r = s->result;

    if (s->best >= 0 && !stopped(s) && !already_elected(s)) QF_TRY(elect(s, &complete));
    const qf_status status = qf_store_best(s->options->store, &scope, s->problem, &r->best);
    if (status != QF_OK && status != QF_NOT_FOUND) return status;
    /* Of what the ledger knows nothing may be left that is still valid. */
    r->found = status == QF_OK && (s->best >= 0 || !complete);
    r->complete = complete;
    r->seconds = elapsed(s);
    if (stopped(s)) return qf_fail(QF_INTERRUPTED, "interrupted");
    if (r->found) return QF_OK;
    char name[QF_NAME_MAX];
    qf_problem_print(s->problem, name);
    return qf_fail(QF_NO_CONFIG, "%s: no kernel of %d tried was valid", name, s->tried);
}

static qf_status run(search *s)
{
    bool complete = false;

    s->ns = qf_alloc_array((size_t)s->space.count + 1, sizeof *s->ns);
    if (!s->ns) return QF_MEMORY;
    s->bench = qf_bench_of(s->options, s->problem);
    QF_TRY(try_all(s, &complete));
    return conclude(s, complete);
}

qf_status qf_tune(const qf_tune_options *options, const qf_problem *problem,
                  qf_tune_result *result)
{
    search s = {.options = options,
                .problem = problem,
                .result = result,
                .best = -1,
                .start_ns = qf_now_ns()};

    *result = (qf_tune_result){0};
    QF_TRY(plan(options, problem, &s.space, &result->space, &result->planned));
    const qf_status status = run(&s);
    qf_bench_close(&s.bench);
    qf_free(s.ns);
    qf_space_release(&s.space);
    return status;
}
