/* test_worker.c -- work in a process of its own: what comes back of it, however it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "autotune/worker.h"
#include "qforge/pool.h"

typedef struct tally {
    int steps;
    char note[16];
} tally;

static volatile int elsewhere;

static qf_status count_three(void *context, void *record)
{
    tally *t = record;
    t->steps += *(const int *)context;
    strcpy(t->note, "done");
    elsewhere = 1; /* the child's own */
    return QF_OK;
}

static qf_status refuse(void *context, void *record)
{
    (void)context;
    ((tally *)record)->steps = 7;
    return qf_fail(QF_RANGE, "too much of it");
}

static qf_status die(void *context, void *record)
{
    ((tally *)record)->steps = 5;
    raise(*(const int *)context);
    return QF_OK;
}

static qf_status spin(void *context, void *record)
{
    (void)context, (void)record;
    for (;;) elsewhere++;
    return QF_OK;
}

static qf_status leave(void *context, void *record)
{
    (void)context, (void)record;
    _exit(0);
}

static void its_record_comes_back(void **state)
{
    tally t = {.steps = 1};
    int more = 3;
    qf_death death;
    (void)state;
    assert_int_equal(qf_work_apart(count_three, &more, &t, sizeof t, 5, &death), QF_OK);
    assert_int_equal(death.verdict, QF_VERDICT_OK);
    assert_int_equal(t.steps, 4);
    assert_string_equal(t.note, "done");
    assert_int_equal(elsewhere, 0);
}

static void its_failure_is_ours(void **state)
{
    tally t = {0};
    qf_death death;
    (void)state;
    assert_int_equal(qf_work_apart(refuse, NULL, &t, sizeof t, 5, &death), QF_RANGE);
    assert_string_equal(qf_message(), "too much of it");
    assert_int_equal(death.verdict, QF_VERDICT_OK);
    assert_int_equal(t.steps, 7);
}

static void its_death_is_told(void **state)
{
    static const struct {
        int number;
        const char *how;
    } deaths[] = {{SIGSEGV, "Segmentation"},
                  {SIGILL, "llegal"},
                  {SIGBUS, "Bus"},
                  {SIGFPE, "Floating"},
                  {SIGABRT, "bort"}};
    (void)state;
    for (size_t i = 0; i < sizeof deaths / sizeof *deaths; i++) {
        tally t = {0};
        int number = deaths[i].number;
        qf_death death;
        assert_int_equal(qf_work_apart(die, &number, &t, sizeof t, 5, &death), QF_OK);
        assert_int_equal(death.verdict, QF_VERDICT_CRASH);
        assert_non_null(strstr(death.how, deaths[i].how));
        assert_int_equal(t.steps, 5); /* written before it died */
    }
    tally t = {0};
    qf_death death;
    assert_int_equal(qf_work_apart(leave, NULL, &t, sizeof t, 5, &death), QF_OK);
    assert_int_equal(death.verdict, QF_VERDICT_CRASH);
    assert_string_equal(death.how, "ended the process");
}

static void who_kills_it_is_no_verdict(void **state)
{
    tally t = {0};
    int number = SIGKILL;
    qf_death death;
    (void)state;
    assert_int_equal(qf_work_apart(die, &number, &t, sizeof t, 5, &death), QF_MEMORY);
    assert_non_null(strstr(qf_message(), "was killed"));
    assert_int_equal(death.verdict, QF_VERDICT_OK);
    /* Signals to the whole group leave it to its work. */
    static const int ignored[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT};
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++) {
        number = ignored[i];
        assert_int_equal(qf_work_apart(die, &number, &t, sizeof t, 5, &death), QF_OK);
        assert_int_equal(death.verdict, QF_VERDICT_OK);
    }
}

static void what_never_returns_is_ended(void **state)
{
    tally t = {0};
    qf_death death;
    (void)state;
    assert_int_equal(qf_work_apart(spin, NULL, &t, sizeof t, 0.2, &death), QF_OK);
    assert_int_equal(death.verdict, QF_VERDICT_TIMEOUT);
    assert_string_equal(death.how, "did not return");
}

/* ---- a team in it ---------------------------------------------------------------------- */

typedef struct team {
    qf_pool *pool;
    int ran[8];
} team;

static void tick(void *context, int part, int parts)
{
    (void)parts;
    ((team *)context)->ran[part]++;
}

static qf_status run_team(void *context, void *record)
{
    team *t = record;
    qf_pool *pool = context;
    QF_TRY(qf_pool_after_fork(pool));
    for (int i = 0; i < 100; i++) qf_pool_run(pool, tick, t);
    return QF_OK;
}

static void a_team_works_on_both_sides(void **state)
{
    team t = {0};
    qf_death death;
    (void)state;
    assert_int_equal(qf_pool_create(4, &t.pool), QF_OK);
    for (int round = 1; round <= 3; round++) {
        qf_pool_run(t.pool, tick, &t);
        assert_int_equal(qf_work_apart(run_team, t.pool, &t, sizeof t, 20, &death), QF_OK);
        assert_int_equal(death.verdict, QF_VERDICT_OK);
        for (int part = 0; part < 4; part++) assert_int_equal(t.ran[part], 101 * round);
    }
    qf_pool_destroy(t.pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_record_comes_back),
        cmocka_unit_test(its_failure_is_ours),
        cmocka_unit_test(its_death_is_told),
        cmocka_unit_test(who_kills_it_is_no_verdict),
        cmocka_unit_test(what_never_returns_is_ended),
        cmocka_unit_test(a_team_works_on_both_sides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
