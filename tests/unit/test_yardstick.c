/* test_yardstick.c -- candidates rank alike whenever they are timed, and times told in those of
 * the luckiest do not drift away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <math.h>

#include "autotune/yardstick.h"
#include "qforge/random.h"

enum { KERNELS = 400 };

static void assert_near(double value, double want, double apart)
{
    assert_true(fabs(value - want) <= apart);
}

static double noise(qf_random *random, double size)
{
    return exp(size * qf_random_normal(random));
}

/* A search over kernels that take 1000 ns each; the yardstick's first look was off by `off`,
 * pairs by `size`, and the machine is slower by half after half of it. */
typedef struct search {
    double told, unit; /* of the last */
    double lowest;     /* rank, and */
    double highest;
} search;

static search searched(uint64_t seed, double off, double size)
{
    qf_random random = qf_random_init(seed, 3);
    qf_yardstick y = qf_yardstick_of(1000 * off);
    search s = {.lowest = 1e9};

    for (int i = 1; i < KERNELS; i++) {
        const double ratio = noise(&random, size);
        const double now = i < KERNELS / 2 ? 1000 : 1500;
        const double rank = qf_yardstick_rank(&y, ratio * y.ns);
        assert_near(qf_yardstick_told(&y, rank), ratio * y.ns, 1e-6);
        s.lowest = fmin(s.lowest, rank), s.highest = fmax(s.highest, rank);
        s.told = ratio * y.ns;
        qf_yardstick_look(&y, now * noise(&random, size));
        if (qf_yardstick_is_outrun(&y, rank * exp(size)))
            qf_yardstick_pass(&y, rank * exp(size));
    }
    s.unit = y.unit;
    return s;
}

static void ranks_do_not_hang_on_when(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        const search s = searched(seed, 1.2, 0.01);
        assert_true(s.unit == 1200);
        assert_true(s.lowest > 1200 * exp(-0.045) && s.highest < 1200 * exp(0.045));
        assert_near(s.told, 1500, 75);
    }
}

static void luck_does_not_add_up(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        assert_true(searched(seed, 1, 0.03).unit == 1000);
        /* Pairs so bad that some look far ahead. */
        const search s = searched(seed, 1, 0.08);
        assert_true(s.unit > 600);
        assert_near(log(s.told / 1500), 0, 0.5);
    }
}

static void what_is_far_ahead_is_followed(void **state)
{
    (void)state;
    qf_yardstick y = qf_yardstick_of(1000);
    assert_false(qf_yardstick_is_outrun(&y, 900));
    assert_true(qf_yardstick_is_outrun(&y, 800));
    for (int i = 0; i < 40; i++) qf_yardstick_look(&y, 1100);
    assert_near(y.ns, 1100, 5);
    assert_true(y.unit == 1000);
    qf_yardstick_pass(&y, 800);
    assert_true(y.unit == 800 && y.looks == 1);
    assert_near(y.ns, 880, 5);
    qf_yardstick_look(&y, 0);
    assert_true(y.looks == 1);
    qf_yardstick_look(&y, y.ns / 1.21);
    assert_near(y.ns, 800, 5);
    assert_true(y.unit == 800 && y.looks == 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranks_do_not_hang_on_when),
        cmocka_unit_test(luck_does_not_add_up),
        cmocka_unit_test(what_is_far_ahead_is_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
