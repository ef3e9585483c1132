/* tune.c -- the search for one problem. */
#include "tuning.h"

#include <math.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "pacing.h"
#include "qforge/champions.h"
#include "qforge/clock.h"
#include "qforge/memory.h"
#include "search/neighbours.h"
#include "search/ranking.h"
#include "search/recall.h"
#include "search/strategy.h"
#include "trial.h"

/* A search that is not thorough looks at one candidate in TENTH, or at TRIALS; at twice as many
 * while the ledger has taught little. */
enum { AT_LEAST = 8, TENTH = 10, TRIALS = 16, SEEDS = 3, SEEDS_AND_NEAREST };

/* Three kernels in a row, each tried twice: memory is short for good. */
enum { UNHEARD = 6 };

/* Expected times beyond this many times the best expected are not tried. */
static const double hopeless = 2.5;

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

/* The view `best` of db/upgrade_7.sql says the same. */
qf_cache_mode qf_tune_cache_mode(const qf_problem *problem)
{
    return problem->m <= 8 ? QF_COLD : QF_WARM;
}

static const struct {
    const char *name, *summary;
} reasons[] = {
#define QF_LEFT_OUT(id, name, summary) {name, summary},
#include "qforge/left_out.def"
#undef QF_LEFT_OUT
};

const char *qf_left_out_name(qf_left_out why)
{
    QF_ASSERT((unsigned)why < QF_LEFT_OUT_COUNT);
    return reasons[why].name;
}

const char *qf_left_out_summary(qf_left_out why)
{
    QF_ASSERT((unsigned)why < QF_LEFT_OUT_COUNT);
    return reasons[why].summary;
}

/* ---- a search under way ------------------------------------------------------------------ */

qf_scope tuning_scope(const qf_tune_options *options)
{
    return (qf_scope){options->cpu->tune_key, QF_CODE_ABI};
}

qf_status tuning_best(const tuning *t, qf_best *best)
{
    const qf_scope scope = tuning_scope(t->options);
    return qf_store_best_of_mode(t->options->store, &scope, t->problem, t->bench.cache, best);
}

bool tuning_stopped(const tuning *t)
{
    return tuning_starved(t) || (t->options->stop && t->options->stop(t->options->context));
}

bool tuning_starved(const tuning *t)
{
    return t->unheard >= UNHEARD;
}

void tuning_heed(tuning *t, const char *why_unheard)
{
    t->unheard = why_unheard ? t->unheard + 1 : 0;
    if (why_unheard) snprintf(t->why_unheard, sizeof t->why_unheard, "%s", why_unheard);
}

double tuning_elapsed(const tuning *t)
{
    return (double)(qf_now_ns() - t->start_ns) * 1e-9;
}

double tuning_seconds_left(const tuning *t)
{
    return t->options->budget_s > 0 ? t->options->budget_s - tuning_elapsed(t) : HUGE_VAL;
}

/* Once more where it was not heard: whoever took the memory may have let go of it. */
static qf_status hold(tuning *t, const qf_trial *trial, qf_rival *rival, tuning_word *word)
{
    const qf_outcome *outcome = &word->outcome;

    for (int again = 0; again < 2; again++) {
        QF_TRY(qf_trial_hold(&t->bench, trial, rival, &word->outcome, &word->reused));
        const bool lost = outcome->verdict == QF_VERDICT_LOST;
        if (!word->reused) tuning_heed(t, lost ? outcome->detail : NULL);
        if (!lost || tuning_stopped(t)) break;
    }
    return QF_OK;
}

qf_status tuning_try(tuning *t, const qf_trial *trial, tuning_word *word)
{
    qf_yardstick *const y = &t->yardstick;
    qf_rival rival = {0};

    *word = (tuning_word){0};
    if (t->rival >= 0)
        rival = (qf_rival){&t->space.item[t->rival].kernel, y->ns, t->ns[t->best] / y->unit, 0};

    const double start = tuning_elapsed(t);
    const qf_status status = hold(t, trial, &rival, word);
    t->trial_s = fmax(t->trial_s, tuning_elapsed(t) - start);
    const qf_timing *time = &word->outcome.timing;
    const double scale = t->rival < 0 || word->reused ? 1 : qf_yardstick_rank(y, 1);
    word->ns = scale * time->median_ns;
    word->low_ns = scale * time->low_ns, word->high_ns = scale * time->high_ns;
    qf_yardstick_look(y, rival.seen_ns);
    return status;
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

/* By what other problems taught, as far as there is a ledger; *taught: it was much. */
static qf_status expect(const qf_tune_options *options, const qf_problem *problem,
                        qf_space *space, bool *taught)
{
    const qf_scope scope = tuning_scope(options);
    qf_ranker *ranker = NULL;

    if (options->store)
        QF_TRY(qf_ranker_of_store(options->store, &scope, qf_cpu_best_isa(options->cpu),
                                  problem, &ranker));
    *taught = qf_ranker_is_well_taught(ranker);
    (void)qf_ranker_expect(ranker, problem, space->item, space->count);
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

static void outline_of(const qf_space *space, int all, int planned, qf_tune_outline *outline)
{
    *outline = (qf_tune_outline){.grid = all, .space = all, .planned = planned};
    for (int i = 0; i < QF_LEFT_OUT_COUNT; i++) {
        outline->left_out[i] = space->left_out[i];
        outline->grid += space->left_out[i];
    }
    outline->left_out[QF_LEFT_OUT_HOPELESS] = all - space->count;
    outline->left_out[QF_LEFT_OUT_EFFORT] = space->count - planned;
}

static qf_status plan(const qf_tune_options *options, const qf_problem *problem,
                      qf_space *space, qf_tune_outline *outline)
{
    QF_TRY(qf_space_build(options->cpu, problem, options->recipe, space));
    const int all = space->count;
    bool taught = false;
    const qf_status status = expect(options, problem, space, &taught);
    if (status != QF_OK) {
        qf_space_release(space);
        return status;
    }
    if (!strategies[options->strategy].thorough) prune(space);
    const int wanted = trials_of(options, all, taught);
    outline_of(space, all, wanted < space->count ? wanted : space->count, outline);
    return QF_OK;
}

qf_status qf_tune_plan(const qf_tune_options *options, const qf_problem *problem,
                       qf_tune_outline *outline)
{
    qf_space space;
    QF_TRY(plan(options, problem, &space, outline));
    qf_space_release(&space);
    return QF_OK;
}

/* ---- the search ------------------------------------------------------------------------ */

static bool time_left(const tuning *t)
{
    return qf_pace_trial(t->options->budget_s, tuning_seconds_left(t), t->trial_s);
}

/* What the ledger tells was no pair with the present rival. */
static void lead(tuning *t, int index, const tuning_word *word)
{
    t->best = index;
    if (t->rival < 0 || word->reused)
        t->yardstick = qf_yardstick_of(word->ns);
    else if (qf_yardstick_is_outrun(&t->yardstick, word->high_ns))
        qf_yardstick_pass(&t->yardstick, word->high_ns);
    else
        return;
    t->rival = index;
}

double tuning_best_ns(const tuning *t)
{
    return t->best < 0 ? 0 : qf_yardstick_told(&t->yardstick, t->ns[t->best]);
}

static void note(tuning *t, int index, const tuning_word *word)
{
    qf_tune_result *r = t->result;
    const qf_outcome *outcome = &word->outcome;
    const bool good = outcome->verdict == QF_VERDICT_OK;

    t->order[t->tried++] = index;
    t->ns[index] = good ? word->ns : -1;
    r->reused += word->reused;
    const bool ran = good || outcome->verdict == QF_VERDICT_SLOW;
    r->measured += !word->reused && ran;
    r->failed += !ran;
    if (good && (t->best < 0 || t->ns[index] < t->ns[t->best])) lead(t, index, word);
    if (!t->options->report) return;
    const qf_tune_event event = {.problem = t->problem,
                                 .done = t->tried,
                                 .total = r->planned,
                                 .kernel = &t->space.item[index].kernel,
                                 .outcome = outcome,
                                 .reused = word->reused,
                                 .best_ns = tuning_best_ns(t)};
    t->options->report(t->options->context, &event);
}

static qf_status try_one(tuning *t, int index)
{
    const qf_trial trial = {*t->problem, t->space.item[index].kernel, t->bench.cache,
                            t->space.item[index].predicted_ns};
    tuning_word word;

    const qf_status status = tuning_try(t, &trial, &word);
    if (status == QF_NOT_FOUND) { /* quarantined */
        t->result->skipped++;
        t->ns[index] = -1;
        t->order[t->tried++] = index;
        return QF_OK;
    }
    QF_TRY(status);
    note(t, index, &word);
    return QF_OK;
}

static int index_of(const tuning *t, const qf_kernel_id *kernel)
{
    return qf_candidate_index(t->space.item, t->space.count, kernel);
}

/* Candidates somebody has a word on. */
typedef struct known {
    const tuning *search;
    int *index;
    int count;
} known;

static qf_status try_known(tuning *t, const known *k)
{
    for (int i = 0; i < k->count && t->tried < t->result->planned; i++)
        if (t->ns[k->index[i]] == 0 && !tuning_stopped(t) && time_left(t))
            QF_TRY(try_one(t, k->index[i]));
    return QF_OK;
}

/* What was tried before comes first, so that a search goes on where it was left. */
static qf_status recall_all(tuning *t)
{
    const qf_scope scope = tuning_scope(t->options);
    known k = {t, qf_alloc_array((size_t)t->space.count + 1, sizeof *k.index), 0};

    if (!k.index) return QF_MEMORY;
    qf_status status = qf_recall_order(t->options->store, &scope, t->problem, t->bench.cache,
                                       t->space.item, t->space.count, k.index, &k.count);
    if (status == QF_OK) status = try_known(t, &k);
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

/* A champion's kernel for the best instruction set here: as many panels, as wide as they are.
 */
static qf_best translated(const qf_champion *c, qf_isa isa)
{
    qf_best best = c->best;
    qf_kernel_id *id = &best.kernel;

    id->tile.nr = id->tile.nr / qf_isa_panel(id->isa) * qf_isa_panel(isa);
    id->isa = isa;
    return best;
}

/* Those of machines like this one first. */
static void add_champions(known *k, bool from_here)
{
    const qf_tune_options *o = k->search->options;

    for (int i = 0; o->champions && i < o->champions->count && k->count < SEEDS; i++) {
        const qf_champion *c = &o->champions->item[i];
        const bool here = strcmp(c->tune_key, o->cpu->tune_key) == 0;
        if (here != from_here || !qf_problem_equal(&c->best.problem, k->search->problem))
            continue;
        const qf_best best = translated(c, qf_cpu_best_isa(o->cpu));
        is_seed(k, c->tune_key, c->code_abi, &best);
    }
}

/* What won the nearest other product here, besides the seeds. */
static qf_status add_nearest(known *k)
{
    const tuning *t = k->search;
    const qf_scope scope = tuning_scope(t->options);
    qf_best best;

    const qf_status status =
        qf_store_nearest(t->options->store, &scope, t->problem, QF_NEAR, &best);
    if (status == QF_NOT_FOUND) return QF_OK;
    QF_TRY(status);
    const int i = qf_neighbours_likest(t->problem, t->space.item, t->space.count, &best.problem,
                                       &best.kernel);
    if (i >= 0 && best.cache == t->bench.cache && t->ns[i] == 0) k->index[k->count++] = i;
    return QF_OK;
}

/* Then what won elsewhere: on another machine, with other code, in a file from outside, was
 * shipped, or won another product.  It is judged and timed here as anything else. */
static qf_status plant_seeds(tuning *t)
{
    int index[SEEDS_AND_NEAREST];
    known k = {t, index, 0};

    QF_TRY(qf_store_each_seed(t->options->store, t->problem, is_seed, &k));
    add_champions(&k, true);
    add_champions(&k, false);
    QF_TRY(add_nearest(&k));
    return try_known(t, &k);
}

/* The most promising of those of its recipe that are as wide. */
static bool is_favourite(const tuning *t, int index)
{
    const qf_kernel_id *const id = &t->space.item[index].kernel;

    for (int i = 0; i < index; i++) {
        const qf_kernel_id *before = &t->space.item[i].kernel;
        if (before->recipe == id->recipe && before->tile.nr == id->tile.nr) return false;
    }
    return true;
}

/* Whatever the ledger taught. */
static int favourite_of_prior(const tuning *t)
{
    int first = 0;
    for (int i = 1; i < t->space.count; i++)
        if (t->space.item[i].predicted_ns < t->space.item[first].predicted_ns) first = i;
    return first;
}

/* Then the prior's favourite, which leads the finalists, and every recipe's of each width:
 * where the prior is wrong about a recipe, or about wide tiles, as it is on a machine it has
 * never seen, it is wrong about all of them alike, and a search that begins with its sixteen
 * favourites never meets the others. */
static qf_status try_favourites(tuning *t)
{
    known k = {t, qf_alloc_array((size_t)t->space.count + 1, sizeof *k.index), 0};

    if (!k.index) return QF_MEMORY;
    k.index[k.count++] = favourite_of_prior(t);
    for (int i = 0; i < t->space.count; i++)
        if (is_favourite(t, i)) k.index[k.count++] = i;
    const qf_status status = try_known(t, &k);
    qf_free(k.index);
    return status;
}

/* A kernel that was elected stands, until somebody asks for more trials than it took, or
 * for all. */
static bool enough(const tuning *t)
{
    return !strategies[t->options->strategy].thorough && t->options->trials == 0 &&
           t->best >= 0 && tuning_elected(t);
}

static qf_status try_all(tuning *t, bool *complete)
{
    qf_strategy_next *const next = strategies[t->options->strategy].next;

    *complete = false;
    QF_TRY(recall_all(t));
    const bool settled = enough(t);
    if (!settled && time_left(t)) QF_TRY(plant_seeds(t));
    if (!settled && !strategies[t->options->strategy].thorough) QF_TRY(try_favourites(t));
    while (!settled && t->tried < t->result->planned) {
        if (tuning_stopped(t) || !time_left(t)) return QF_OK;
        const qf_search_view view = {&t->points, t->expected_ns, t->ns,
                                     t->order,   t->tried,       t->options->seed};
        int index;
        QF_TRY(next(&view, &index));
        if (index < 0) break;
        QF_TRY(try_one(t, index));
    }
    *complete = true;
    return QF_OK;
}

/* ---- the end ---------------------------------------------------------------------------- */

/* Of the election the ledger knows, whenever it was held. */
static qf_status count_ties(const tuning *t)
{
    const qf_scope scope = tuning_scope(t->options);
    qf_ties ties;

    QF_TRY(qf_store_ties(t->options->store, &scope, &t->result->best, &ties));
    t->result->ties = ties.count;
    qf_ties_release(&ties);
    return QF_OK;
}

static qf_status conclude(tuning *t, bool complete)
{
    qf_tune_result *r = t->result;

    if (t->best >= 0 && !tuning_stopped(t) && !tuning_elected(t))
        QF_TRY(tuning_elect(t, &complete));
    const qf_status status = tuning_best(t, &r->best);
    if (status != QF_OK && status != QF_NOT_FOUND) return status;
    /* Of what the ledger knows nothing may be left that is still valid. */
    r->found = status == QF_OK && (t->best >= 0 || !complete);
    r->complete = complete;
    if (r->found) QF_TRY(count_ties(t));
    r->pace = tuning_pace(t);
    r->seconds = tuning_elapsed(t);
    char name[QF_NAME_MAX];
    qf_problem_print(t->problem, name);
    if (tuning_starved(t))
        return qf_fail(QF_MEMORY, "%s: given up after %d kernels: %s", name, t->tried,
                       t->why_unheard);
    if (tuning_stopped(t)) return qf_fail(QF_INTERRUPTED, "interrupted");
    if (r->found) return QF_OK;
    if (t->tried == 0 && !complete)
        return qf_fail(QF_NO_CONFIG, "%s: the budget was over before a kernel was tried", name);
    return qf_fail(QF_NO_CONFIG, "%s: no kernel of %d tried was valid", name, t->tried);
}

static qf_status prepare(tuning *t)
{
    const size_t count = (size_t)t->space.count + 1;

    t->bench = qf_bench_of(t->options, t->problem);
    t->ns = qf_alloc_array(count, sizeof *t->ns);
    t->expected_ns = qf_alloc_array(count, sizeof *t->expected_ns);
    t->order = qf_alloc_array(count, sizeof *t->order);
    if (!t->ns || !t->expected_ns || !t->order) return QF_MEMORY;
    for (int i = 0; i < t->space.count; i++) t->expected_ns[i] = t->space.item[i].expected_ns;
    return qf_candidate_points(t->space.item, t->space.count, &t->points);
}

static void forget(tuning *t)
{
    qf_bench_close(&t->bench);
    qf_free(t->ns);
    qf_free(t->expected_ns);
    qf_free(t->order);
    qf_points_release(&t->points);
    qf_space_release(&t->space);
}

static qf_status run(tuning *t)
{
    bool complete = false;

    QF_TRY(prepare(t));
    QF_TRY(try_all(t, &complete));
    return conclude(t, complete);
}

qf_status qf_tune(const qf_tune_options *options, const qf_problem *problem,
                  qf_tune_result *result)
{
    tuning t = {.options = options,
                .problem = problem,
                .result = result,
                .best = -1,
                .rival = -1,
                .start_ns = qf_now_ns()};

    *result = (qf_tune_result){0};
    qf_tune_outline outline;
    QF_TRY(plan(options, problem, &t.space, &outline));
    result->space = outline.space, result->planned = outline.planned;
    const qf_status status = run(&t);
    forget(&t);
    return status;
}
