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
#include "qforge/memory.h"
#include "qforge/source.h"
#include "tune_bed.h"

static const char *const small = "fast_q4g32_1x96x160_t1";

static void tuning_finds_records_and_reuses(void **state)
{
    static const char *const names[] = {"fast_q4g32_1x96x160_t1", "exact_q3g64_5x40x100_t1",
                                        "exact_grad_q2g32_7x40x72_t1", "exact_f32_9x33x50_t1"};
    (void)state;
    if (!check_bed_runs) skip();
    check_bed b = check_bed_made(3);
    for (int i = 0; i < 4; i++) {
        const qf_tune_result first = check_bed_tuned(&b, names[i], QF_OK);
        assert_true(first.found && first.complete && first.best.settled);
        assert_int_equal(first.measured, 3);
        assert_int_equal(first.failed + first.reused, 0);
        assert_int_equal(b.events, 3);
        assert_in_range(b.meetings, 1, 3 + 1 + 3 * 2);
        assert_true(first.best.ns > 0 && first.best.low_ns <= first.best.ns);
        assert_int_equal(strlen(first.best.code_hash), 16);
        check_pretend_canaries(1e4, 1e4);

        const qf_tune_result again = check_bed_tuned(&b, names[i], QF_OK);
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
    if (!check_bed_runs) skip();
    check_bed b = check_bed_made(6);
    b.stop_after = 2;
    const qf_tune_result first = check_bed_tuned(&b, small, QF_INTERRUPTED);
    assert_true(first.found && !first.complete && !first.best.settled);
    assert_int_equal(first.measured, 2);
    b.stop_after = 0;
    const qf_tune_result second = check_bed_tuned(&b, small, QF_OK);
    assert_int_equal(second.reused, 2);
    assert_int_equal(second.measured, 4);
    assert_true(second.complete && second.best.settled);
    qf_store_close(b.store);
}

static void changed_code_is_measured_again(void **state)
{
    (void)state;
    if (!check_bed_runs) skip();
    check_bed b = check_bed_made(2);
    check_bed_tuned(&b, small, QF_OK);
    qf_store_close(b.store);
    check_sql("DROP TRIGGER outcome_fixed; UPDATE outcome SET code_hash = 'other'");
    b = check_bed_made(2);
    const qf_tune_result again = check_bed_tuned(&b, small, QF_OK);
    assert_int_equal(again.measured, 2);
    assert_int_equal(again.reused, 0);
    assert_true(again.best.settled);
    qf_store_close(b.store);
}

static void kernels_that_killed_two_tuners_are_left_out(void **state)
{
    (void)state;
    if (!check_bed_runs) skip();
    check_bed b = check_bed_made(2);
    check_bed_tuned(&b, small, QF_OK);
    qf_store_close(b.store);
    check_sql(
        "DROP TRIGGER outcome_fixed; UPDATE outcome SET verdict = 'lost', code_hash = '', "
        "median_ns = NULL; "
        "INSERT INTO trial SELECT id + 100, session, problem, kernel, cache, 1, 1 FROM "
        "trial; INSERT INTO outcome (trial, verdict, detail, code_hash, done_us) SELECT trial "
        "+ 100, 'lost', '', '', 1 FROM outcome");
    b = check_bed_made(2);
    const qf_tune_result again = check_bed_tuned(&b, small, QF_NO_CONFIG);
    assert_int_equal(again.skipped, 2);
    assert_int_equal(again.measured, 0);
    assert_false(again.found);
    assert_non_null(strstr(qf_message(), small));
    qf_store_close(b.store);
}

static void a_wrong_code_is_not_timed(void **state)
{
    (void)state;
    if (!check_bed_runs) skip();
    check_bed b = check_bed_made(2);
    check_bed_tuned(&b, small, QF_OK);
    qf_store_close(b.store);
    /* The judge's word is kept by code: had it been otherwise, nothing would be valid. */
    check_sql(
        "DROP TRIGGER validation_fixed; UPDATE validation SET verdict = 'wrong', detail = "
        "'made up'; DROP TRIGGER outcome_fixed; UPDATE outcome SET code_hash = 'old'");
    b = check_bed_made(2);
    const qf_tune_result again = check_bed_tuned(&b, small, QF_NO_CONFIG);
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
    if (!check_bed_runs) skip();
    check_bed b = check_bed_made(1);
    check_bed_tuned(&b, "exact_f32_1x16000000x16000000_t1", QF_RANGE);
    assert_non_null(strstr(qf_message(), "too large"));
    qf_store_close(b.store);
}

/* ---- the clock ------------------------------------------------------------------------- */

/* A candidate's time is told in what its rival is said to take, and what the rival takes by
 * the clock is told as well. */
static void times_are_told_in_the_rivals(void **state)
{
    (void)state;
    if (!check_bed_runs) skip();
    check_bed b = check_bed_made(2);
    qf_kernel kernel[2];
    qf_problem problem;
    assert_int_equal(qf_problem_parse(small, &problem), QF_OK);
    qf_bench bench = qf_bench_of(&b.options, &problem);
    qf_space space;
    assert_int_equal(qf_space_build(&check_bed_cpu, &problem, QF_RECIPE_COUNT, &space), QF_OK);
    for (int i = 0; i < 2; i++) {
        kernel[i].id = space.item[i].kernel;
        assert_int_equal(qf_jit_get(check_bed_jit, &kernel[i].id, &kernel[i].run, NULL), QF_OK);
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
    check_bed b = check_bed_made(1);
    qf_problem problem;
    assert_int_equal(qf_problem_parse(name, &problem), QF_OK);
    qf_bench bench = qf_bench_of(&b.options, &problem);
    qf_space space;
    assert_int_equal(qf_space_build(&check_bed_cpu, &problem, QF_RECIPE_COUNT, &space), QF_OK);
    qf_kernel kernel = {.id = space.item[0].kernel};
    assert_int_equal(qf_jit_get(check_bed_jit, &kernel.id, &kernel.run, NULL), QF_OK);
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
    if (!check_bed_runs) skip();
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
    if (!check_bed_runs) skip();
    check_bed b = check_bed_made(3);
    const qf_tune_result result = check_bed_tuned(&b, small, QF_OK);
    qf_store_close(b.store);
    qf_store *store = check_ledger_open(QF_STORE_READ);
    qf_tuned *source;
    assert_int_equal(qf_tuned_create(&check_bed_cpu, check_bed_jit, store, &source), QF_OK);

    const qf_kernel exact = found(source, small);
    assert_int_equal(exact.rung, QF_RUNG_EXACT);
    assert_true(qf_kernel_equal(&exact.id, &result.best.kernel));
    assert_int_equal(found(source, "fast_q4g32_1x128x160_t1").rung, QF_RUNG_NEAREST);
    assert_int_equal(found(source, "fast_q4g32_64x128x160_t1").rung, QF_RUNG_PRIOR);
    assert_int_equal(found(source, "fast_q3g32_1x96x160_t1").rung, QF_RUNG_PRIOR);
    assert_ptr_equal(found(source, small).run, exact.run); /* remembered */
    qf_tuned_destroy(source);

    /* What the ledger knows of wider panels is no answer for narrow ones. */
    qf_cpu lesser = check_bed_cpu;
    lesser.isas &= 1u << QF_ISA_AVX2 | 1u << QF_ISA_C;
    assert_int_equal(qf_tuned_create(&lesser, check_bed_jit, store, &source), QF_OK);
    if (qf_cpu_best_isa(&lesser) != qf_cpu_best_isa(&check_bed_cpu)) {
        assert_int_equal(found(source, small).rung, QF_RUNG_PRIOR);
        assert_int_equal(found(source, small).id.isa, QF_ISA_AVX2);
    }
    qf_tuned_destroy(source);
    qf_store_close(store);

    qf_cpu bare = check_bed_cpu;
    bare.isas = 1u << QF_ISA_C;
    assert_int_equal(qf_tuned_create(&bare, check_bed_jit, NULL, &source), QF_OK);
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
    if (!check_bed_runs) skip();
    check_bed b = check_bed_made(3);
    const qf_tune_result result = check_bed_tuned(&b, small, QF_OK);
    assert_int_equal(qf_session_end(b.store, b.options.session, QF_SESSION_DONE), QF_OK);
    qf_store_close(b.store);
    check_sql("DROP TRIGGER election_fixed; UPDATE election SET trial = (SELECT outcome.trial "
              "FROM outcome WHERE verdict = 'ok' AND outcome.trial <> election.trial)");
    for (int mapped = 1; mapped >= 0; mapped--) {
        qf_store *store = check_ledger_open(QF_STORE_READ);
        qf_tuned *source;
        char path[128];
        assert_int_equal(qf_tuned_create(&check_bed_cpu, check_bed_jit, store, &source), QF_OK);
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
    if (!check_bed_runs) skip();
    qf_tuned *source;
    assert_int_equal(qf_tuned_create(&check_bed_cpu, check_bed_jit, NULL, &source), QF_OK);
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
    if (!check_bed_runs) skip();
    assert_int_equal(qf_tuned_create(&check_bed_cpu, check_bed_jit, NULL, &source), QF_OK);
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
    return cmocka_run_group_tests(tests, check_bed_start, check_bed_end);
}
