/* test_tune.c -- the tuner on small problems of this machine: it finds, records, reuses,
 * stops when asked; and the ladder climbs to what it found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autotune/clocking.h"
#include "autotune/space.h"
#include "ledger_fixture.h"
#include "qforge/memory.h"
#include "qforge/source.h"
#include "qforge/tune.h"

static qf_cpu cpu;
static qf_jit *jit;
static bool runs_here;

static int start(void **state)
{
    (void)state;
    if (qf_cpu_detect(&cpu) != QF_OK || qf_jit_create(NULL, &jit) != QF_OK) return -1;
    runs_here = qf_cpu_best_isa(&cpu) != QF_ISA_C;
    return 0;
}

static int end(void **state)
{
    (void)state;
    qf_jit_destroy(jit);
    return 0;
}

typedef struct bed {
    qf_store *store;
    qf_tune_options options;
    int events, meetings, stop_after; /* 0: never */
} bed;

static bool stop(void *context)
{
    const bed *b = context;
    return b->stop_after && b->events >= b->stop_after;
}

static void report(void *context, const qf_tune_event *event)
{
    bed *b = context;
    const int count = event->final ? ++b->meetings : ++b->events;
    assert_true(event->done == count && count <= event->total);
}

static bed made(int trials)
{
    bed b = {.store = check_ledger_open(QF_STORE_WRITE)};
    const qf_session_info info = {
        &cpu, QF_CODE_ABI, qf_codegen_version(), "exhaustive", "test", 1, 0};
    b.options = (qf_tune_options){.cpu = &cpu,
                                  .jit = jit,
                                  .store = b.store,
                                  .strategy = QF_STRATEGY_EXHAUSTIVE,
                                  .seed = 1,
                                  .budget_s = 20,
                                  .trials = trials,
                                  .recipe = QF_RECIPE_COUNT,
                                  .stop = stop,
                                  .report = report};
    assert_int_equal(qf_session_begin(b.store, &info, &b.options.session), QF_OK);
    return b;
}

static qf_tune_result tuned(bed *b, const char *name, qf_status expected)
{
    qf_problem problem;
    qf_tune_result result;
    assert_int_equal(qf_problem_parse(name, &problem), QF_OK);
    b->options.context = b;
    b->events = b->meetings = 0;
    const qf_status status = qf_tune(&b->options, &problem, &result);
    if (status != expected) fail_msg("%s: %s", name, qf_message());
    return result;
}

static const char *const small = "fast_q4g32_1x96x160_t1";

/* As if all had been an hour ago and neighbours there: `seen` ns is the fastest canary, `held`
 * the elections'. */
static void pretend_canaries(double seen, double held)
{
    char text[400];
    snprintf(text, sizeof text,
             "DROP TRIGGER IF EXISTS outcome_fixed; DROP TRIGGER IF EXISTS comparison_fixed; "
             "DROP TRIGGER IF EXISTS election_fixed; "
             "UPDATE outcome SET canary_ns = %f, done_us = done_us - 3600000000; "
             "UPDATE comparison SET canary_ns = %f; "
             "UPDATE election SET done_us = done_us - 3600000000",
             seen, held);
    check_sql(text);
}

/* Whatever this machine said, kernels were about as fast as each other, and nobody is elected
 * nor tried at other places yet: the next election has pairs to hold. */
static void pretend_all_are_close(void)
{
    check_sql("DROP TRIGGER outcome_fixed; DROP TRIGGER outcome_kept; DROP TRIGGER trial_kept; "
              "DROP TRIGGER election_kept; DELETE FROM election; "
              "DELETE FROM outcome WHERE trial IN (SELECT trial.id FROM trial JOIN kernel ON "
              "kernel.id = trial.kernel WHERE name GLOB '*_al[0-9]*'); "
              "DELETE FROM trial WHERE id NOT IN (SELECT trial FROM outcome); "
              "UPDATE outcome SET low_ns = 900, median_ns = 1000 + trial, high_ns = 1100");
}

static void tuning_finds_records_and_reuses(void **state)
{
    static const char *const names[] = {"fast_q4g32_1x96x160_t1", "exact_q3g64_5x40x100_t1",
                                        "exact_grad_q2g32_7x40x72_t1", "exact_f32_9x33x50_t1"};
    (void)state;
    if (!runs_here) skip();
    bed b = made(3);
    for (int i = 0; i < 4; i++) {
        const qf_tune_result first = tuned(&b, names[i], QF_OK);
        assert_true(first.found && first.complete && first.best.settled);
        assert_int_equal(first.measured, 3);
        assert_int_equal(first.failed + first.reused, 0);
        assert_int_equal(b.events, 3);
        assert_in_range(b.meetings, 1, 3 + 3 * 2);
        assert_true(first.best.ns > 0 && first.best.low_ns <= first.best.ns);
        assert_int_equal(strlen(first.best.code_hash), 16);
        pretend_canaries(1e4, 1e4);

        const qf_tune_result again = tuned(&b, names[i], QF_OK);
        assert_int_equal(again.measured, 0);
        assert_int_equal(again.reused, 3);
        assert_true(qf_kernel_equal(&again.best.kernel, &first.best.kernel));
    }
    qf_store_counts counts;
    assert_int_equal(qf_store_count(b.store, &counts), QF_OK);
    /* Every winner in two other places as well, and so are up to two that came close. */
    assert_in_range(counts.trials, 12 + 8, 12 + 24);
    assert_int_equal(counts.elections, 4); /* reusing elects nobody anew */
    assert_int_equal(counts.open, 0);
    assert_int_equal(qf_store_check(b.store), QF_OK);
    qf_store_close(b.store);
    assert_true(check_sql_number("SELECT count(*) FROM validation WHERE verdict = 'ok'") > 3);
    /* Every timing was watched. */
    assert_int_equal(check_sql_number("SELECT count(*) FROM outcome WHERE canary_ns > 0 AND "
                                      "drift > 0 AND spent_ms > 1"),
                     counts.trials);
    assert_true(check_sql_number("SELECT count(*) FROM comparison") > 0);
    assert_int_equal(check_sql_number("SELECT count(*) FROM comparison WHERE canary_ns IS NULL "
                                      "OR drift <= 0 OR spent_ms <= 1"),
                     0);
}

static void a_stopped_search_keeps_and_resumes(void **state)
{
    (void)state;
    if (!runs_here) skip();
    bed b = made(6);
    b.stop_after = 2;
    const qf_tune_result first = tuned(&b, small, QF_INTERRUPTED);
    assert_true(first.found && !first.complete && !first.best.settled);
    assert_int_equal(first.measured, 2);
    b.stop_after = 0;
    const qf_tune_result second = tuned(&b, small, QF_OK);
    assert_int_equal(second.reused, 2);
    assert_int_equal(second.measured, 4);
    assert_true(second.complete && second.best.settled);
    qf_store_close(b.store);
}

static void the_closest_are_tried_at_other_places(void **state)
{
    (void)state;
    if (!runs_here) skip();
    bed b = made(6);
    tuned(&b, small, QF_OK);
    qf_store_close(b.store);
    pretend_all_are_close();
    b = made(6);
    const qf_tune_result again = tuned(&b, small, QF_OK);
    assert_int_equal(again.reused, 6);
    assert_true(again.best.settled);
    qf_store_close(b.store);
    for (int align = 32; align <= 64; align *= 2) {
        char text[160];
        snprintf(text, sizeof text,
                 "SELECT count(DISTINCT kernel) FROM trial JOIN kernel ON kernel.id = "
                 "trial.kernel WHERE name || '_' GLOB '*_al%d_*'",
                 align);
        assert_int_equal(check_sql_number(text), 3);
    }
    /* Five meet the leader, those at other places only if they may be faster, and whoever was
     * ahead without a doubt left once more. */
    assert_in_range(check_sql_number("SELECT count(*) FROM comparison WHERE session = 2"), 5,
                    2 * (5 + 6));
}

/* Trials are lucky, the prior says the same in every search. */
static void who_is_expected_leads_and_others_come_in_order(void **state)
{
    static const char of_a[] = "SELECT (SELECT predicted_ns FROM trial WHERE trial.kernel = a) "
                               "FROM comparison WHERE session = 2 ORDER BY id",
                      order[] =
                          "SELECT count(*) FROM (SELECT (SELECT predicted_ns FROM trial WHERE "
                          "trial.kernel = b) AS now, lag((SELECT predicted_ns FROM trial WHERE "
                          "trial.kernel = b)) OVER (ORDER BY comparison.id) AS last FROM "
                          "comparison JOIN kernel ON kernel.id = b WHERE session = 2 AND NOT "
                          "name GLOB '*_al[0-9]*') WHERE now < last";
    (void)state;
    if (!runs_here) skip();
    bed b = made(12);
    tuned(&b, small, QF_OK);
    qf_store_close(b.store);
    pretend_all_are_close();
    /* The favourite, which comes first, is the slowest, and not even close. */
    check_sql("UPDATE outcome SET high_ns = 3000, median_ns = iif(trial = 1, 3000, 1050 - "
              "trial)");
    b = made(12);
    tuned(&b, small, QF_OK);
    qf_store_close(b.store);
    assert_int_equal(check_sql_number(of_a),
                     check_sql_number("SELECT min(predicted_ns) FROM trial WHERE session = 1"));
    assert_int_equal(check_sql_number(order), 0);
    /* Whoever took the seat was ahead by a percent. */
    assert_int_equal(
        check_sql_number("SELECT count(*) FROM (SELECT a, lag(a) OVER w AS seat, lag(b) OVER w "
                         "AS taker, lag(ratio) OVER w AS ratio FROM comparison WHERE session = "
                         "2 WINDOW w AS (ORDER BY id)) WHERE a <> seat AND (a <> taker OR "
                         "ratio >= 0.991)"),
        0);
}

static void who_was_elected_is_challenged_first(void **state)
{
    (void)state;
    if (!runs_here) skip();
    bed b = made(5);
    tuned(&b, small, QF_OK);
    qf_store_close(b.store);
    /* The slowest of them was elected last. */
    check_sql("INSERT INTO election (session, problem, cache, trial, done_us) "
              "SELECT 1, problem, cache, trial.id, (SELECT max(done_us) + 1 FROM election) "
              "FROM trial JOIN outcome ON outcome.trial = trial.id JOIN kernel ON "
              "kernel.id = kernel WHERE NOT name GLOB '*_al[0-9]*' "
              "ORDER BY median_ns DESC LIMIT 1");
    const int64_t slowest =
        check_sql_number("SELECT kernel FROM election JOIN trial ON trial.id = election.trial "
                         "ORDER BY election.id DESC");
    b = made(6);
    tuned(&b, small, QF_OK);
    qf_store_close(b.store);
    assert_int_equal(check_sql_number("SELECT a FROM comparison WHERE session = 2 ORDER BY id"),
                     slowest);
    assert_int_equal(check_sql_number("SELECT count(*) FROM comparison WHERE a = b"), 0);
}

static void an_election_on_a_slow_machine_is_held_again(void **state)
{
    (void)state;
    if (!runs_here) skip();
    bed b = made(5);
    tuned(&b, small, QF_OK);
    qf_store_close(b.store);
    /* On a busy machine one may have led by so much that no pair was compared, which leaves
     * nothing to tell a pace by. */
    pretend_all_are_close();
    b = made(5);
    tuned(&b, small, QF_OK);
    qf_store_close(b.store);
    /* It was faster, but just now. */
    check_sql("DROP TRIGGER comparison_fixed; UPDATE comparison SET canary_ns = 1e9");
    b = made(5);
    qf_tune_result again = tuned(&b, small, QF_OK);
    qf_store_close(b.store);
    assert_int_equal(check_sql_number("SELECT count(*) FROM election"), 1);
    assert_true(again.pace > 0 && again.pace < 0.1);
    /* It still is as slow. */
    pretend_canaries(1, 1e9);
    b = made(5);
    again = tuned(&b, small, QF_OK);
    qf_store_close(b.store);
    assert_int_equal(check_sql_number("SELECT count(*) FROM election"), 1);
    assert_true(again.pace > 0 && again.pace < 1e-8);
    /* It is as fast as it ever was. */
    pretend_canaries(1e8, 1e9);
    b = made(5);
    again = tuned(&b, small, QF_OK);
    qf_store_close(b.store);
    assert_int_equal(check_sql_number("SELECT count(*) FROM election"), 2);
    assert_int_equal(again.measured, 0);
    assert_true(again.best.settled);
    assert_true(check_sql_number("SELECT count(*) FROM comparison WHERE canary_ns < 1e8") > 0);
    /* And nothing more when it was held at about that pace. */
    pretend_canaries(1e8, 1.1e8);
    b = made(5);
    again = tuned(&b, small, QF_OK);
    qf_store_close(b.store);
    assert_int_equal(check_sql_number("SELECT count(*) FROM election"), 2);
    assert_true(again.pace > 0.9 && again.pace < 0.92);
}

static void changed_code_is_measured_again(void **state)
{
    (void)state;
    if (!runs_here) skip();
    bed b = made(2);
    tuned(&b, small, QF_OK);
    qf_store_close(b.store);
    check_sql("DROP TRIGGER outcome_fixed; UPDATE outcome SET code_hash = 'other'");
    b = made(2);
    const qf_tune_result again = tuned(&b, small, QF_OK);
    assert_int_equal(again.measured, 2);
    assert_int_equal(again.reused, 0);
    assert_true(again.best.settled);
    qf_store_close(b.store);
}

static void kernels_that_killed_two_tuners_are_left_out(void **state)
{
    (void)state;
    if (!runs_here) skip();
    bed b = made(2);
    tuned(&b, small, QF_OK);
    qf_store_close(b.store);
    check_sql(
        "DROP TRIGGER outcome_fixed; UPDATE outcome SET verdict = 'lost', code_hash = '', "
        "median_ns = NULL; "
        "INSERT INTO trial SELECT id + 100, session, problem, kernel, cache, 1, 1 FROM "
        "trial; INSERT INTO outcome (trial, verdict, detail, code_hash, done_us) SELECT trial "
        "+ 100, 'lost', '', '', 1 FROM outcome");
    b = made(2);
    const qf_tune_result again = tuned(&b, small, QF_NO_CONFIG);
    assert_int_equal(again.skipped, 2);
    assert_int_equal(again.measured, 0);
    assert_false(again.found);
    assert_non_null(strstr(qf_message(), small));
    qf_store_close(b.store);
}

static void a_wrong_code_is_not_timed(void **state)
{
    (void)state;
    if (!runs_here) skip();
    bed b = made(2);
    tuned(&b, small, QF_OK);
    qf_store_close(b.store);
    /* The judge's word is kept by code: had it been otherwise, nothing would be valid. */
    check_sql(
        "DROP TRIGGER validation_fixed; UPDATE validation SET verdict = 'wrong', detail = "
        "'made up'; DROP TRIGGER outcome_fixed; UPDATE outcome SET code_hash = 'old'");
    b = made(2);
    const qf_tune_result again = tuned(&b, small, QF_NO_CONFIG);
    assert_int_equal(again.failed, 2);
    qf_store_close(b.store);
    assert_int_equal(
        check_sql_number("SELECT count(*) FROM outcome WHERE verdict = 'wrong' AND "
                         "detail = 'made up'"),
        2);
}

static void products_beyond_memory_are_refused(void **state)
{
    (void)state;
    if (!runs_here) skip();
    bed b = made(1);
    tuned(&b, "exact_f32_1x16000000x16000000_t1", QF_RANGE);
    assert_non_null(strstr(qf_message(), "too large"));
    qf_store_close(b.store);
}

/* ---- the clock ------------------------------------------------------------------------- */

/* A candidate's time is told in what its rival is said to take, and what the rival takes by
 * the clock is told as well. */
static void times_are_told_in_the_rivals(void **state)
{
    (void)state;
    if (!runs_here) skip();
    bed b = made(2);
    qf_kernel kernel[2];
    qf_problem problem;
    assert_int_equal(qf_problem_parse(small, &problem), QF_OK);
    qf_bench bench = qf_bench_of(&b.options, &problem);
    qf_space space;
    assert_int_equal(qf_space_build(&cpu, &problem, QF_RECIPE_COUNT, &space), QF_OK);
    for (int i = 0; i < 2; i++) {
        kernel[i].id = space.item[i].kernel;
        assert_int_equal(qf_jit_get(jit, &kernel[i].id, &kernel[i].run, NULL), QF_OK);
    }
    qf_outcome alone = {.verdict = QF_VERDICT_OK}, paired = alone;
    qf_rival rival = {0};
    assert_int_equal(qf_clock(&bench, &kernel[0], 1e3, &rival, &alone), QF_OK);
    assert_int_equal(alone.verdict, QF_VERDICT_OK);
    assert_true(rival.seen_ns == 0);
    rival = (qf_rival){&kernel[0].id, 1000 * alone.timing.median_ns, 1, 0};
    assert_int_equal(qf_clock(&bench, &kernel[1], 1e3, &rival, &paired), QF_OK);
    assert_int_equal(paired.verdict, QF_VERDICT_OK);
    assert_true(paired.timing.median_ns > 50 * alone.timing.median_ns);
    assert_true(paired.timing.samples >= 3);
    assert_true(rival.seen_ns > 0 && rival.seen_ns < 20 * alone.timing.median_ns);
    qf_space_release(&space);
    qf_bench_close(&bench);
    qf_store_close(b.store);
}

/* One that computes only a part leads in the first three rounds of a match.  One copy of the
 * weights moves between them, several stay. */
static void check_duel(const char *name, bool moves)
{
    bed b = made(1);
    qf_problem problem;
    assert_int_equal(qf_problem_parse(name, &problem), QF_OK);
    qf_bench bench = qf_bench_of(&b.options, &problem);
    qf_space space;
    assert_int_equal(qf_space_build(&cpu, &problem, QF_RECIPE_COUNT, &space), QF_OK);
    qf_kernel kernel = {.id = space.item[0].kernel};
    assert_int_equal(qf_jit_get(jit, &kernel.id, &kernel.run, NULL), QF_OK);
    qf_outcome outcome = {.verdict = QF_VERDICT_OK};
    qf_rival rival = {0};
    assert_int_equal(qf_clock(&bench, &kernel, 1e5, &rival, &outcome), QF_OK);
    const int moved = bench.moves;
    qf_comparison comparison;
    qf_conditions conditions;
    const qf_duel part = {.a = &kernel.id,
                          .b = &kernel.id,
                          .b_panels = bench.operands.weights.panels / 4,
                          .ns = 1e5,
                          .seconds = 0.2,
                          .seed = 1};
    assert_int_equal(qf_clock_duel(&bench, &part, &comparison, &conditions), QF_OK);
    assert_true(qf_comparison_won(&comparison));
    assert_int_equal(bench.moves >= moved + 3, moves);
    /* And they are what they were: copies of the same weights.  The old ones go last, so one
     * move never ends where it began. */
    const uint8_t *before = bench.operands.weights.bytes;
    assert_int_equal(qf_clock(&bench, &kernel, 1e5, &rival, &outcome), QF_OK);
    assert_int_equal(outcome.verdict, QF_VERDICT_OK);
    assert_true((bench.operands.weights.bytes != before) == moves);
    qf_space_release(&space);
    qf_bench_close(&bench);
    qf_store_close(b.store);
}

static void duels_move_to_other_memory(void **state)
{
    (void)state;
    if (!runs_here) skip();
    check_duel("fast_q4g32_64x4096x512_t1", true);
    check_duel("fast_q4g32_1x4096x512_t1", false);
}

/* ---- the ladder ------------------------------------------------------------------------ */

static qf_kernel found(const qf_tuned *source, const char *name)
{
    const qf_kernel_source *s = qf_tuned_source(source);
    qf_problem problem;
    qf_kernel kernel;
    assert_int_equal(qf_problem_parse(name, &problem), QF_OK);
    if (s->find(s->self, &problem, &kernel) != QF_OK) fail_msg("%s", qf_message());
    assert_non_null(kernel.run);
    return kernel;
}

static void the_ladder_has_four_rungs(void **state)
{
    (void)state;
    if (!runs_here) skip();
    bed b = made(3);
    const qf_tune_result result = tuned(&b, small, QF_OK);
    qf_store_close(b.store);
    qf_store *store = check_ledger_open(QF_STORE_READ);
    qf_tuned *source;
    assert_int_equal(qf_tuned_create(&cpu, jit, store, &source), QF_OK);

    const qf_kernel exact = found(source, small);
    assert_int_equal(exact.rung, QF_RUNG_EXACT);
    assert_true(qf_kernel_equal(&exact.id, &result.best.kernel));
    assert_int_equal(found(source, "fast_q4g32_1x128x160_t1").rung, QF_RUNG_NEAREST);
    assert_int_equal(found(source, "fast_q4g32_64x128x160_t1").rung, QF_RUNG_PRIOR);
    assert_int_equal(found(source, "fast_q3g32_1x96x160_t1").rung, QF_RUNG_PRIOR);
    assert_ptr_equal(found(source, small).run, exact.run); /* remembered */
    qf_tuned_destroy(source);

    /* What the ledger knows of wider panels is no answer for narrow ones. */
    qf_cpu lesser = cpu;
    lesser.isas &= 1u << QF_ISA_AVX2 | 1u << QF_ISA_C;
    assert_int_equal(qf_tuned_create(&lesser, jit, store, &source), QF_OK);
    if (qf_cpu_best_isa(&lesser) != qf_cpu_best_isa(&cpu)) {
        assert_int_equal(found(source, small).rung, QF_RUNG_PRIOR);
        assert_int_equal(found(source, small).id.isa, QF_ISA_AVX2);
    }
    qf_tuned_destroy(source);
    qf_store_close(store);

    qf_cpu bare = cpu;
    bare.isas = 1u << QF_ISA_C;
    assert_int_equal(qf_tuned_create(&bare, jit, NULL, &source), QF_OK);
    const qf_kernel plain = found(source, small);
    assert_int_equal(plain.rung, QF_RUNG_REFERENCE);
    assert_true(plain.run == qf_reference_gemm);
    qf_tuned_destroy(source);
}

/* A ledger altered past all its rules, so that no count shows it, is not asked: what was packed
 * answers until it is gone. */
static void champions_are_mapped(void **state)
{
    (void)state;
    if (!runs_here) skip();
    bed b = made(3);
    const qf_tune_result result = tuned(&b, small, QF_OK);
    assert_int_equal(qf_session_end(b.store, b.options.session, QF_SESSION_DONE), QF_OK);
    qf_store_close(b.store);
    check_sql("DROP TRIGGER election_fixed; UPDATE election SET trial = (SELECT outcome.trial "
              "FROM outcome WHERE verdict = 'ok' AND outcome.trial <> election.trial)");
    for (int mapped = 1; mapped >= 0; mapped--) {
        qf_store *store = check_ledger_open(QF_STORE_READ);
        qf_tuned *source;
        char path[128];
        assert_int_equal(qf_tuned_create(&cpu, jit, store, &source), QF_OK);
        const qf_kernel kernel = found(source, small);
        assert_int_equal(kernel.rung, QF_RUNG_EXACT);
        assert_int_equal(qf_kernel_equal(&kernel.id, &result.best.kernel), mapped);
        qf_tuned_destroy(source);
        qf_store_close(store);
        snprintf(path, sizeof path, "%s-champions", check_ledger);
        assert_int_equal(remove(path), mapped ? 0 : -1);
    }
}

/* Every problem a network asks for gets a kernel that can be planned. */
static void the_prior_answers_everything(void **state)
{
    static const char *const names[] = {
        "fast_q2g32_1x64x64_t1",   "fast_q8g128_128x172x64_t2",
        "exact_q3g32_1x64x172_t1", "exact_grad_q4g64_512x64x172_t1",
        "exact_f32_1x512x64_t1",   "exact_f32_100x7x13_t1",
        "exact_q8g64_3x1x1_t1"};
    (void)state;
    if (!runs_here) skip();
    qf_tuned *source;
    assert_int_equal(qf_tuned_create(&cpu, jit, NULL, &source), QF_OK);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_int_equal(found(source, names[i]).rung, QF_RUNG_PRIOR);
    qf_tuned_destroy(source);
}

static void *ask_many(void *source)
{
    for (int i = 0; i < 40; i++) {
        char name[QF_NAME_MAX];
        snprintf(name, sizeof name, "exact_f32_%dx32x32_t1", 1 + i % 10);
        found(source, name);
    }
    return NULL;
}

static void threads_may_ask_together(void **state)
{
    pthread_t thread[4];
    qf_tuned *source;
    (void)state;
    if (!runs_here) skip();
    assert_int_equal(qf_tuned_create(&cpu, jit, NULL, &source), QF_OK);
    for (int i = 0; i < 4; i++) pthread_create(&thread[i], NULL, ask_many, source);
    for (int i = 0; i < 4; i++) pthread_join(thread[i], NULL);
    qf_tuned_destroy(source);
}

int main(void)
{
#define LEDGER_TEST(name)                                                                      \
    cmocka_unit_test_setup_teardown(name, check_ledger_fresh, check_ledger_clean)
    const struct CMUnitTest tests[] = {
        LEDGER_TEST(tuning_finds_records_and_reuses),
        LEDGER_TEST(a_stopped_search_keeps_and_resumes),
        LEDGER_TEST(the_closest_are_tried_at_other_places),
        LEDGER_TEST(who_is_expected_leads_and_others_come_in_order),
        LEDGER_TEST(who_was_elected_is_challenged_first),
        LEDGER_TEST(an_election_on_a_slow_machine_is_held_again),
        LEDGER_TEST(changed_code_is_measured_again),
        LEDGER_TEST(kernels_that_killed_two_tuners_are_left_out),
        LEDGER_TEST(a_wrong_code_is_not_timed),
        LEDGER_TEST(products_beyond_memory_are_refused),
        LEDGER_TEST(times_are_told_in_the_rivals),
        LEDGER_TEST(duels_move_to_other_memory),
        LEDGER_TEST(the_ladder_has_four_rungs),
        LEDGER_TEST(champions_are_mapped),
        cmocka_unit_test(the_prior_answers_everything),
        cmocka_unit_test(threads_may_ask_together),
    };
    return cmocka_run_group_tests(tests, start, end);
}
