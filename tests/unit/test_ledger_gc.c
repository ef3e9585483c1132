/* test_ledger_gc.c -- whatever is dropped, every question is answered as before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ledger_fixture.h"
#include "qforge/latency.h"
#include "qforge/random.h"
#include "qforge/store_care.h"

enum { PROBLEMS = 4, KERNELS = 4, MACHINES = 2, HASHES = 6 };

static const qf_cpu other_cpu = {.vendor = "GenuineIntel",
                                 .brand = "test",
                                 .arch = "x86_64",
                                 .cores = 4,
                                 .isa_key = "4444",
                                 .tune_key = "5555",
                                 .perf_key = "6666"};
static const qf_cpu *const cpus[MACHINES] = {&check_cpu, &other_cpu};

/* ---- a ledger of years -------------------------------------------------------------- */

static qf_trial trial_of(int problem, int kernel, int mode)
{
    qf_trial trial = check_trial;
    trial.problem.n = 64 << problem;
    trial.kernel.tile.mr = 1 + kernel;
    trial.cache = (qf_cache_mode)mode;
    return trial;
}

static qf_trial any_trial(qf_random *random)
{
    const int problem = (int)qf_random_below(random, PROBLEMS);
    const int kernel = (int)qf_random_below(random, KERNELS);
    return trial_of(problem, kernel, problem % QF_CACHE_MODE_COUNT);
}

static void hash_of(qf_random *random, char hash[17])
{
    snprintf(hash, 17, "%016x", qf_random_below(random, HASHES));
}

static void try_something(qf_store *store, int64_t session, qf_random *random)
{
    static const qf_verdict verdicts[] = {QF_VERDICT_OK, QF_VERDICT_OK, QF_VERDICT_WRONG,
                                          QF_VERDICT_LOST, QF_VERDICT_SLOW};
    const qf_trial trial = any_trial(random);
    qf_outcome outcome = {.verdict = verdicts[qf_random_below(random, 5)]};
    int64_t id;

    if (outcome.verdict == QF_VERDICT_OK)
        outcome = check_timed(100 + qf_random_below(random, 900));
    /* Lost ones name their code where the tuner lived to write it. */
    if (outcome.verdict != QF_VERDICT_LOST || qf_random_below(random, 2))
        hash_of(random, outcome.code_hash);
    assert_int_equal(qf_trial_claim(store, session, &trial, &id), QF_OK);
    assert_int_equal(qf_trial_finish(store, id, &outcome), QF_OK);
    if (outcome.verdict == QF_VERDICT_OK && qf_random_below(random, 4) == 0)
        assert_int_equal(
            qf_election_put(store, session, &trial.problem, trial.cache, &trial.kernel), QF_OK);
}

static void add_the_rest(qf_store *store, int64_t session, const qf_cpu *cpu, qf_random *random)
{
    const qf_trial a = any_trial(random);
    const qf_comparison duel = {.ratio = 1.1, .ratio_low = 1, .ratio_high = 1.2, .pairs = 9};
    const qf_validation right = {.verdict = QF_VERDICT_OK,
                                 .cases = 1 + (int)qf_random_below(random, 9)};
    const double ns = 10 + qf_random_below(random, 90);
    const qf_latency latency = {
        .kernel = a.kernel, .ns = ns, .low_ns = ns, .high_ns = ns, .samples = 3};
    char hash[17];

    hash_of(random, hash);
    for (int i = 0; i < 20; i++) {
        const qf_trial first = any_trial(random), second = any_trial(random);
        assert_int_equal(qf_comparison_put(store, session, &first.problem, first.cache,
                                           &first.kernel, &second.kernel, &duel,
                                           &check_conditions),
                         QF_OK);
    }
    assert_int_equal(qf_validation_put(store, session, hash, &right), QF_OK);
    assert_int_equal(qf_latency_put(store, cpu, &a.problem, a.cache, &latency), QF_OK);
}

/* Sessions of two machines and two ABIs.  Afterwards all that was done at one step lies as
 * many days back as steps followed, twice. */
static void fill(qf_random *random, int sessions)
{
    static const struct {
        const char *table, *time, *plural;
    } rows[6] = {
        {"outcome", "done_us", "outcomes"},       {"trial", "claimed_us", "trials"},
        {"validation", "done_us", "validations"}, {"comparison", "done_us", "comparisons"},
        {"election", "done_us", "elections"},     {"latency", "done_us", "latencies"}};
    char text[2400];

    for (int i = 0; i < sessions; i++) {
        qf_store *store = check_ledger_open(QF_STORE_WRITE);
        qf_session_info info = check_info;
        int64_t session;
        info.cpu = cpus[qf_random_below(random, MACHINES)];
        info.code_abi = QF_CODE_ABI - (qf_random_below(random, 3) == 0);
        assert_int_equal(qf_session_begin(store, &info, &session), QF_OK);
        for (int t = 0; t < 12; t++) try_something(store, session, random);
        add_the_rest(store, session, info.cpu, random);
        assert_int_equal(qf_session_end(store, session, QF_SESSION_DONE), QF_OK);
        qf_store_close(store);
        /* Everything so far grows two days older. */
        size_t used = (size_t)snprintf(
            text, sizeof text,
            "BEGIN; UPDATE session SET started_us = started_us - 172800000000, "
            "ended_us = ended_us - 172800000000;");
        for (int t = 0; t < 6; t++)
            used += (size_t)snprintf(
                text + used, sizeof text - used,
                "DROP TRIGGER %s_fixed; UPDATE %s SET %s = %s - 172800000000; CREATE TRIGGER "
                "%s_fixed BEFORE UPDATE ON %s\n    BEGIN SELECT raise(ABORT, '%s are never "
                "changed'); END;",
                rows[t].table, rows[t].table, rows[t].time, rows[t].time, rows[t].table,
                rows[t].table, rows[t].plural);
        snprintf(text + used, sizeof text - used, "COMMIT");
        check_sql(text);
    }
}

/* ---- every answer there is ---------------------------------------------------------- */

typedef struct answers {
    char text[1 << 16];
    size_t used;
} answers;

static void note(answers *all, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    all->used += (size_t)vsnprintf(all->text + all->used, sizeof all->text - all->used, format,
                                   arguments);
    va_end(arguments);
    assert_true(all->used < sizeof all->text);
}

static bool note_best(void *context, const char *tune_key, int code_abi, const qf_best *b)
{
    char problem[QF_NAME_MAX], kernel[QF_NAME_MAX];
    qf_problem_print(&b->problem, problem);
    qf_kernel_print(&b->kernel, kernel);
    /* Without its losers, an old ABI's champion may look settled; it answers nothing. */
    const bool settled = b->settled && code_abi == QF_CODE_ABI;
    note(context, "best %s %d %s %s %d %d %g %lld\n", tune_key, code_abi, problem, kernel,
         b->elected, settled, b->ns, (long long)b->unix_us);
    return true;
}

static void ask_about(qf_store *store, const qf_cpu *cpu, const qf_trial *trial, answers *all)
{
    const qf_scope scope = {cpu->tune_key, QF_CODE_ABI};
    qf_outcome outcome = {0};
    qf_latency latency = {0};
    qf_best best;
    qf_ties ties;
    int lost = 0;

    if (qf_store_best(store, &scope, &trial->problem, &best) == QF_OK) {
        assert_int_equal(qf_store_ties(store, &scope, &best, &ties), QF_OK);
        for (int i = 0; i < ties.count; i++)
            note(all, "tie %d %g\n", ties.item[i].kernel.tile.mr, ties.item[i].ratio);
        qf_ties_release(&ties);
    }
    qf_status status = qf_store_outcome(store, &scope, trial, &outcome, &lost);
    note(all, "outcome %d %d %s %g quarantine %d\n", status, outcome.verdict, outcome.code_hash,
         outcome.timing.median_ns, lost >= 2);
    status = qf_latency_get(store, cpu, &trial->problem, trial->cache, &latency);
    note(all, "latency %d %g\n", status, latency.ns);
    for (int abi = QF_CODE_ABI - 1; abi <= QF_CODE_ABI; abi++)
        if (qf_store_best_of_mode(store, &(qf_scope){cpu->tune_key, abi}, &trial->problem,
                                  trial->cache, &best) == QF_OK)
            note_best(all, cpu->tune_key, abi, &best);
}

static void ask_all(answers *all)
{
    qf_store *store = check_ledger_open(QF_STORE_READ);
    all->used = 0;
    assert_int_equal(qf_store_each_best(store, NULL, note_best, all), QF_OK);
    for (int m = 0; m < MACHINES; m++) {
        for (int i = 0; i < PROBLEMS * KERNELS; i++) {
            const qf_trial trial =
                trial_of(i / KERNELS, i % KERNELS, i / KERNELS % QF_CACHE_MODE_COUNT);
            ask_about(store, cpus[m], &trial, all);
        }
        for (int h = 0; h < HASHES; h++) {
            qf_validation v = {0};
            char hash[17];
            snprintf(hash, sizeof hash, "%016x", h);
            const qf_status status = qf_validation_get(store, cpus[m]->isa_key, hash, &v);
            /* Code that nothing is known to be made of any more is judged again. */
            if (status == QF_OK) note(all, "validation %d %s %d\n", m, hash, v.cases);
        }
    }
    qf_store_close(store);
}

static qf_gc plan(int days)
{
    qf_gc gc;
    qf_store *store = check_ledger_open(QF_STORE_READ);
    if (qf_store_gc_plan(store, days, &gc) != QF_OK) fail_msg("%s", qf_message());
    assert_int_equal(qf_store_gc_plan(store, days, &gc), QF_OK); /* as often as one likes */
    qf_store_close(store);
    return gc;
}

static qf_gc drop(int days, char backup[QF_STORE_PATH_MAX])
{
    qf_gc gc;
    if (qf_store_gc(check_ledger, days, &gc, backup) != QF_OK) fail_msg("%s", qf_message());
    return gc;
}

static void count_grave(void *context, const qf_finding *f)
{
    if (f->severity != QF_SEVERITY_NOTE || f->id == QF_FINDING_ORPHANS) {
        print_error("%s %lld %s\n", f->name, (long long)f->count, f->detail);
        ++*(int *)context;
    }
}

static void is_sound(void)
{
    int grave = 0;
    qf_store *store = check_ledger_open(QF_STORE_READ);
    assert_int_equal(qf_store_examine(store, count_grave, &grave), QF_OK);
    assert_int_equal(grave, 0);
    qf_store_close(store);
}

/* ---- the promises
 * ---------------------------------------------------------------------------- */

/* Verdicts that are gone belong to no outcome that is left. */
static void every_answer_stays(void **state)
{
    static answers before, after;
    char backup[QF_STORE_PATH_MAX];
    qf_random random = qf_random_init(23, 0);
    int64_t dropped = 0;
    (void)state;

    for (int round = 0; round < 5; round++) {
        check_ledger_clean(NULL);
        check_ledger_fresh(NULL);
        fill(&random, 8);
        ask_all(&before);
        const int days = (int)qf_random_below(&random, 12);
        const qf_gc expected = plan(days), gc = drop(days, backup);
        assert_memory_equal(&expected.trials, &gc.trials, offsetof(qf_gc, bytes_before));
        ask_all(&after);
        const char *at = strstr(before.text, "validation");
        const size_t same = at ? (size_t)(at - before.text) : before.used;
        for (size_t i = 0; i < same; i++)
            if (before.text[i] != after.text[i])
                fail_msg("before: %.80s\nafter: %.80s", before.text + (i > 60 ? i - 60 : 0),
                         after.text + (i > 60 ? i - 60 : 0));
        for (char *line = strtok(after.text + same, "\n"); line; line = strtok(NULL, "\n"))
            assert_non_null(strstr(before.text, line));
        is_sound();
        dropped += gc.trials;
        const qf_gc again = plan(days);
        assert_int_equal(again.trials + again.latencies + again.validations + again.sessions +
                             again.names,
                         0);
    }
    assert_true(dropped > 60);
}

static void planning_changes_nothing(void **state)
{
    static answers before, after;
    qf_random random = qf_random_init(29, 0);
    (void)state;
    fill(&random, 6);
    const int64_t trials = check_sql_number("SELECT count(*) FROM trial");
    ask_all(&before);
    const qf_gc gc = plan(0);
    assert_true(gc.trials > 5 && gc.latencies > 0 && gc.bytes_after < gc.bytes_before);
    ask_all(&after);
    assert_string_equal(before.text, after.text);
    assert_int_equal(check_sql_number("SELECT count(*) FROM trial"), trials);
}

static void what_was_is_kept_beside(void **state)
{
    char backup[QF_STORE_PATH_MAX];
    qf_random random = qf_random_init(31, 0);
    (void)state;
    fill(&random, 6);
    const int64_t trials = check_sql_number("SELECT count(*) FROM trial");
    const qf_gc gc = drop(0, backup);
    assert_true(gc.bytes_after <= gc.bytes_before);
    assert_int_equal(check_sql_number("SELECT count(*) FROM trial"), trials - gc.trials);
    snprintf(check_ledger, sizeof check_ledger, "%.*s", (int)sizeof check_ledger - 1, backup);
    assert_int_equal(check_sql_number("SELECT count(*) FROM trial"), trials);
    is_sound();
}

static void young_rows_stay(void **state)
{
    qf_random random = qf_random_init(37, 0);
    (void)state;
    fill(&random, 6); /* twelve days */
    const qf_gc none = plan(13), some = plan(5), all = plan(0);
    assert_int_equal(none.trials + none.sessions + none.latencies + none.names, 0);
    assert_true(some.trials > 0 && some.trials < all.trials);
}

/* One loss that was answered since may go; two are a quarantine and stay, but for those that
 * name their code: there the tuner lived. */
static void quarantine_stays(void **state)
{
    const qf_outcome lost = {.verdict = QF_VERDICT_LOST};
    const qf_outcome killed = {.verdict = QF_VERDICT_LOST, .code_hash = "00000000000000aa"};
    (void)state;
    qf_store *store = check_ledger_open(QF_STORE_WRITE);
    const int64_t session = check_session(store);
    for (int kernel = 0; kernel < 3; kernel++) {
        const qf_trial trial = trial_of(0, kernel, 0);
        for (int i = 0; i <= kernel; i++) {
            int64_t id;
            assert_int_equal(qf_trial_claim(store, session, &trial, &id), QF_OK);
            assert_int_equal(qf_trial_finish(store, id, kernel < 2 ? &lost : &killed), QF_OK);
        }
        check_tried(store, session, &trial, 100 + kernel);
    }
    qf_store_close(store);
    const qf_gc gc = plan(0);
    assert_int_equal(gc.trials, 4);
    assert_int_equal(gc.lost, 4);
}

int main(void)
{
#define GC_TEST(name)                                                                          \
    cmocka_unit_test_setup_teardown(name, check_ledger_fresh, check_ledger_clean)
    const struct CMUnitTest tests[] = {
        GC_TEST(every_answer_stays),      GC_TEST(planning_changes_nothing),
        GC_TEST(what_was_is_kept_beside), GC_TEST(young_rows_stay),
        GC_TEST(quarantine_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
