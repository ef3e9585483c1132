/* test_pool.c -- every part runs once per run, on its thread, with more threads than
 * CPUs too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "qforge/pool.h"

enum { MOST = 256 };

typedef struct tally {
    int ran[MOST]; /* plain ints: the pool itself must order the accesses */
    int parts[MOST];
    pthread_t thread[MOST];
    bool moved;
} tally;

static void count(void *context, int part, int parts)
{
    tally *t = context;
    if (t->ran[part] && !pthread_equal(t->thread[part], pthread_self())) t->moved = true;
    t->thread[part] = pthread_self();
    t->parts[part] = parts;
    t->ran[part]++;
}

static void check_team(int threads, int runs)
{
    qf_pool *pool;
    tally *t = calloc(1, sizeof *t);

    assert_int_equal(qf_pool_create(threads, &pool), QF_OK);
    assert_int_equal(qf_pool_threads(pool), threads);
    for (int run = 0; run < runs; run++) {
        qf_pool_run(pool, count, t);
        for (int part = 0; part < threads; part++) assert_int_equal(t->ran[part], run + 1);
    }
    for (int part = 0; part < threads; part++) assert_int_equal(t->parts[part], threads);
    for (int part = threads; part < MOST; part++) assert_int_equal(t->ran[part], 0);
    assert_true(pthread_equal(t->thread[0], pthread_self()));
    assert_false(t->moved);
    qf_pool_destroy(pool);
    free(t);
}

static void test_every_part_once(void **state)
{
    (void)state;
    check_team(1, 100);
    check_team(2, 1000);
}

static void test_more_threads_than_cpus(void **state)
{
    (void)state;
    const int cpus = (int)sysconf(_SC_NPROCESSORS_ONLN);
    check_team(3 * cpus < 64 ? 3 * cpus : 64, 50);
    check_team(MOST, 2);
}

/* Workers that went to sleep between two runs wake up. */
static void test_after_a_pause(void **state)
{
    (void)state;
    qf_pool *pool;
    tally t = {0};
    assert_int_equal(qf_pool_create(4, &pool), QF_OK);
    for (int run = 0; run < 5; run++) {
        usleep(20000);
        qf_pool_run(pool, count, &t);
    }
    for (int part = 0; part < 4; part++) assert_int_equal(t.ran[part], 5);
    qf_pool_destroy(pool);
}

static void test_no_pool_is_a_team_of_one(void **state)
{
    (void)state;
    tally t = {0};
    qf_pool_run(NULL, count, &t);
    assert_int_equal(t.ran[0], 1);
    assert_int_equal(t.parts[0], 1);
    assert_int_equal(qf_pool_threads(NULL), 1);
    qf_pool_destroy(NULL);
}

static void test_bad_counts(void **state)
{
    (void)state;
    qf_pool *pool;
    assert_int_equal(qf_pool_create(-1, &pool), QF_USAGE);
    assert_int_equal(qf_pool_create(MOST + 1, &pool), QF_USAGE);
    assert_null(pool);
}

static void test_all_usable_cpus(void **state)
{
    (void)state;
    qf_pool *pool;
    cpu_set_t set;
    assert_int_equal(sched_getaffinity(0, sizeof set, &set), 0);
    assert_int_equal(qf_pool_create(0, &pool), QF_OK);
    assert_in_range(qf_pool_threads(pool), 1, CPU_COUNT(&set));
    qf_pool_destroy(pool);
}

/* The caller's own affinity is given back. */
static void test_affinity_is_restored(void **state)
{
    (void)state;
    cpu_set_t before, after;
    qf_pool *pool;
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    assert_int_equal(qf_pool_create(1, &pool), QF_OK);
    assert_int_equal(sched_getaffinity(0, sizeof after, &after), 0);
    assert_int_equal(CPU_COUNT(&after), 1);
    qf_pool_destroy(pool);
    assert_int_equal(sched_getaffinity(0, sizeof after, &after), 0);
    assert_true(CPU_EQUAL(&before, &after));
}

static void affinity(void *set)
{
    assert_int_equal(sched_getaffinity(0, sizeof(cpu_set_t), set), 0);
}

/* Apart from a pinned pool the caller has its CPUs back, but for the one it is pinned to. */
static void test_apart(void **state)
{
    (void)state;
    cpu_set_t before, pinned, apart, after;
    qf_pool *pool;
    affinity(&before);
    assert_int_equal(qf_pool_create(1, &pool), QF_OK);
    affinity(&pinned);
    qf_pool_apart(pool, affinity, &apart);
    affinity(&after);
    assert_true(CPU_EQUAL(&pinned, &after));
    qf_pool_destroy(pool);
    if (CPU_COUNT(&before) > 1) {
        CPU_XOR(&after, &before, &pinned);
        assert_true(CPU_EQUAL(&apart, &after));
    } else {
        assert_true(CPU_EQUAL(&apart, &before));
    }
    qf_pool_apart(NULL, affinity, &apart);
    assert_true(CPU_EQUAL(&apart, &before));
}

/* A resting team burns nothing (a worker that waits for work spins for some 100 us) and
 * wakes up. */
static void test_rest(void **state)
{
    (void)state;
    enum { RUNS = 10 };
    qf_pool *pool;
    tally t = {0};
    clock_t busy = 0; /* all threads together */
    assert_int_equal(qf_pool_create(2, &pool), QF_OK);
    for (int run = 0; run < RUNS; run++) {
        qf_pool_run(pool, count, &t);
        qf_pool_rest(pool);
        const clock_t start = clock();
        usleep(5000);
        busy += clock() - start;
    }
    assert_true(busy < CLOCKS_PER_SEC / 1000);
    assert_int_equal(t.ran[1], RUNS);
    qf_pool_destroy(pool);
    qf_pool_rest(NULL);
}

static void test_pinning_can_be_refused(void **state)
{
    (void)state;
    cpu_set_t before, during;
    qf_pool *pool;
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    setenv("QFORGE_PIN", "0", 1);
    assert_int_equal(qf_pool_create(1, &pool), QF_OK);
    assert_int_equal(sched_getaffinity(0, sizeof during, &during), 0);
    assert_true(CPU_EQUAL(&before, &during));
    qf_pool_destroy(pool);
    unsetenv("QFORGE_PIN");
}

/* Parts cover the whole, in order, without overlap, cut at the grain, nearly equal. */
static void test_partition(void **state)
{
    (void)state;
    for (int64_t items = 0; items <= 130; items++) {
        for (int64_t grain = 1; grain <= 17; grain += 4) {
            for (int parts = 1; parts <= 9; parts++) {
                int64_t at = 0, least = INT64_MAX, most = 0;
                for (int part = 0; part < parts; part++) {
                    const qf_range r = qf_partition(items, grain, part, parts);
                    assert_int_equal(r.begin, at);
                    assert_true(r.end >= r.begin);
                    if (r.end < items) assert_int_equal(r.end % grain, 0);
                    const int64_t grains = (r.end - r.begin + grain - 1) / grain;
                    least = grains < least ? grains : least;
                    most = grains > most ? grains : most;
                    at = r.end;
                }
                assert_int_equal(at, items);
                assert_true(most - least <= 1);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_part_once),
        cmocka_unit_test(test_more_threads_than_cpus),
        cmocka_unit_test(test_after_a_pause),
        cmocka_unit_test(test_no_pool_is_a_team_of_one),
        cmocka_unit_test(test_bad_counts),
        cmocka_unit_test(test_all_usable_cpus),
        cmocka_unit_test(test_affinity_is_restored),
        cmocka_unit_test(test_apart),
        cmocka_unit_test(test_rest),
        cmocka_unit_test(test_pinning_can_be_refused),
        cmocka_unit_test(test_partition),
    };
    unsetenv("QFORGE_PIN"); /* pinning is under test */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
