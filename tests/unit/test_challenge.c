/* test_challenge.c -- who takes whose seat, by duels whose ends are made up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "autotune/challenge.h"

/* What duels say, the short one first; no pairs: it dies. */
typedef struct script {
    qf_comparison duel[2];
    bool has_time;
    int held;
} script;

static qf_status meet(void *context, qf_duel_length length, qf_comparison *duel)
{
    script *s = context;

    assert_int_equal(length, s->held == 0 ? QF_DUEL_SHORT : QF_DUEL_LONG);
    assert_in_range(s->held, 0, 1);
    *duel = s->duel[s->held++];
    return duel->pairs ? QF_OK : QF_NOT_FOUND;
}

static bool has_time(void *context)
{
    return ((const script *)context)->has_time;
}

static qf_comparison said(double ratio, double high)
{
    return (qf_comparison){.ratio = ratio, .ratio_high = high, .pairs = 9};
}

static void check(qf_comparison first, qf_comparison second, bool reigns, int duels, bool wins)
{
    script s = {{first, second}, true, 0};
    const qf_challenge rule = {reigns, meet, has_time, &s};
    qf_comparison last;
    bool won;

    assert_int_equal(qf_challenge_hold(&rule, &last, &won), QF_OK);
    assert_int_equal(s.held, duels);
    assert_int_equal(won, wins);
    assert_true(last.ratio == s.duel[duels - 1].ratio);
}

static void doubt_is_for_who_leads(void **state)
{
    const qf_comparison sure = said(0.95, 0.96), ahead = said(0.95, 1.02),
                        even = said(0.995, 1), behind = said(1.05, 1.1);
    (void)state;
    for (int reigns = 0; reigns < 2; reigns++) {
        check(sure, behind, reigns, 1, true);
        check(even, sure, reigns, 1, false);
        check(behind, sure, reigns, 1, false);
        check(ahead, sure, reigns, 2, true);
        check(ahead, even, reigns, 2, false);
        check(ahead, behind, reigns, 2, false);
        check(ahead, ahead, reigns, 2, !reigns);
    }
}

static void what_is_not_held_is_not_won(void **state)
{
    const qf_comparison sure = said(0.95, 0.96), ahead = said(0.95, 1.02), dies = {.pairs = 0};
    qf_comparison last;
    bool won = true;

    (void)state;
    script hurried = {{ahead, sure}, false, 0};
    qf_challenge rule = {false, meet, has_time, &hurried};
    assert_int_equal(qf_challenge_hold(&rule, &last, &won), QF_OK);
    assert_int_equal(hurried.held, 1);
    assert_false(won);
    for (int at = 0; at < 2; at++) {
        script deadly = {{at == 0 ? dies : ahead, dies}, true, 0};
        rule.context = &deadly;
        won = true;
        assert_int_equal(qf_challenge_hold(&rule, &last, &won), QF_NOT_FOUND);
        assert_false(won);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(doubt_is_for_who_leads),
        cmocka_unit_test(what_is_not_held_is_not_won),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
