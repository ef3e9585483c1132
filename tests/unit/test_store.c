/* test_store.c -- what the ledger remembers: trials, proofs, winners, latencies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ledger_fixture.h"
#include "qforge/codegen.h"
#include "qforge/store.h"

/* ---- trials ---------------------------------------------------------------------------- */

static void outcomes_come_back_as_written(void **state)
{
    (void)state;
    qf_store *store = check_ledger_open(QF_STORE_WRITE);
    const int64_t session = check_session(store);
    qf_outcome outcome;
    int lost = -1;
    assert_int_equal(qf_store_outcome(store, &check_scope, &check_trial, &outcome, &lost),
                     QF_NOT_FOUND);
    assert_int_equal(lost, 0);
    check_tried(store, session, &check_trial, 500);
    assert_int_equal(qf_store_outcome(store, &check_scope, &check_trial, &outcome, &lost),
                     QF_OK);
    const qf_outcome expected = check_timed(500);
    assert_int_equal(outcome.verdict, QF_VERDICT_OK);
    assert_string_equal(outcome.code_hash, expected.code_hash);
    assert_memory_equal(&outcome.timing, &expected.timing, sizeof expected.timing);

    int64_t id;
    const qf_outcome wrong = {.verdict = QF_VERDICT_WRONG,
                              .code_hash = "0000000000000001",
                              .detail = "c[3][1] is off"};
    assert_int_equal(qf_trial_claim(store, session, &check_trial, &id), QF_OK);
    assert_int_equal(qf_trial_finish(store, id, &wrong), QF_OK);
    assert_int_equal(qf_store_outcome(store, &check_scope, &check_trial, &outcome, NULL),
                     QF_OK);
    assert_int_equal(outcome.verdict, QF_VERDICT_WRONG);
    assert_string_equal(outcome.detail, "c[3][1] is off");

    /* What the machine did meanwhile, of those that were timed. */
    assert_int_equal(
        check_sql_number("SELECT count(*) FROM outcome WHERE canary_ns = 54321.5 AND drift = 1 "
                         "AND repeats = 2 AND spent_ms = 31.25 AND steal_ms = 1 AND delay_ms = "
                         "1.0 / 3 AND switches = 4 AND moves = 1"),
        1);
    assert_int_equal(check_sql_number("SELECT count(*) FROM outcome WHERE canary_ns IS NULL "
                                      "AND drift IS NULL AND moves IS NULL"),
                     1);

    qf_trial other = check_trial;
    other.cache = QF_WARM;
    assert_int_equal(qf_store_outcome(store, &check_scope, &other, &outcome, NULL),
                     QF_NOT_FOUND);
    other = check_trial;
    other.kernel.tile.unroll = 4;
    assert_int_equal(qf_store_outcome(store, &check_scope, &other, &outcome, NULL),
                     QF_NOT_FOUND);
    const qf_scope elsewhere = {"9999", QF_CODE_ABI}, later = {"2222", QF_CODE_ABI + 1};
    assert_int_equal(qf_store_outcome(store, &elsewhere, &check_trial, &outcome, NULL),
                     QF_NOT_FOUND);
    assert_int_equal(qf_store_outcome(store, &later, &check_trial, &outcome, NULL),
                     QF_NOT_FOUND);
    qf_store_close(store);
}

static void facts_cannot_be_changed(void **state)
{
    static const char *const attempts[] = {
        "UPDATE outcome SET median_ns = 1",
        "DELETE FROM outcome",
        "UPDATE trial SET kernel = 1",
        "DELETE FROM trial",
        "UPDATE election SET trial = 1",
        "DELETE FROM election",
        "INSERT OR REPLACE INTO outcome SELECT * FROM outcome",
        "INSERT INTO outcome SELECT * FROM outcome",
        "INSERT INTO outcome (trial, verdict, detail, code_hash, median_ns, low_ns, high_ns, "
        "samples, done_us) VALUES (1, 'ok', '', '', 5, 6, 7, 1, 0)",
        "INSERT INTO trial (session, problem, kernel, cache, predicted_ns, claimed_us) "
        "VALUES (1, 1, 1, 'tepid', 0, 0)",
        "UPDATE session SET state = 'running'",
    };
    (void)state;
    qf_store *store = check_ledger_open(QF_STORE_WRITE);
    const int64_t session = check_session(store);
    check_tried(store, session, &check_trial, 500);
    assert_int_equal(
        qf_election_put(store, session, &check_trial.problem, QF_COLD, &check_trial.kernel),
        QF_OK);
    assert_int_equal(qf_session_end(store, session, QF_SESSION_DONE), QF_OK);
    qf_store_close(store);

    sqlite3 *db;
    assert_int_equal(sqlite3_open(check_ledger, &db), SQLITE_OK);
    sqlite3_exec(db, "PRAGMA foreign_keys = ON; PRAGMA recursive_triggers = ON", NULL, NULL,
                 NULL);
    for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++)
        if (sqlite3_exec(db, attempts[i], NULL, NULL, NULL) == SQLITE_OK)
            fail_msg("the ledger let this happen: %s", attempts[i]);
    sqlite3_close(db);
}

static void validations_are_kept_per_code_and_machine(void **state)
{
    (void)state;
    qf_store *store = check_ledger_open(QF_STORE_WRITE);
    const int64_t session = check_session(store);
    const qf_validation good = {QF_VERDICT_OK, 42, 1, 0.25, ""};
    const qf_validation bad = {QF_VERDICT_WRONG, 3, 2, 1.0 / 0.0, "NaN"};
    qf_validation found;
    assert_int_equal(qf_validation_put(store, session, "aaaa", &good), QF_OK);
    assert_int_equal(qf_validation_put(store, session, "bbbb", &bad), QF_OK);
    assert_int_equal(qf_validation_get(store, "1111", "aaaa", &found), QF_OK);
    assert_int_equal(found.cases, 42);
    assert_true(found.worst_error == 0.25);
    assert_int_equal(qf_validation_get(store, "1111", "bbbb", &found), QF_OK);
    assert_int_equal(found.verdict, QF_VERDICT_WRONG);
    assert_int_equal(qf_validation_get(store, "2222", "aaaa", &found), QF_NOT_FOUND);
    assert_int_equal(qf_validation_get(store, "1111", "cccc", &found), QF_NOT_FOUND);
    qf_store_close(store);
}

/* A tuner that dies while a trial runs leaves the claim; the next writer knows. */
static void claims_of_the_dead_are_attributed(void **state)
{
    (void)state;
    qf_store_close(check_ledger_open(QF_STORE_WRITE));
    for (int death = 1; death <= 2; death++) {
        const pid_t child = fork();
        if (child == 0) {
            qf_store *mine = check_ledger_open(QF_STORE_WRITE);
            int64_t id;
            if (qf_trial_claim(mine, check_session(mine), &check_trial, &id) != QF_OK) _exit(1);
            raise(SIGKILL);
        }
        int status;
        waitpid(child, &status, 0);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(check_sql_number("SELECT count(*) FROM open_trial"), 1);

        qf_store *store = check_ledger_open(QF_STORE_WRITE);
        qf_outcome outcome;
        int lost;
        assert_int_equal(qf_store_outcome(store, &check_scope, &check_trial, &outcome, &lost),
                         QF_NOT_FOUND);
        assert_int_equal(lost, death);
        qf_store_close(store);
    }
    assert_int_equal(check_sql_number("SELECT count(*) FROM open_trial"), 0);
    assert_int_equal(check_sql_number("SELECT count(*) FROM session WHERE state = 'dead'"), 2);
}

/* Where the tuner lived to name the code, its working process alone was killed: no answer, and
 * nothing against the kernel. */
static void who_was_killed_from_outside_is_not_blamed(void **state)
{
    const qf_outcome killed = {.verdict = QF_VERDICT_LOST,
                               .code_hash = "0000000000000001",
                               .detail = "the working process was killed"};
    qf_outcome outcome;
    int lost = -1;

    (void)state;
    qf_store *store = check_ledger_open(QF_STORE_WRITE);
    const int64_t session = check_session(store);
    for (int i = 0; i < 3; i++) {
        int64_t id;
        assert_int_equal(qf_trial_claim(store, session, &check_trial, &id), QF_OK);
        assert_int_equal(qf_trial_finish(store, id, &killed), QF_OK);
    }
    assert_int_equal(qf_store_outcome(store, &check_scope, &check_trial, &outcome, &lost),
                     QF_NOT_FOUND);
    assert_int_equal(lost, 0);
    qf_store_close(store);
}

static void claims_of_the_living_are_left_alone(void **state)
{
    (void)state;
    qf_store *mine = check_ledger_open(QF_STORE_WRITE);
    int64_t id;
    assert_int_equal(qf_trial_claim(mine, check_session(mine), &check_trial, &id), QF_OK);
    qf_store_close(check_ledger_open(QF_STORE_WRITE));
    assert_int_equal(check_sql_number("SELECT count(*) FROM open_trial"), 1);
    assert_int_equal(check_sql_number("SELECT count(*) FROM outcome"), 0);
    /* The same pid born at another time, and another boot, are other processes. */
    check_sql("UPDATE session SET born = born + 1");
    qf_store_close(check_ledger_open(QF_STORE_WRITE));
    assert_int_equal(check_sql_number("SELECT count(*) FROM outcome WHERE verdict = 'lost'"),
                     1);
    qf_store_close(mine);
}

/* ---- best ------------------------------------------------------------------------------ */

static qf_trial with_unroll(int unroll)
{
    qf_trial trial = check_trial;
    trial.kernel.tile.unroll = unroll;
    return trial;
}

static int best_unroll(qf_store *store, bool *elected)
{
    qf_best best;
    if (qf_store_best(store, &check_scope, &check_trial.problem, &best) != QF_OK) return 0;
    if (elected) *elected = best.elected;
    return best.kernel.tile.unroll;
}

static void best_is_the_fastest_until_one_is_elected(void **state)
{
    (void)state;
    bool elected;
    qf_store *store = check_ledger_open(QF_STORE_WRITE);
    const int64_t session = check_session(store);
    const qf_trial one = with_unroll(1), two = with_unroll(2), four = with_unroll(4);
    assert_int_equal(best_unroll(store, NULL), 0);
    check_tried(store, session, &one, 300);
    check_tried(store, session, &two, 200);
    check_tried(store, session, &four, 250);
    assert_int_equal(best_unroll(store, &elected), 2);
    assert_false(elected);

    const qf_comparison duel = {
        .ratio = 0.9, .ratio_low = 0.88, .ratio_high = 0.93, .pairs = 9};
    assert_int_equal(qf_comparison_put(store, session, &check_trial.problem, QF_COLD,
                                       &two.kernel, &four.kernel, &duel, &check_conditions),
                     QF_OK);
    qf_conditions unseen = {0};
    assert_int_equal(qf_comparison_put(store, session, &check_trial.problem, QF_COLD,
                                       &two.kernel, &one.kernel, &duel, &unseen),
                     QF_OK);
    assert_int_equal(
        check_sql_number("SELECT group_concat(ifnull(canary_ns = 54321.5 AND drift = 1 AND "
                         "repeats = 2 AND spent_ms = 31.25 AND steal_ms = 1 AND delay_ms < 1 "
                         "AND switches = 4 AND moves = 1, 2), '') FROM comparison"),
        12);
    assert_int_equal(
        qf_election_put(store, session, &check_trial.problem, QF_COLD, &four.kernel), QF_OK);
    assert_int_equal(best_unroll(store, &elected), 4);
    assert_true(elected);
    assert_int_equal(
        qf_election_put(store, session, &check_trial.problem, QF_COLD, &one.kernel), QF_OK);
    assert_int_equal(best_unroll(store, NULL), 1); /* the newest election */

    const qf_trial never = with_unroll(3);
    assert_int_equal(
        qf_election_put(store, session, &check_trial.problem, QF_COLD, &never.kernel),
        QF_DATABASE);

    /* Proved wrong later: out, and the election of it with it. */
    int64_t id;
    const qf_outcome wrong = {.verdict = QF_VERDICT_WRONG, .code_hash = "1"};
    assert_int_equal(qf_trial_claim(store, session, &one, &id), QF_OK);
    assert_int_equal(qf_trial_finish(store, id, &wrong), QF_OK);
    assert_int_equal(best_unroll(store, NULL), 4);
    qf_store_close(store);
}

static void an_election_has_the_pace_of_what_it_rests_on(void **state)
{
    (void)state;
    qf_store *store = check_ledger_open(QF_STORE_WRITE);
    const int64_t session = check_session(store);
    const qf_trial one = with_unroll(1), two = with_unroll(2);
    const qf_comparison duel = {.ratio = 1, .ratio_low = 1, .ratio_high = 1, .pairs = 9};
    qf_pace pace;
    check_tried(store, session, &one, 300); /* the canary at 54321.5 ns */
    check_tried(store, session, &two, 300);
    assert_int_equal(qf_store_pace(store, &check_scope, &check_trial.problem, QF_COLD, &pace),
                     QF_NOT_FOUND);
    assert_int_equal(
        qf_election_put(store, session, &check_trial.problem, QF_COLD, &one.kernel), QF_OK);
    assert_int_equal(qf_store_pace(store, &check_scope, &check_trial.problem, QF_COLD, &pace),
                     QF_OK);
    assert_true(pace.ns == 54321.5); /* nothing was compared: its trials' */
    for (int i = 1; i <= 3; i++) {
        const qf_conditions conditions = {.canary_ns = 40000.0 * i, .drift = 1};
        assert_int_equal(qf_comparison_put(store, session, &check_trial.problem, QF_COLD,
                                           &one.kernel, &two.kernel, &duel, &conditions),
                         QF_OK);
    }
    assert_int_equal(qf_store_pace(store, &check_scope, &check_trial.problem, QF_COLD, &pace),
                     QF_OK);
    assert_true(pace.ns == 80000 && pace.least_ns == 40000);
    const qf_scope elsewhere = {"9999", QF_CODE_ABI};
    assert_int_equal(qf_store_pace(store, &elsewhere, &check_trial.problem, QF_COLD, &pace),
                     QF_NOT_FOUND);
    qf_store_close(store);

    check_sql("DROP TRIGGER comparison_fixed; UPDATE comparison SET canary_ns = 90000");
    store = check_ledger_open(QF_STORE_READ);
    assert_int_equal(qf_store_pace(store, &check_scope, &check_trial.problem, QF_COLD, &pace),
                     QF_OK);
    assert_true(pace.ns == 90000 && pace.least_ns == 54321.5);
    qf_store_close(store);

    /* What another machine of the kind once did is no measure. */
    check_sql("INSERT INTO machine SELECT id + 1, vendor, brand, arch, hypervisor, cores, "
              "isa_key, tune_key, 'other' FROM machine; "
              "INSERT INTO session SELECT id + 1, machine + 1, generator, strategy, command, "
              "seed, budget_s, pid, born, boot_id, namespace, started_us, 1, 'done' FROM "
              "session; INSERT INTO comparison SELECT id + 9, session + 1, problem, cache, a, "
              "b, ratio, ratio_low, ratio_high, pairs, done_us, 1, drift, repeats, spent_ms, "
              "steal_ms, delay_ms, switches, moves FROM comparison");
    store = check_ledger_open(QF_STORE_READ);
    assert_int_equal(qf_store_pace(store, &check_scope, &check_trial.problem, QF_COLD, &pace),
                     QF_OK);
    assert_true(pace.ns == 90000 && pace.least_ns == 54321.5);
    qf_store_close(store);
}

static void best_does_not_cross_machines_or_abis(void **state)
{
    (void)state;
    qf_store *store = check_ledger_open(QF_STORE_WRITE);
    check_tried(store, check_session(store), &check_trial, 300);
    qf_best best;
    const qf_scope elsewhere = {"9999", QF_CODE_ABI}, later = {"2222", QF_CODE_ABI + 1};
    assert_int_equal(qf_store_best(store, &elsewhere, &check_trial.problem, &best),
                     QF_NOT_FOUND);
    assert_int_equal(qf_store_best(store, &later, &check_trial.problem, &best), QF_NOT_FOUND);
    assert_int_equal(qf_store_best(store, &check_scope, &check_trial.problem, &best), QF_OK);
    qf_store_close(store);
    /* A kernel of a recipe that is no more is no answer. */
    check_sql("UPDATE kernel SET name = 'gemm_q4g64_retired_avx2_1x32_u2'");
    store = check_ledger_open(QF_STORE_READ);
    assert_int_equal(qf_store_best(store, &check_scope, &check_trial.problem, &best),
                     QF_NOT_FOUND);
    qf_store_close(store);
}

static void nearest_is_by_distance_within_the_family(void **state)
{
    (void)state;
    qf_store *store = check_ledger_open(QF_STORE_WRITE);
    const int64_t session = check_session(store);
    qf_trial wide = check_trial, far = check_trial, grouped = check_trial;
    wide.problem.n = 16384, wide.kernel.tile.unroll = 1;
    far.problem.m = 512, far.kernel.tile.unroll = 4, far.cache = QF_WARM;
    grouped.problem.group = 32, grouped.kernel.group = 32;
    check_tried(store, session, &wide, 100);
    check_tried(store, session, &far, 100);
    check_tried(store, session, &grouped, 100);

    qf_best best;
    assert_int_equal(qf_store_nearest(store, &check_scope, &check_trial.problem, 4, &best),
                     QF_OK);
    assert_int_equal(best.problem.n, 16384);
    assert_int_equal(best.kernel.tile.unroll, 1);
    assert_true(qf_problem_distance(&wide.problem, &check_trial.problem) == 1);
    assert_int_equal(qf_store_nearest(store, &check_scope, &check_trial.problem, 0.5, &best),
                     QF_NOT_FOUND);
    qf_problem many = check_trial.problem;
    many.m = 256;
    assert_int_equal(qf_store_nearest(store, &check_scope, &many, 4, &best), QF_OK);
    assert_int_equal(best.problem.m, 512);
    /* It is not its own neighbour. */
    assert_int_equal(qf_store_nearest(store, &check_scope, &far.problem, 4, &best),
                     QF_NOT_FOUND);
    qf_store_close(store);
}

/* ---- latencies ------------------------------------------------------------------------- */

static void latencies_answer_the_newest_of_their_machine(void **state)
{
    (void)state;
    qf_store *store = check_ledger_open(QF_STORE_WRITE);
    qf_latency put = {check_trial.kernel, 100, 99, 101, 12, 0}, got;
    assert_int_equal(qf_latency_get(store, &check_cpu, &check_trial.problem, QF_COLD, &got),
                     QF_NOT_FOUND);
    assert_int_equal(qf_latency_put(store, &check_cpu, &check_trial.problem, QF_COLD, &put),
                     QF_OK);
    put.ns = 100.5;
    assert_int_equal(qf_latency_put(store, &check_cpu, &check_trial.problem, QF_COLD, &put),
                     QF_OK);
    assert_int_equal(qf_latency_get(store, &check_cpu, &check_trial.problem, QF_COLD, &got),
                     QF_OK);
    assert_true(got.ns == 100.5 && got.samples == 12 && got.unix_us > 0);
    assert_true(qf_kernel_equal(&got.kernel, &check_trial.kernel));
    assert_int_equal(qf_latency_get(store, &check_cpu, &check_trial.problem, QF_WARM, &got),
                     QF_NOT_FOUND);
    qf_cpu other = check_cpu;
    strcpy(other.perf_key, "4444");
    assert_int_equal(qf_latency_get(store, &other, &check_trial.problem, QF_COLD, &got),
                     QF_NOT_FOUND);
    put.low_ns = 0.0 / 0.0;
    assert_int_equal(qf_latency_put(store, &check_cpu, &check_trial.problem, QF_COLD, &put),
                     QF_RANGE);
    qf_store_close(store);
    check_sql("DROP TRIGGER latency_fixed; UPDATE latency SET abi = abi + 1");
    store = check_ledger_open(QF_STORE_READ);
    assert_int_equal(qf_latency_get(store, &check_cpu, &check_trial.problem, QF_COLD, &got),
                     QF_NOT_FOUND);
    qf_store_close(store);
}

int main(void)
{
#define LEDGER_TEST(name)                                                                      \
    cmocka_unit_test_setup_teardown(name, check_ledger_fresh, check_ledger_clean)
    const struct CMUnitTest tests[] = {
        LEDGER_TEST(outcomes_come_back_as_written),
        LEDGER_TEST(facts_cannot_be_changed),
        LEDGER_TEST(validations_are_kept_per_code_and_machine),
        LEDGER_TEST(claims_of_the_dead_are_attributed),
        LEDGER_TEST(who_was_killed_from_outside_is_not_blamed),
        LEDGER_TEST(claims_of_the_living_are_left_alone),
        LEDGER_TEST(best_is_the_fastest_until_one_is_elected),
        LEDGER_TEST(an_election_has_the_pace_of_what_it_rests_on),
        LEDGER_TEST(best_does_not_cross_machines_or_abis),
        LEDGER_TEST(nearest_is_by_distance_within_the_family),
        LEDGER_TEST(latencies_answer_the_newest_of_their_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
