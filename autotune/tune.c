/* tune.c -- the search for one problem. */
#include "qforge/tune.h"

#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "qforge/clock.h"
#include "qforge/memory.h"
#include "search/ranking.h"
#include "search/strategy.h"
#include "trial.h"

/* A search that is not thorough looks at one candidate in TENTH, or at TRIALS; at twice as many
 * while the ledger has taught nothing. */
enum { AT_LEAST = 8, FINALISTS = 5, TENTH = 10, TRIALS = 16, SEEDS = 3 };

/* Expected times beyond this many times the best expected are not tried. */
static const double hopeless = 2.5;
/* What trials may use of a budget; the rest is the finalists'. */
static const double share_of_trials = 0.7;

static const struct {
    const char *name;
    qf_strategy_next *next;
    bool thorough;
} strategies[] = {
#define QF_STRATEGY(id, name, thorough, summary) {#name, qf_strategy_##name, thorough},
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
            space->item[kept].expected_ns <= hopeless * space->item[0].expected_ns))
        kept++;
    space->count = kept;
}

static qf_scope scope_of(const qf_tune_options *options)
{
    return (qf_scope){options->cpu->tune_key, QF_CODE_ABI};
}

/* By what other problems taught, as far as there is a ledger and *taught anything. */
static qf_status expect(const qf_tune_options *options, const qf_problem *problem,
                        qf_space *space, bool *taught)
{
    const qf_scope scope = scope_of(options);
    qf_ranker *ranker = NULL;

    if (options->store)
        QF_TRY(qf_ranker_of_store(options->store, &scope, qf_cpu_best_isa(options->cpu),
                                  problem, &ranker));
    *taught = ranker != NULL;
    qf_ranker_expect(ranker, problem, space->item, space->count);
    qf_ranker_destroy(ranker);
    return qf_candidates_sort(space->item, space->count);
}

static int trials_of(const qf_tune_options *options, int all, bool taught)
{
    const int some = all / TENTH > TRIALS ? all / TENTH : TRIALS;

    if (options->trials) return options->trials;
    if (strategies[options->strategy].thorough) return all;
    return taught ? some : 2 * some;
}

static qf_status plan(const qf_tune_options *options, const qf_problem *problem,
                      qf_space *space, int *all, int *planned)
{
    QF_TRY(qf_space_build(options->cpu, problem, options->recipe, space));
    *all = space->count;
    bool taught = false;
    const qf_status status = expect(options, problem, space, &taught);
    if (status != QF_OK) {
        qf_space_release(space);
        return status;
    }
    if (!strategies[options->strategy].thorough) prune(space);
    const int wanted = trials_of(options, *all, taught);
    *planned = wanted < space->count ? wanted : space->count;
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
    qf_points points;
    /* [space.count], see strategy.h */
    double *expected_ns, *ns;
    int *order;
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

    s->order[s->tried++] = index;
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
        s->order[s->tried++] = index;
        return QF_OK;
    }
    QF_TRY(status);
    note(s, index, &outcome, reused);
    return QF_OK;
}

static int index_of(const search *s, const qf_kernel_id *kernel)
{
    for (int i = 0; i < s->space.count; i++)
        if (qf_kernel_equal(&s->space.item[i].kernel, kernel)) return i;
    return -1;
}

/* Candidates the ledger has a word on, as they were tried. */
typedef struct known {
    const search *search;
    int *index;
    int count;
} known;

static bool is_known(void *context, const char *tune_key, int code_abi, const qf_trial *trial,
                     const qf_outcome *outcome)
{
    known *k = context;

    (void)tune_key, (void)code_abi, (void)outcome;
    const int i =
        trial->cache == k->search->bench.cache ? index_of(k->search, &trial->kernel) : -1;
    if (i >= 0) k->index[k->count++] = i;
    return k->count < k->search->space.count;
}

static qf_status try_known(search *s, const known *k)
{
    for (int i = 0; i < k->count && s->tried < s->result->planned; i++)
        if (s->ns[k->index[i]] == 0 && !stopped(s)) QF_TRY(try_one(s, k->index[i]));
    return QF_OK;
}

/* What was tried before comes first, so that a search goes on where it was left. */
static qf_status recall_all(search *s)
{
    const qf_scope scope = scope_of(s->options);
    known k = {s, qf_alloc_array((size_t)s->space.count + 1, sizeof *k.index), 0};

    if (!k.index) return QF_MEMORY;
    qf_status status =
        qf_store_each_outcome(s->options->store, &scope, s->problem, is_known, &k);
    if (status == QF_OK) status = try_known(s, &k);
    qf_free(k.index);
    return status;
}

static bool is_seed(void *context, const char *tune_key, int code_abi, const qf_best *best)
{
    known *k = context;
    qf_kernel_id kernel = best->kernel;

    (void)tune_key, (void)code_abi;
    int i = index_of(k->search, &kernel);
    kernel.tile.align = 0; /* winners are placed anew in the end */
    if (i < 0) i = index_of(k->search, &kernel);
    if (i >= 0 && best->cache == k->search->bench.cache && k->search->ns[i] == 0)
        k->index[k->count++] = i;
    return k->count < SEEDS;
}

/* Then what won elsewhere: on another machine, with other code, in a file from outside.  It
 * is judged and timed here as anything else. */
static qf_status plant_seeds(search *s)
{
    int index[SEEDS];
    known k = {s, index, 0};

    QF_TRY(qf_store_each_seed(s->options->store, s->problem, is_seed, &k));
    return try_known(s, &k);
}

/* The most promising of a recipe, of all its tiles or of those one panel wide; -1: tried. */
static int favourite_of(const search *s, qf_recipe recipe, bool narrow)
{
    for (int i = 0; i < s->space.count; i++) {
        const qf_kernel_id *id = &s->space.item[i].kernel;
        if (id->recipe != recipe || (narrow && id->tile.nr > qf_isa_panel(id->isa))) continue;
        return s->ns[i] == 0 ? i : -1;
    }
    return -1;
}

/* Then every recipe's favourites: where the prior is wrong about a recipe, or about wide tiles,
 * as it is on a machine it has never seen, it is wrong about all of them alike, and a search
 * that begins with its sixteen favourites never meets the others. */
static qf_status try_recipes(search *s)
{
    for (int recipe = 0; recipe < QF_RECIPE_COUNT; recipe++)
        for (int narrow = 0; narrow < 2; narrow++) {
            const int i = favourite_of(s, (qf_recipe)recipe, narrow);
            if (i < 0 || s->tried >= s->result->planned || stopped(s) || !time_left(s))
                continue;
            QF_TRY(try_one(s, i));
        }
    return QF_OK;
}

/* Whether the ledger's election already weighed everything tried so far. */
static bool already_elected(const search *s)
{
    const qf_scope scope = scope_of(s->options);
    qf_best best;
    return qf_store_best(s->options->store, &scope, s->problem, &best) == QF_OK &&
           best.settled && best.cache == s->bench.cache;
}

/* A kernel that was elected stands, until somebody asks for more trials than it took, or
 * for all. */
static bool enough(const search *s)
{
    return !strategies[s->options->strategy].thorough && s->options->trials == 0 &&
           s->best >= 0 && already_elected(s);
}

static qf_status try_all(search *s, bool *complete)
{
    qf_strategy_next *const next = strategies[s->options->strategy].next;

    *complete = false;
    QF_TRY(recall_all(s));
    const bool settled = enough(s);
    if (!settled && time_left(s)) QF_TRY(plant_seeds(s));
    if (!settled && !strategies[s->options->strategy].thorough) QF_TRY(try_recipes(s));
    while (!settled && s->tried < s->result->planned) {
        if (stopped(s) || !time_left(s)) return QF_OK;
        const qf_search_view view = {&s->points, s->expected_ns, s->ns,
                                     s->order,   s->tried,       s->options->seed};
        int index;
        QF_TRY(next(&view, &index));
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

static qf_status conclude(search *s, bool complete)
{
    const qf_scope scope = scope_of(s->options);
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

static qf_status prepare(search *s)
{
    const size_t count = (size_t)s->space.count + 1;

    s->bench = qf_bench_of(s->options, s->problem);
    s->ns = qf_alloc_array(count, sizeof *s->ns);
    s->expected_ns = qf_alloc_array(count, sizeof *s->expected_ns);
    s->order = qf_alloc_array(count, sizeof *s->order);
    if (!s->ns || !s->expected_ns || !s->order) return QF_MEMORY;
    for (int i = 0; i < s->space.count; i++) s->expected_ns[i] = s->space.item[i].expected_ns;
    return qf_candidate_points(s->space.item, s->space.count, &s->points);
}

static void forget(search *s)
{
    qf_bench_close(&s->bench);
    qf_free(s->ns);
    qf_free(s->expected_ns);
    qf_free(s->order);
    qf_points_release(&s->points);
    qf_space_release(&s->space);
}

static qf_status run(search *s)
{
    bool complete = false;

    QF_TRY(prepare(s));
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
    forget(&s);
    return status;
}
