/* test_resume.c -- searches of spaces measured whole, interrupted and gone on with by what the
 * ledger holds: they try what they would have tried, and end with the same kernel.  What a
 * search expects, recalls and tries next comes of the functions tune.c calls; times are the
 * fixture's instead of a clock's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autotune/search/ranking.h"
#include "autotune/search/recall.h"
#include "autotune/search/strategy.h"
#include "ledger_fixture.h"
#include "qforge/simulate.h"

enum { TRIALS = 36, MOST = 512, SEED = 3 };

static const struct {
    const char *name;
    qf_strategy_next *next;
} strategies[] = {
#define QF_STRATEGY(id, name, thorough, summary) {#name, qf_strategy_##name},
#include "qforge/strategies.def"
#undef QF_STRATEGY
};
enum { STRATEGIES = sizeof strategies / sizeof *strategies };

/* ---- a space ----------------------------------------------------------------------------- */

/* What is known of one problem when all was measured. */
typedef struct world {
    qf_problem problem;
    qf_candidate candidate[MOST];
    double ns[MOST]; /* of candidates as the sweep has them; 0: it failed */
    int count;
} world;

static qf_scope scope;
static char tune_key[QF_KEY_MAX];

/* The fixture is of one machine. */
static bool take_scope(void *context, const char *key, int code_abi, const qf_trial *trial,
                       const qf_outcome *outcome)
{
    (void)context, (void)trial, (void)outcome;
    snprintf(tune_key, sizeof tune_key, "%s", key);
    scope = (qf_scope){tune_key, code_abi};
    return false;
}

/* Trials of problems whose names are like this, or are not. */
static void forget(const char *whether, const char *pattern)
{
    char text[1024];

    snprintf(
        text, sizeof text,
        "DROP TRIGGER IF EXISTS outcome_kept; DROP TRIGGER IF EXISTS trial_kept; "
        "DROP TRIGGER IF EXISTS election_kept; DELETE FROM election; "
        "CREATE TEMP TABLE gone AS SELECT trial.id FROM trial JOIN problem ON problem.id = "
        "trial.problem WHERE problem.name %s '%s'; "
        "DELETE FROM outcome WHERE trial IN (SELECT id FROM gone); "
        "DELETE FROM trial WHERE id IN (SELECT id FROM gone)",
        whether, pattern);
    check_sql(text);
}

/* Of the fixture what has three bits: enough to learn from, and sooner learned than all. */
static void copy_fixture(void)
{
    const char *source = getenv("QFORGE_SOURCE");
    char command[512];

    snprintf(command, sizeof command, "cp '%s/tests/fixtures/sweeps.db' %s",
             source ? source : ".", check_ledger);
    assert_int_equal(system(command), 0);
    forget("NOT GLOB", "*_q3g64_*");
    qf_store *store = check_ledger_open(QF_STORE_WRITE);
    assert_int_equal(qf_store_each_outcome(store, NULL, NULL, take_scope, NULL), QF_OK);
    qf_store_close(store);
}

static void world_of(const char *name, world *w)
{
    qf_store *store = check_ledger_open(QF_STORE_WRITE);
    qf_sweeps sweeps;

    *w = (world){.count = 0};
    assert_int_equal(qf_problem_parse(name, &w->problem), QF_OK);
    assert_int_equal(qf_sweeps_of_store(store, &scope, 30, &sweeps), QF_OK);
    for (int s = 0; s < sweeps.count; s++) {
        const qf_sweep *sweep = &sweeps.item[s];
        if (strcmp(sweep->name, name) != 0) continue;
        assert_in_range(sweep->count, TRIALS + 1, MOST);
        for (int i = 0; i < sweep->count; i++) {
            w->candidate[i] =
                (qf_candidate){sweep->kernel[i].kernel, sweep->kernel[i].predicted_ns, 0};
            w->ns[i] = i % 7 == 3 ? 0 : sweep->ns[i]; /* few failed, more shall have */
        }
        w->count = sweep->count;
    }
    assert_true(w->count > 0);
    qf_sweeps_release(&sweeps);
    qf_store_close(store);
}

/* ---- a search ---------------------------------------------------------------------------- */

typedef struct search {
    qf_candidate candidate[MOST]; /* the most promising first */
    double expected_ns[MOST], truth[MOST], ns[MOST];
    int count, order[MOST], tried;
    qf_points points;
} search;

/* As plan() of tune.c does it. */
static void begin(const world *w, qf_store *store, search *s)
{
    qf_ranker *ranker = NULL;

    *s = (search){.count = w->count};
    memcpy(s->candidate, w->candidate, sizeof s->candidate);
    assert_int_equal(
        qf_ranker_of_store(store, &scope, w->candidate[0].kernel.isa, &w->problem, &ranker),
        QF_OK);
    assert_int_equal(qf_ranker_expect(ranker, &w->problem, s->candidate, w->count),
                     QF_RUNG_LEARNED);
    qf_ranker_destroy(ranker);
    assert_int_equal(qf_candidates_sort(s->candidate, w->count), QF_OK);
    assert_int_equal(qf_candidate_points(s->candidate, w->count, &s->points), QF_OK);
    for (int i = 0; i < w->count; i++) {
        const int at = qf_candidate_index(w->candidate, w->count, &s->candidate[i].kernel);
        s->expected_ns[i] = s->candidate[i].expected_ns;
        s->truth[i] = w->ns[at] > 0 ? w->ns[at] : -1;
    }
}

static void try_one(search *s, int i)
{
    assert_true(s->ns[i] == 0);
    s->ns[i] = s->truth[i];
    s->order[s->tried++] = i;
}

static void go_on(search *s, qf_strategy_next *next, int trials)
{
    while (s->tried < trials) {
        const qf_search_view view = {&s->points, s->expected_ns, s->ns,
                                     s->order,   s->tried,       SEED};
        int i;
        assert_int_equal(next(&view, &i), QF_OK);
        if (i < 0) return;
        try_one(s, i);
    }
}

static int champion(const search *s)
{
    const qf_search_view view = {&s->points, s->expected_ns, s->ns, s->order, s->tried, SEED};
    return qf_search_fastest(&view);
}

/* ---- interrupted, and gone on with ------------------------------------------------------- */

/* The first trials of a search, into the ledger. */
static void record(const world *w, const search *s, int trials)
{
    qf_cpu cpu = check_cpu;
    qf_session_info info = check_info;
    int64_t session, id;

    snprintf(cpu.tune_key, sizeof cpu.tune_key, "%s", tune_key);
    info.cpu = &cpu, info.code_abi = scope.code_abi;
    qf_store *store = check_ledger_open(QF_STORE_WRITE);
    assert_int_equal(qf_session_begin(store, &info, &session), QF_OK);
    for (int t = 0; t < trials; t++) {
        const int i = s->order[t];
        const qf_trial trial = {w->problem, s->candidate[i].kernel, QF_COLD,
                                s->candidate[i].predicted_ns};
        const qf_outcome failed = {.verdict = QF_VERDICT_WRONG,
                                   .code_hash = "0000000000000001"};
        const qf_outcome outcome = s->ns[i] > 0 ? check_timed(s->ns[i]) : failed;
        assert_int_equal(qf_trial_claim(store, session, &trial, &id), QF_OK);
        assert_int_equal(qf_trial_finish(store, id, &outcome), QF_OK);
    }
    assert_int_equal(qf_session_end(store, session, QF_SESSION_INTERRUPTED), QF_OK);
    qf_store_close(store);
}

/* What is tried again comes with the time the ledger tells. */
static bool take_time(void *context, const char *key, int code_abi, const qf_trial *trial,
                      const qf_outcome *outcome)
{
    search *s = context;
    const int i = qf_candidate_index(s->candidate, s->count, &trial->kernel);

    (void)key, (void)code_abi;
    assert_true(i >= 0);
    s->truth[i] = outcome->verdict == QF_VERDICT_OK ? outcome->timing.median_ns : -1;
    return true;
}

static void resume(const world *w, int trials, search *s)
{
    int index[MOST], known;

    qf_store *store = check_ledger_open(QF_STORE_WRITE);
    begin(w, store, s);
    assert_int_equal(qf_store_each_outcome(store, &scope, &w->problem, take_time, s), QF_OK);
    assert_int_equal(qf_recall_order(store, &scope, &w->problem, QF_COLD, s->candidate,
                                     w->count, index, &known),
                     QF_OK);
    assert_int_equal(known, trials);
    for (int k = 0; k < known; k++) try_one(s, index[k]);
    qf_store_close(store);
}

static void check_strategy(const world *w, const search *start, int strategy)
{
    static const int after[] = {1, 7, 18, 30};
    static search whole, again;
    char name[QF_NAME_MAX];

    qf_problem_print(&w->problem, name);
    whole = *start;
    go_on(&whole, strategies[strategy].next, TRIALS);
    assert_true(whole.tried > 18);
    for (size_t a = 0; a < sizeof after / sizeof *after && after[a] < whole.tried; a++) {
        record(w, &whole, after[a]);
        resume(w, after[a], &again);
        go_on(&again, strategies[strategy].next, TRIALS);
        assert_int_equal(again.tried, whole.tried);
        assert_memory_equal(again.order, whole.order,
                            (size_t)whole.tried * sizeof *whole.order);
        assert_true(qf_kernel_equal(&again.candidate[champion(&again)].kernel,
                                    &whole.candidate[champion(&whole)].kernel));
        qf_points_release(&again.points);
        forget("GLOB", name);
    }
}

static void an_interrupted_search_goes_on_as_it_would_have(void **state)
{
    static const char *const names[] = {"fast_q3g64_16x768x288_t1", "exact_q3g64_4x512x512_t1"};
    static world w;
    static search start;

    (void)state;
    copy_fixture();
    for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
        world_of(names[n], &w);
        forget("GLOB", names[n]); /* the other problems alone teach */
        qf_store *store = check_ledger_open(QF_STORE_WRITE);
        begin(&w, store, &start);
        qf_store_close(store);
        for (int strategy = 0; strategy < STRATEGIES; strategy++)
            check_strategy(&w, &start, strategy);
        qf_points_release(&start.points);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_interrupted_search_goes_on_as_it_would_have,
                                        check_ledger_fresh, check_ledger_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
