/* test_yardstick.c -- times told in those of the luckiest do not drift away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <math.h>

#include "autotune/yardstick.h"
#include "qforge/random.h"

enum { KERNELS = 400 };

static double noise(qf_random *random, double size)
{
    return exp(size * qf_random_normal(random));
}

/* A search over kernels that take 1000 ns each, pairs off by `size`; what the last was told. */
static double searched(uint64_t seed, double size, double mood)
{
    qf_random random = qf_random_init(seed, 3);
    double best = 1000 * noise(&random, size), told = best;
    qf_yardstick y = qf_yardstick_of(best);

    for (int i = 1; i < KERNELS; i++) {
        const double ratio = noise(&random, size), high = ratio * exp(size);
        const double now = 1000 * (1 + mood * sin(i / 20.0));
        const double unit = y.ns;
        qf_yardstick_look(&y, now * noise(&random, size));
        told = ratio * unit;
        if (told >= best) continue;
        best = told;
        qf_yardstick_pass(&y, high * unit);
    }
    return told;
}

static void luck_does_not_add_up(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        assert_float_equal(searched(seed, 0.01, 0), 1000, 50);
        assert_float_equal(searched(seed, 0.05, 0), 1000, 250);
        assert_float_equal(searched(seed, 0.05, 0.2), 1000, 350);
    }
}

static void what_is_faster_beyond_doubt_is_followed(void **state)
{
    (void)state;
    qf_yardstick y = qf_yardstick_of(1000);
    qf_yardstick_pass(&y, 820);
    assert_true(y.ns == 820);
    for (int i = 0; i < 40; i++) qf_yardstick_look(&y, 800);
    assert_float_equal(y.ns, 800, 1);
    qf_yardstick_pass(&y, 810); /* perhaps slower */
    assert_true(y.ns < 801);
    qf_yardstick_look(&y, 0);
    assert_true(y.ns < 801 && y.looks == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(luck_does_not_add_up),
        cmocka_unit_test(what_is_faster_beyond_doubt_is_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
