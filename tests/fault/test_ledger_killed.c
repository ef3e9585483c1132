/* test_ledger_killed.c -- kill -9 at any moment: no acknowledged trial is lost, the file stays
 * whole, and merging and dropping happen entirely or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "exported.h"
#include "ledger_fixture.h"
#include "qforge/random.h"
#include "qforge/store_care.h"

enum { WRITERS = 3, KILLS = 200, TRIALS = 1 << 17, CARE_KILLS = 40 };

/* In memory that outlives whoever is killed. */
typedef struct progress {
    atomic_int next;               /* trial to claim */
    atomic_uchar finished[TRIALS]; /* 1 once the ledger has said so */
} progress;

static progress *shared_progress(void)
{
    progress *p =
        mmap(NULL, sizeof *p, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(p != MAP_FAILED);
    return p;
}

static void nap(qf_random *random, uint32_t least_us, uint32_t most_us)
{
    const long us = least_us + (long)qf_random_below(random, most_us - least_us);
    const struct timespec time = {0, us * 1000};
    nanosleep(&time, NULL);
}

static void kill_and_wait(pid_t child)
{
    int status;
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFEXITED(status)) fail_msg("it had ended by itself, with %d", WEXITSTATUS(status));
}

static void count_grave(void *context, const qf_finding *f)
{
    if (f->severity == QF_SEVERITY_NOTE) return;
    print_error("%s %lld %s\n", f->name, (long long)f->count, f->detail);
    ++*(int *)context;
}

static void is_sound(qf_store *store)
{
    int grave = 0;
    if (qf_store_examine(store, count_grave, &grave) != QF_OK) fail_msg("%s", qf_message());
    assert_int_equal(grave, 0);
}

/* ---- tuners --------------------------------------------------------------------------------
 */

static qf_trial trial_of(int n)
{
    qf_trial trial = check_trial;
    trial.problem.n = 1 + n;
    return trial;
}

static void write_for_ever(progress *p)
{
    qf_store *store;
    int64_t session, id;

    if (qf_store_open(check_ledger, QF_STORE_WRITE, &store) != QF_OK) _exit(1);
    if (qf_session_begin(store, &check_info, &session) != QF_OK) _exit(2);
    for (;;) {
        const int n = atomic_fetch_add(&p->next, 1);
        if (n >= TRIALS) _exit(3);
        const qf_trial trial = trial_of(n);
        const qf_outcome outcome = check_timed(1000 + n);
        if (qf_trial_claim(store, session, &trial, &id) != QF_OK) _exit(4);
        if (qf_trial_finish(store, id, &outcome) != QF_OK) _exit(5);
        atomic_store(&p->finished[n], 1);
        usleep(200); /* less than any kernel takes to be timed */
    }
}

static pid_t start_writer(progress *p)
{
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) write_for_ever(p);
    return child;
}

static int acknowledged_are_there(qf_store *store, progress *p)
{
    int count = 0;
    for (int n = 0; n < atomic_load(&p->next); n++) {
        if (!atomic_load(&p->finished[n])) continue;
        const qf_trial trial = trial_of(n);
        qf_outcome outcome;
        int lost = 0;
        if (qf_store_outcome(store, &check_scope, &trial, &outcome, &lost) != QF_OK)
            fail_msg("trial %d was acknowledged and is lost", n);
        assert_int_equal(lost, 0);
        assert_true(outcome.timing.median_ns == 1000 + n);
        count++;
    }
    return count;
}

static void no_acknowledged_trial_is_lost(void **state)
{
    qf_random random = qf_random_init(43, 0);
    progress *p = shared_progress();
    pid_t child[WRITERS];
    (void)state;

    for (int i = 0; i < WRITERS; i++) child[i] = start_writer(p);
    for (int i = 0; i < KILLS; i++) {
        const uint32_t who = qf_random_below(&random, WRITERS);
        nap(&random, 1000, 25000);
        kill_and_wait(child[who]);
        child[who] = start_writer(p);
        if (i % 40 != 39) continue;
        qf_store *store = check_ledger_open(QF_STORE_READ); /* while the others write */
        if (qf_store_check(store) != QF_OK) fail_msg("%s", qf_message());
        qf_store_close(store);
    }
    for (int i = 0; i < WRITERS; i++) kill_and_wait(child[i]);

    qf_store_counts counts;
    qf_store *store = check_ledger_open(QF_STORE_WRITE);
    const int acknowledged = acknowledged_are_there(store, p);
    assert_int_equal(qf_store_count(store, &counts), QF_OK);
    print_message("%d kills, %d trials acknowledged, %d lost in flight\n", KILLS + WRITERS,
                  acknowledged, (int)counts.lost);
    assert_true(acknowledged > KILLS);
    assert_true(counts.lost <= KILLS + WRITERS); /* at most the one each had in hand */
    /* Finished and not said so: killed in between. */
    assert_in_range(counts.ok, acknowledged, acknowledged + KILLS + WRITERS);
    assert_int_equal(counts.open, 0);
    is_sound(store);
    qf_store_close(store);
    munmap(p, sizeof *p);
}

/* ---- carers --------------------------------------------------------------------------------
 */

static void remove_copies(void)
{
    DIR *listing = opendir(check_directory);
    for (struct dirent *entry; (entry = readdir(listing));) {
        char path[400];
        if (!strstr(entry->d_name, ".bak") && !strstr(entry->d_name, ".part")) continue;
        snprintf(path, sizeof path, "%s/%s", check_directory, entry->d_name);
        unlink(path);
    }
    closedir(listing);
}

/* Takes everything of another ledger, drops what answers nothing, and again. */
static void care_for_ever(const char *other, const char *file)
{
    char backup[QF_STORE_PATH_MAX];
    for (;;) {
        qf_store *store;
        qf_import imported;
        qf_gc gc;
        if (qf_store_open(check_ledger, QF_STORE_WRITE, &store) != QF_OK) _exit(1);
        if (qf_store_merge(store, other) != QF_OK) _exit(2);
        qf_store_close(store);
        if (qf_store_gc(check_ledger, 0, &gc, backup) != QF_OK) _exit(3);
        if (gc.trials == 0) _exit(4); /* then the test tests nothing */
        if (qf_store_import(check_ledger, file, &imported) != QF_OK) _exit(5);
        remove_copies();
    }
}

typedef struct answers {
    char text[4096];
    size_t used;
} answers;

static bool note_best(void *context, const char *tune_key, int code_abi, const qf_best *b)
{
    answers *all = context;
    char problem[QF_NAME_MAX], kernel[QF_NAME_MAX];
    qf_problem_print(&b->problem, problem);
    qf_kernel_print(&b->kernel, kernel);
    all->used += (size_t)snprintf(all->text + all->used, sizeof all->text - all->used,
                                  "%s %d %s %s %d %g\n", tune_key, code_abi, problem, kernel,
                                  b->elected, b->ns);
    assert_true(all->used < sizeof all->text);
    return true;
}

static void ask(answers *all)
{
    qf_store *store = check_ledger_open(QF_STORE_WRITE);
    all->used = 0;
    assert_int_equal(qf_store_each_best(store, &check_scope, note_best, all), QF_OK);
    is_sound(store);
    qf_store_close(store);
}

/* Every answer is the same whatever was going on: one ledger holds all, the other a part. */
static void care_is_taken_entirely_or_not_at_all(void **state)
{
    static answers before, after;
    qf_random random = qf_random_init(47, 0);
    const char *other = check_place("other.db"), *file = check_place("export");
    (void)state;

    check_ledger_fill(check_ledger, 1);
    check_ledger_fill(other, 2);
    qf_store *store = check_ledger_open(QF_STORE_WRITE);
    assert_int_equal(qf_store_merge(store, other), QF_OK);
    qf_store_close(store);
    char *text = check_exported(check_ledger, QF_EXCHANGE_JSON, NULL);
    check_place_text(file, text, strlen(text));
    free(text);
    check_sql("UPDATE session SET state = 'done', ended_us = 5 WHERE state = 'running'");
    check_sql("INSERT INTO outcome (trial, verdict, detail, code_hash, done_us) SELECT id, "
              "'slow', '', '', 5 FROM open_trial");
    ask(&before);
    assert_true(before.used > 100);
    for (int i = 0; i < CARE_KILLS; i++) {
        const pid_t child = fork();
        if (child == 0) care_for_ever(other, file);
        nap(&random, 1000, 60000);
        kill_and_wait(child);
        ask(&after);
        assert_string_equal(before.text, after.text);
    }
}

int main(void)
{
#define KILL_TEST(name)                                                                        \
    cmocka_unit_test_setup_teardown(name, check_ledger_fresh, check_ledger_clean)
    const struct CMUnitTest tests[] = {
        KILL_TEST(no_acknowledged_trial_is_lost),
        KILL_TEST(care_is_taken_entirely_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
