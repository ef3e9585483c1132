/* test_pacing.c -- when a search stops trying, without a clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <math.h>

#include "autotune/pacing.h"

/* Seconds that are used up by trials of `each` seconds. */
static double tried_for(double budget_s, double each)
{
    double used = 0, longest = 0;

    while (used < 10 * budget_s && qf_pace_trial(budget_s, budget_s - used, longest))
        used += each, longest = each;
    return used;
}

static void finalists_keep_their_part(void **state)
{
    (void)state;
    for (double budget = 0.5; budget <= 40; budget *= 2)
        for (double each = budget / 64; each < budget; each *= 1.7) {
            const double used = tried_for(budget, each);
            if (used > each)
                assert_true(used <= 0.5 * budget + 1e-9); /* no more than one cuts in */
            if (used + each < 0.5 * budget) fail_msg("%g s of %g in %g", used, budget, each);
        }
}

static void a_long_search_gives_them_no_more_than_they_can_use(void **state)
{
    (void)state;
    assert_true(tried_for(1000, 1) > 983);
    assert_true(tried_for(1000, 1) <= 984);
}

static void the_first_trial_needs_no_more_than_a_moment(void **state)
{
    (void)state;
    assert_true(qf_pace_trial(10, 10, 0));
    assert_true(qf_pace_trial(10, 5.001, 0));
    assert_false(qf_pace_trial(10, 5, 0));
    assert_false(qf_pace_trial(10, 5.001, 0.01));
    assert_false(qf_pace_trial(10, -1, 0));
}

static void without_a_budget_there_is_time(void **state)
{
    (void)state;
    assert_true(qf_pace_trial(0, HUGE_VAL, 1e9));
    assert_true(qf_pace_trial(0, 0, 1e9));
}

static void finalists_are_fewer_where_time_is_short(void **state)
{
    (void)state;
    assert_int_equal(qf_pace_finalists(HUGE_VAL, 1e-4, 10), 10);
    assert_int_equal(qf_pace_finalists(5, 1e-4, 10), 10);
    assert_int_equal(qf_pace_finalists(3.6, 1e-4, 10), 7);
    assert_int_equal(qf_pace_finalists(0.1, 1e-4, 10), 5);
    assert_int_equal(qf_pace_finalists(-1, 1e-4, 10), 5);
    assert_int_equal(qf_pace_finalists(HUGE_VAL, 1e-4, 3), 3);
    assert_int_equal(qf_pace_finalists(0, 1e-4, 3), 3);
    /* Long products take longer to meet. */
    assert_int_equal(qf_pace_finalists(16, 0.01, 10), 8);
    assert_int_equal(qf_pace_finalists(16, 0.1, 10), 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finalists_keep_their_part),
        cmocka_unit_test(a_long_search_gives_them_no_more_than_they_can_use),
        cmocka_unit_test(the_first_trial_needs_no_more_than_a_moment),
        cmocka_unit_test(without_a_budget_there_is_time),
        cmocka_unit_test(finalists_are_fewer_where_time_is_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
