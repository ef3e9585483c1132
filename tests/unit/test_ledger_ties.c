/* test_ledger_ties.c -- which kernels could not be told from the one that answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "ledger_fixture.h"
#include "qforge/codegen.h"
#include "qforge/store.h"

/* A kernel for every letter. */
static qf_trial named(char name)
{
    qf_trial trial = check_trial;
    trial.kernel.tile.unroll = name - 'a' + 1;
    return trial;
}

/* b took so many times as long as a. */
static void met(qf_store *store, int64_t session, char a, char b, double low, double ratio,
                double high)
{
    const qf_trial first = named(a), second = named(b);
    const qf_comparison c = {.ratio = ratio, .ratio_low = low, .ratio_high = high, .pairs = 30};
    assert_int_equal(qf_comparison_put(store, session, &check_trial.problem, QF_COLD,
                                       &first.kernel, &second.kernel, &c, &check_conditions),
                     QF_OK);
}

static void elect(qf_store *store, int64_t session, char name)
{
    const qf_trial trial = named(name);
    assert_int_equal(qf_election_put(store, session, &trial.problem, QF_COLD, &trial.kernel),
                     QF_OK);
}

/* Asserts the letters of the best kernel and of those as good, in their order. */
static void ties_are(qf_store *store, char best_name, const char *names)
{
    qf_best best;
    qf_ties ties;
    char found[32] = "";

    assert_int_equal(qf_store_best(store, &check_scope, &check_trial.problem, &best), QF_OK);
    assert_int_equal(best.kernel.tile.unroll, best_name - 'a' + 1);
    assert_int_equal(qf_store_ties(store, &check_scope, &best, &ties), QF_OK);
    assert_true(ties.count < (int)sizeof found);
    for (int i = 0; i < ties.count; i++) {
        const qf_tie *t = &ties.item[i];
        found[i] = (char)('a' + t->kernel.tile.unroll - 1), found[i + 1] = 0;
        assert_true(t->low <= 1 && t->low <= t->ratio && t->ratio <= t->high);
    }
    assert_string_equal(found, names);
    qf_ties_release(&ties);
}

static void open_with_trials(qf_store **store, int64_t *session, const char *names)
{
    *store = check_ledger_open(QF_STORE_WRITE);
    *session = check_session(*store);
    for (const char *c = names; *c; c++) {
        const qf_trial trial = named(*c);
        check_tried(*store, *session, &trial, 100 + *c);
    }
}

static void those_of_whom_pairs_say_nothing(void **state)
{
    qf_store *store;
    int64_t session;
    (void)state;
    open_with_trials(&store, &session, "abcdef");
    met(store, session, 'a', 'b', 0.99, 1.02, 1.04);
    met(store, session, 'a', 'c', 1.001, 1.02, 1.04); /* told */
    met(store, session, 'a', 'd', 0.98, 0.99, 1.00);
    met(store, session, 'b', 'e', 0.99, 1.00, 1.01); /* never met a */
    met(store, session, 'a', 'f', 0.90, 0.91, 0.92); /* won, and yet was not elected */
    elect(store, session, 'a');
    ties_are(store, 'a', "db");
    qf_store_close(store);
}

/* A seat is taken: what the winner was compared with is told the other way round. */
static void seen_from_whoever_was_elected(void **state)
{
    qf_store *store;
    qf_best best;
    qf_ties ties;
    int64_t session;
    (void)state;
    open_with_trials(&store, &session, "abc");
    met(store, session, 'a', 'b', 0.99, 1.00, 1.02);
    met(store, session, 'a', 'c', 0.80, 0.96, 1.25); /* ahead in most rounds */
    elect(store, session, 'c');
    ties_are(store, 'c', "a");
    assert_int_equal(qf_store_best(store, &check_scope, &check_trial.problem, &best), QF_OK);
    assert_int_equal(qf_store_ties(store, &check_scope, &best, &ties), QF_OK);
    assert_true(fabs(ties.item[0].low - 0.8) < 1e-9 && fabs(ties.item[0].high - 1.25) < 1e-9 &&
                fabs(ties.item[0].ratio - 1 / 0.96) < 1e-9);
    qf_ties_release(&ties);
    met(store, session, 'a', 'c', 0.80, 0.83, 0.85);
    ties_are(store, 'c', "");
    qf_store_close(store);
}

static void the_newest_comparison_counts(void **state)
{
    qf_store *store;
    int64_t session;
    (void)state;
    open_with_trials(&store, &session, "abc");
    met(store, session, 'a', 'b', 0.98, 1.00, 1.02);
    met(store, session, 'b', 'a', 0.90, 0.92, 0.94); /* b is slower after all */
    met(store, session, 'a', 'c', 1.05, 1.06, 1.07);
    met(store, session, 'a', 'c', 0.97, 1.00, 1.03);
    elect(store, session, 'a');
    ties_are(store, 'a', "c");
    qf_store_close(store);
}

/* What was compared before the newest trial was other code; what is wrong is no tie. */
static void of_the_code_there_is_now(void **state)
{
    const qf_outcome wrong = {.verdict = QF_VERDICT_WRONG, .code_hash = "1"};
    const qf_trial b = named('b'), c = named('c'), a = named('a');
    qf_store *store;
    int64_t session, id;
    (void)state;
    open_with_trials(&store, &session, "abc");
    met(store, session, 'a', 'b', 0.98, 1.00, 1.02);
    met(store, session, 'a', 'c', 0.98, 1.01, 1.02);
    elect(store, session, 'a');
    ties_are(store, 'a', "bc");
    check_tried(store, session, &b, 200);
    ties_are(store, 'a', "c");
    assert_int_equal(qf_trial_claim(store, session, &c, &id), QF_OK);
    assert_int_equal(qf_trial_finish(store, id, &wrong), QF_OK);
    ties_are(store, 'a', "");
    met(store, session, 'a', 'b', 0.98, 1.00, 1.02);
    ties_are(store, 'a', "b");
    check_tried(store, session, &a, 90);
    ties_are(store, 'a', "");
    qf_store_close(store);
}

/* Neither another machine's, nor another ABI's, nor with weights that lie elsewhere. */
static void of_this_scope_alone(void **state)
{
    qf_store *store;
    int64_t session;
    (void)state;
    open_with_trials(&store, &session, "ab");
    elect(store, session, 'a');
    met(store, session, 'a', 'b', 0.98, 1.00, 1.02);
    ties_are(store, 'a', "b");
    qf_best best;
    qf_ties ties;
    assert_int_equal(qf_store_best(store, &check_scope, &check_trial.problem, &best), QF_OK);
    const qf_scope scopes[] = {{"9999", QF_CODE_ABI}, {"2222", QF_CODE_ABI + 1}};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(qf_store_ties(store, &scopes[i], &best, &ties), QF_OK);
        assert_int_equal(ties.count, 0);
    }
    best.cache = QF_WARM;
    assert_int_equal(qf_store_ties(store, &check_scope, &best, &ties), QF_OK);
    assert_int_equal(ties.count, 0);
    best.problem.m = 99; /* never heard of */
    assert_int_equal(qf_store_ties(store, &check_scope, &best, &ties), QF_OK);
    assert_int_equal(ties.count, 0);
    qf_store_close(store);
}

int main(void)
{
#define LEDGER_TEST(name)                                                                      \
    cmocka_unit_test_setup_teardown(name, check_ledger_fresh, check_ledger_clean)
    const struct CMUnitTest tests[] = {
        LEDGER_TEST(those_of_whom_pairs_say_nothing),
        LEDGER_TEST(seen_from_whoever_was_elected),
        LEDGER_TEST(the_newest_comparison_counts),
        LEDGER_TEST(of_the_code_there_is_now),
        LEDGER_TEST(of_this_scope_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
