/* test_stats.c -- order statistics against their definitions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>

#include "qforge/measure.h"
#include "qforge/random.h"

static void test_sort(void **state)
{
    (void)state;
    double values[257];
    qf_random random = qf_random_init(11, 0);
    double sum = 0, after = 0;
    for (int i = 0; i < 257; i++)
        sum += values[i] = (double)qf_random_below(&random, 50) - 25; /* many ties */
    qf_sort(values, 257);
    for (int i = 0; i < 257; i++) {
        after += values[i];
        if (i) assert_true(values[i - 1] <= values[i]);
    }
    assert_true(sum == after);
    qf_sort(values, 1);
    qf_sort(values, 0);
}

static void test_quantile(void **state)
{
    (void)state;
    const double odd[] = {1, 2, 4}, even[] = {1, 2, 4, 8}, one[] = {7};
    assert_true(qf_quantile(odd, 3, 0.5) == 2);
    assert_true(qf_quantile(even, 4, 0.5) == 3);
    assert_true(qf_quantile(even, 4, 0) == 1);
    assert_true(qf_quantile(even, 4, 1) == 8);
    assert_true(qf_quantile(odd, 3, 0.25) == 1.5);
    assert_true(qf_quantile(one, 1, 0.95) == 7);
}

/* P(the interval misses the median): twice the lower tail of Binomial(n, 1/2). */
static double miss(int count, int low)
{
    double term = pow(0.5, count), tail = 0;
    for (int k = 0; k <= low; k++) {
        tail += term;
        term *= (double)(count - k) / (k + 1);
    }
    return 2 * tail;
}

static void test_interval_is_the_narrowest_of_95_percent(void **state)
{
    (void)state;
    for (int count = 1; count <= 500; count++) {
        int low, high;
        qf_median_interval(count, &low, &high);
        assert_int_equal(low + high, count - 1);
        assert_true(low >= 0 && low <= high);
        if (count < 6) {
            assert_int_equal(low, 0);
            continue;
        }
        assert_true(miss(count, low) <= 0.05 * (1 + 1e-9));
        assert_true(miss(count, low + 1) > 0.05 * (1 - 1e-9));
    }
}

static void test_interval_of_many(void **state)
{
    (void)state;
    int low, high;
    /* The textbook's: the 40th and 61st of 100. */
    qf_median_interval(100, &low, &high);
    assert_int_equal(low, 39);
    assert_int_equal(high, 60);
    qf_median_interval(100000, &low, &high);
    assert_true(fabs((high - low) / 2.0 - 0.98 * sqrt(100000)) < 3);
}

/* Of samples from a skewed law, about 95 intervals in 100 hold the true median. */
static void test_interval_covers(void **state)
{
    (void)state;
    enum { TRIALS = 4000, SAMPLES = 41 };
    int covered = 0, low, high;
    double values[SAMPLES];
    qf_random random = qf_random_init(12, 0);

    qf_median_interval(SAMPLES, &low, &high);
    for (int trial = 0; trial < TRIALS; trial++) {
        for (int i = 0; i < SAMPLES; i++) values[i] = -log(1 - qf_random_unit(&random));
        qf_sort(values, SAMPLES);
        covered += values[low] <= log(2) && log(2) <= values[high];
    }
    assert_in_range(covered, (int)(0.945 * TRIALS), (int)(0.985 * TRIALS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sort),
        cmocka_unit_test(test_quantile),
        cmocka_unit_test(test_interval_is_the_narrowest_of_95_percent),
        cmocka_unit_test(test_interval_of_many),
        cmocka_unit_test(test_interval_covers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
