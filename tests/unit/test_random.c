/* test_random.c -- Philox4x32-10 against Random123's known answers, and the laws drawn
 * from it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "qforge/random.h"

/* Random123 1.09, tests/kat_vectors: philox4x32 10. */
static void test_known_answers(void **state)
{
    (void)state;
    static const struct {
        uint64_t seed, stream, index;
        uint32_t out[4];
    } rows[] = {
        {0, 0, 0, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {UINT64_MAX, UINT64_MAX, UINT64_MAX, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {0x299f31d0a4093822,
         0x0370734413198a2e,
         0x85a308d3243f6a88,
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint32_t out[4];
        qf_philox(rows[i].seed, rows[i].stream, rows[i].index, out);
        assert_memory_equal(out, rows[i].out, sizeof out);
    }
}

static void test_cursor(void **state)
{
    (void)state;
    qf_random random = qf_random_init(42, 7);
    for (uint64_t block = 0; block < 5; block++) {
        uint32_t out[4];
        qf_philox(42, 7, block, out);
        for (int i = 0; i < 4; i++) assert_int_equal(qf_random_u32(&random), out[i]);
    }
}

static void test_streams_differ(void **state)
{
    (void)state;
    qf_random a = qf_random_init(1, 0), b = qf_random_init(1, 1), c = qf_random_init(2, 0);
    int same = 0;
    for (int i = 0; i < 1000; i++) {
        const uint32_t x = qf_random_u32(&a), y = qf_random_u32(&b), z = qf_random_u32(&c);
        same += (x == y) + (y == z) + (x == z);
    }
    assert_int_equal(same, 0);
}

static void test_below_is_fair(void **state)
{
    (void)state;
    enum { BOUND = 7, DRAWS = 70000 };
    int seen[BOUND] = {0};
    double chi2 = 0;
    qf_random random = qf_random_init(3, 0);
    for (int i = 0; i < DRAWS; i++) {
        const uint32_t value = qf_random_below(&random, BOUND);
        assert_in_range(value, 0, BOUND - 1);
        seen[value]++;
    }
    for (int i = 0; i < BOUND; i++)
        chi2 += pow(seen[i] - DRAWS / (double)BOUND, 2) / (DRAWS / (double)BOUND);
    assert_true(chi2 < 22.5); /* 6 degrees of freedom: p = 0.001 */
    for (int i = 0; i < 100; i++) assert_int_equal(qf_random_below(&random, 1), 0);
    /* Three quarters of the range: plain scaling gives multiples of 3 twice as often. */
    int multiples = 0;
    for (int i = 0; i < 30000; i++) multiples += qf_random_below(&random, 0xC0000000u) % 3 == 0;
    assert_in_range(multiples, 9600, 10400);
}

static void test_unit(void **state)
{
    (void)state;
    double sum = 0, least = 1, most = 0;
    qf_random random = qf_random_init(4, 0);
    for (int i = 0; i < 100000; i++) {
        const double u = qf_random_unit(&random);
        assert_true(u >= 0 && u < 1);
        sum += u, least = fmin(least, u), most = fmax(most, u);
    }
    assert_true(fabs(sum / 100000 - 0.5) < 0.004);
    assert_true(least < 1e-3 && most > 1 - 1e-3);
}

static void test_normal(void **state)
{
    (void)state;
    enum { DRAWS = 200000 };
    double moment[5] = {0};
    qf_random random = qf_random_init(5, 0);
    for (int i = 0; i < DRAWS; i++) {
        const double x = qf_random_normal(&random);
        assert_true(isfinite(x));
        for (int p = 1; p <= 4; p++) moment[p] += pow(x, p) / DRAWS;
    }
    assert_true(fabs(moment[1]) < 0.01);
    assert_true(fabs(moment[2] - 1) < 0.015);
    assert_true(fabs(moment[3]) < 0.03);
    assert_true(fabs(moment[4] - 3) < 0.1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_answers),  cmocka_unit_test(test_cursor),
        cmocka_unit_test(test_streams_differ), cmocka_unit_test(test_below_is_fair),
        cmocka_unit_test(test_unit),           cmocka_unit_test(test_normal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
