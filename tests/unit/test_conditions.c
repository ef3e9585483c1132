/* test_conditions.c -- the canary tells a change from noise, what drifts is timed again, and
 * the system's counts count. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "qforge/clock.h"
#include "qforge/conditions.h"

static qf_timing sung(double ns, double part)
{
    return (qf_timing){ns, ns * (1 - part), ns * (1 + part), ns, ns, 15, 1};
}

static void noise_is_no_drift(void **state)
{
    const qf_timing calm = sung(1000, 0.01), near = sung(1060, 0.01), far = sung(1100, 0.01),
                    rough = sung(1100, 0.1);
    (void)state;
    assert_true(qf_canary_drift(&calm, &calm) == 1);
    assert_true(qf_canary_drift(&calm, &near) == 1); /* intervals 4 percent apart */
    assert_true(qf_canary_drift(&near, &calm) == 1);
    assert_true(fabs(qf_canary_drift(&calm, &far) - 1.1) < 1e-12);
    assert_true(fabs(qf_canary_drift(&far, &calm) - 1 / 1.1) < 1e-12);
    assert_true(qf_canary_drift(&calm, &rough) == 1); /* who knows */
    assert_true(qf_canary_drift(&rough, &calm) == 1);
}

/* A canary with a score, and a timing that counts. */
typedef struct stage {
    const double *score;
    int sung, timed;
    qf_status status;
} stage;

static qf_timing sing_score(void *context)
{
    stage *s = context;
    return sung(s->score[s->sung++], 0.001);
}

static qf_status time_once(void *context)
{
    stage *s = context;
    s->timed++;
    return s->status;
}

static qf_conditions played(stage *s, double seconds, qf_status expected)
{
    qf_conditions c;
    assert_int_equal(qf_time_steadily(time_once, s, seconds, sing_score, s, &c), expected);
    return c;
}

static void what_drifts_is_timed_again(void **state)
{
    static const double steady[] = {100, 101}, once[] = {100, 120, 121},
                        ever[] = {100, 120, 140, 160};
    (void)state;
    stage s = {.score = steady};
    qf_conditions c = played(&s, HUGE_VAL, QF_OK);
    assert_int_equal(s.timed, 1);
    assert_int_equal(c.repeats, 0);
    assert_true(c.drift == 1 && c.canary_ns == 100);

    s = (stage){.score = once};
    c = played(&s, HUGE_VAL, QF_OK);
    assert_int_equal(s.timed, 2);
    assert_int_equal(c.repeats, 1);
    assert_true(c.drift == 1 && c.canary_ns == 120); /* of the timing that was kept */

    s = (stage){.score = ever};
    c = played(&s, HUGE_VAL, QF_OK);
    assert_int_equal(s.timed, 3);
    assert_int_equal(c.repeats, 2);
    assert_true(fabs(c.drift - 160.0 / 140) < 1e-12);

    s = (stage){.score = ever};
    c = played(&s, 0, QF_OK); /* no time for it */
    assert_int_equal(s.timed, 1);
    assert_true(fabs(c.drift - 1.2) < 1e-12);

    s = (stage){.score = ever, .status = QF_MEMORY};
    played(&s, HUGE_VAL, QF_MEMORY);
    assert_int_equal(s.timed, 1);
}

static void the_machines_canary_sings(void **state)
{
    (void)state;
    const qf_timing song = qf_canary_sing(NULL);
    assert_true(song.low_ns > 1000 && song.low_ns <= song.median_ns);
    assert_true(song.median_ns <= song.high_ns && song.median_ns < 10e6);
}

/* ---- counts ---------------------------------------------------------------------------- */

static void stay_on(int cpu)
{
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET((size_t)cpu, &one);
    sched_setaffinity(0, sizeof one, &one);
}

static void burn(double seconds)
{
    const int64_t end = qf_now_ns() + (int64_t)(seconds * 1e9);
    while (qf_now_ns() < end) continue;
}

static atomic_bool over;

static void *be_in_the_way(void *cpu)
{
    stay_on(*(int *)cpu);
    while (!atomic_load(&over)) continue;
    return NULL;
}

static qf_status burn_a_while(void *context)
{
    (void)context;
    burn(0.3);
    return QF_OK;
}

static qf_timing sing_nothing(void *context)
{
    (void)context;
    return sung(1, 0);
}

/* Two threads on one CPU: each waits half the time. */
static void waiting_for_a_cpu_is_seen(void **state)
{
    int cpu = sched_getcpu();
    cpu_set_t before;
    pthread_t other;
    qf_conditions c;
    (void)state;
    sched_getaffinity(0, sizeof before, &before);
    stay_on(cpu);
    assert_int_equal(pthread_create(&other, NULL, be_in_the_way, &cpu), 0);
    const qf_status status =
        qf_time_steadily(burn_a_while, NULL, HUGE_VAL, sing_nothing, NULL, &c);
    atomic_store(&over, true);
    pthread_join(other, NULL);
    sched_setaffinity(0, sizeof before, &before);
    assert_int_equal(status, QF_OK);
    assert_true(c.spent_ms >= 299 && c.spent_ms < 30e3);
    assert_true(c.switches > 0);
    assert_true(c.delay_ms > 30);
    assert_int_equal(c.moves, 0);
    assert_true(c.steal_ms >= 0);
}

static qf_status move_away(void *context)
{
    const int *cpu = context;
    stay_on(cpu[0]);
    burn(0.01);
    stay_on(cpu[1]);
    burn(0.01);
    return QF_OK;
}

static void moves_are_counted(void **state)
{
    cpu_set_t before;
    int cpu[2], found = 0;
    qf_conditions c;
    (void)state;
    sched_getaffinity(0, sizeof before, &before);
    for (int i = 0; i < CPU_SETSIZE && found < 2; i++)
        if (CPU_ISSET((size_t)i, &before)) cpu[found++] = i;
    if (found < 2) skip();
    stay_on(cpu[0]);
    assert_int_equal(qf_time_steadily(move_away, cpu, HUGE_VAL, sing_nothing, NULL, &c), QF_OK);
    sched_setaffinity(0, sizeof before, &before);
    assert_int_equal(c.moves, 1);
}

static void assert_same(const qf_conditions *a, const qf_conditions *b)
{
    assert_true(a->canary_ns == b->canary_ns && a->drift == b->drift);
    assert_true(a->spent_ms == b->spent_ms && a->steal_ms == b->steal_ms);
    assert_true(a->delay_ms == b->delay_ms && a->repeats == b->repeats);
    assert_true(a->switches == b->switches && a->moves == b->moves);
}

static void rounds_are_summed(void **state)
{
    const qf_conditions nothing = {0}, one = {100, 1.06, 1, 10, 1, 2, 3, 4},
                        two = {200, 0.9, 0, 20, 10, 20, 30, 40};
    (void)state;
    qf_conditions sum = qf_conditions_sum(&nothing, &one);
    assert_same(&sum, &one);
    sum = qf_conditions_sum(&one, &two);
    const qf_conditions both = {100, 0.9, 1, 30, 11, 22, 33, 44};
    assert_same(&sum, &both);
    sum = qf_conditions_sum(&two, &one);
    assert_true(sum.canary_ns == 200 && sum.drift == 0.9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(noise_is_no_drift),
        cmocka_unit_test(what_drifts_is_timed_again),
        cmocka_unit_test(the_machines_canary_sings),
        cmocka_unit_test(waiting_for_a_cpu_is_seen),
        cmocka_unit_test(moves_are_counted),
        cmocka_unit_test(rounds_are_summed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
