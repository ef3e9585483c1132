/* test_tune_finals.c -- the fastest few of a search meet: who leads, in which order, where
 * their loops are, how long, and when all of it is done again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>

#include "tune_bed.h"

static const char *const small = "fast_q4g32_1x96x160_t1";

static void the_closest_are_tried_at_other_places(void **state)
{
    (void)state;
    if (!check_bed_runs) skip();
    check_bed b = check_bed_made(6);
    check_bed_tuned(&b, small, QF_OK);
    qf_store_close(b.store);
    check_pretend_close();
    b = check_bed_made(6);
    const qf_tune_result again = check_bed_tuned(&b, small, QF_OK);
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
                          "trial.kernel = b)) OVER (ORDER BY id) AS last FROM (SELECT b, "
                          "min(comparison.id) AS id FROM comparison JOIN kernel ON kernel.id = "
                          "b WHERE session = 2 AND NOT name GLOB '*_al[0-9]*' GROUP BY b)) "
                          "WHERE now < last";
    (void)state;
    if (!check_bed_runs) skip();
    check_bed b = check_bed_made(12);
    check_bed_tuned(&b, small, QF_OK);
    qf_store_close(b.store);
    check_pretend_close();
    /* The favourite, which comes first, is the slowest, and not even close. */
    check_sql("UPDATE outcome SET high_ns = 3000, median_ns = iif(trial = 1, 3000, 1050 - "
              "trial)");
    b = check_bed_made(12);
    check_bed_tuned(&b, small, QF_OK);
    qf_store_close(b.store);
    assert_int_equal(check_sql_number(of_a),
                     check_sql_number("SELECT min(predicted_ns) FROM trial WHERE session = 1"));
    assert_int_equal(check_sql_number(order), 0);
    /* Whoever took the seat was ahead by a percent; who led at first may have it back. */
    assert_int_equal(
        check_sql_number("SELECT count(*) FROM (SELECT a, lag(a) OVER w AS seat, lag(b) OVER w "
                         "AS taker, lag(ratio) OVER w AS ratio, first_value(a) OVER w AS first "
                         "FROM comparison WHERE session = 2 WINDOW w AS (ORDER BY id)) WHERE "
                         "a NOT IN (seat, first) AND (a <> taker OR ratio >= 0.991)"),
        0);
}

static void who_was_elected_is_challenged_first(void **state)
{
    (void)state;
    if (!check_bed_runs) skip();
    check_bed b = check_bed_made(5);
    check_bed_tuned(&b, small, QF_OK);
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
    b = check_bed_made(6);
    check_bed_tuned(&b, small, QF_OK);
    qf_store_close(b.store);
    assert_int_equal(check_sql_number("SELECT a FROM comparison WHERE session = 2 ORDER BY id"),
                     slowest);
    assert_int_equal(check_sql_number("SELECT count(*) FROM comparison WHERE a = b"), 0);
    /* It is the slowest by much, so another took its seat, and met it once more in the end,
     * before placements. */
    assert_int_equal(
        check_sql_number(
            "SELECT a FROM comparison JOIN kernel ON kernel.id = b WHERE "
            "session = 2 AND NOT name GLOB '*_al[0-9]*' ORDER BY comparison.id DESC"),
        slowest);
}

static void an_election_on_a_slow_machine_is_held_again(void **state)
{
    (void)state;
    if (!check_bed_runs) skip();
    check_bed b = check_bed_made(5);
    check_bed_tuned(&b, small, QF_OK);
    qf_store_close(b.store);
    /* On a busy machine one may have led by so much that no pair was compared, which leaves
     * nothing to tell a pace by. */
    check_pretend_close();
    b = check_bed_made(5);
    check_bed_tuned(&b, small, QF_OK);
    qf_store_close(b.store);
    /* It was faster, but just now. */
    check_sql("DROP TRIGGER comparison_fixed; UPDATE comparison SET canary_ns = 1e9");
    b = check_bed_made(5);
    qf_tune_result again = check_bed_tuned(&b, small, QF_OK);
    qf_store_close(b.store);
    assert_int_equal(check_sql_number("SELECT count(*) FROM election"), 1);
    assert_true(again.pace > 0 && again.pace < 0.1);
    /* It still is as slow. */
    check_pretend_canaries(1, 1e9);
    b = check_bed_made(5);
    again = check_bed_tuned(&b, small, QF_OK);
    qf_store_close(b.store);
    assert_int_equal(check_sql_number("SELECT count(*) FROM election"), 1);
    assert_true(again.pace > 0 && again.pace < 1e-8);
    /* It is as fast as it ever was. */
    check_pretend_canaries(1e8, 1e9);
    b = check_bed_made(5);
    again = check_bed_tuned(&b, small, QF_OK);
    qf_store_close(b.store);
    assert_int_equal(check_sql_number("SELECT count(*) FROM election"), 2);
    assert_int_equal(again.measured, 0);
    assert_true(again.best.settled);
    assert_true(check_sql_number("SELECT count(*) FROM comparison WHERE canary_ns < 1e8") > 0);
    /* And nothing more when it was held at about that pace. */
    check_pretend_canaries(1e8, 1.1e8);
    b = check_bed_made(5);
    again = check_bed_tuned(&b, small, QF_OK);
    qf_store_close(b.store);
    assert_int_equal(check_sql_number("SELECT count(*) FROM election"), 2);
    assert_true(again.pace > 0.9 && again.pace < 0.92);
}

/* In a search of twelve the first five are the fastest, and the prior's first as well.  Time is
 * over when they have met: the others are dropped, and one is elected.  When it is over before,
 * nobody is. */
static void where_time_runs_out_the_fastest_have_met(void **state)
{
    (void)state;
    if (!check_bed_runs) skip();
    for (int met = 5; met >= 4; met--) {
        check_ledger_clean(NULL);
        check_ledger_fresh(NULL);
        check_bed b = check_bed_made(12);
        check_bed_tuned(&b, small, QF_OK);
        qf_store_close(b.store);
        check_pretend_close();
        b = check_bed_made(12);
        b.options.budget_s = 8, b.slow_after = met, b.slow_s = 8;
        const qf_tune_result result = check_bed_tuned(&b, small, QF_OK);
        assert_int_equal(b.meetings > 5, met == 5); /* placements are no meetings */
        assert_int_equal(result.best.settled, met == 5);
        assert_int_equal(result.complete, met == 5);
        qf_store_close(b.store);
        assert_int_equal(check_sql_number("SELECT count(DISTINCT b) FROM comparison WHERE "
                                          "session = 2"),
                         met - 1);
    }
}

int main(void)
{
#define LEDGER_TEST(name)                                                                      \
    cmocka_unit_test_setup_teardown(name, check_ledger_fresh, check_ledger_clean)
    const struct CMUnitTest tests[] = {
        LEDGER_TEST(the_closest_are_tried_at_other_places),
        LEDGER_TEST(who_is_expected_leads_and_others_come_in_order),
        LEDGER_TEST(who_was_elected_is_challenged_first),
        LEDGER_TEST(an_election_on_a_slow_machine_is_held_again),
        LEDGER_TEST(where_time_runs_out_the_fastest_have_met),
    };
    return cmocka_run_group_tests(tests, check_bed_start, check_bed_end);
}
