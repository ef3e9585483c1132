/* test_half.c -- binary16 and bfloat16: every value, every kind of rounding. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "qforge/half.h"
#include "qforge/random.h"

/* The definition: sign, five bits of exponent, ten of fraction. */
static double half_by_definition(unsigned bits)
{
    const double sign = bits >> 15 ? -1 : 1;
    const int exponent = (int)(bits >> 10 & 31), fraction = (int)(bits & 1023);
    if (exponent == 31) return fraction ? NAN : sign * INFINITY;
    if (exponent == 0) return sign * ldexp(fraction, -24);
    return sign * ldexp(1024 + fraction, exponent - 25);
}

static void test_every_half(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 65536; bits++) {
        const float value = qf_half_value((uint16_t)bits);
        const double truth = half_by_definition(bits);
        if (isnan(truth)) {
            assert_true(isnan(value));
            assert_true(isnan(qf_half_value(qf_half_of(value))));
            continue;
        }
        assert_true((double)value == truth);
        assert_int_equal(signbit(value) != 0, bits >> 15);
        assert_int_equal(qf_half_of(value), bits);
    }
}

/* Of two neighbours the nearer; of two equally near the even one. */
static void check_rounding(float value)
{
    const uint16_t bits = qf_half_of(value);
    const double here = qf_half_value(bits), error = fabs(here - (double)value);

    if (fabs((double)value) >= 65520) { /* halfway to the first number too large */
        assert_true(isinf(here));
        return;
    }
    assert_true(isfinite(here));
    for (int step = -1; step <= 1; step += 2) {
        const int magnitude = bits & 0x7FFF;
        if (step < 0 && magnitude == 0) continue;
        const uint16_t next = (uint16_t)((bits & 0x8000) | (magnitude + step));
        if ((next & 0x7FFF) >= 0x7C00) continue;
        const double other = fabs((double)qf_half_value(next) - (double)value);
        if (!(error < other || (error == other && bits % 2 == 0)))
            fail_msg("%a became %a, but %a is nearer", (double)value, here,
                     (double)qf_half_value(next));
    }
}

static void test_half_rounding(void **state)
{
    (void)state;
    /* Between every two neighbours: the middle and both sides of it. */
    for (unsigned bits = 0; bits < 0x7BFF; bits++) {
        const float low = qf_half_value((uint16_t)bits);
        const float high = qf_half_value((uint16_t)(bits + 1));
        const float middle = low + (high - low) / 2;
        check_rounding(middle);
        check_rounding(nextafterf(middle, 0));
        check_rounding(nextafterf(middle, INFINITY));
        check_rounding(-middle);
    }
    check_rounding(65519.0f);
    check_rounding(65520.0f);
    check_rounding(1e30f);
    check_rounding(0x1p-25f);
    check_rounding(nextafterf(0x1p-25f, 1));
    check_rounding(0x1p-140f);
}

static float float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void test_every_bfloat(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 65536; bits++) {
        const float value = qf_bfloat_value((uint16_t)bits);
        const float truth = float_of(bits << 16);
        if (isnan(truth)) {
            assert_true(isnan(value));
            assert_true(isnan(qf_bfloat_value(qf_bfloat_of(value))));
            continue;
        }
        assert_memory_equal(&value, &truth, sizeof value);
        assert_int_equal(qf_bfloat_of(value), bits);
    }
}

static void test_bfloat_rounding(void **state)
{
    (void)state;
    assert_int_equal(qf_bfloat_of(float_of(0x3F808000)), 0x3F80); /* tie to even */
    assert_int_equal(qf_bfloat_of(float_of(0x3F818000)), 0x3F82);
    assert_int_equal(qf_bfloat_of(float_of(0x3F808001)), 0x3F81);
    assert_int_equal(qf_bfloat_of(float_of(0x3F807FFF)), 0x3F80);
    assert_int_equal(qf_bfloat_of(float_of(0x7F7FFFFF)), 0x7F80); /* overflow */
    /* A NaN whose fraction lies in the lost bits stays one. */
    assert_true(isnan(qf_bfloat_value(qf_bfloat_of(float_of(0x7F800001)))));
    assert_true(isnan(qf_half_value(qf_half_of(float_of(0x7F800001)))));
}

static void test_order_is_kept(void **state)
{
    (void)state;
    qf_random random = qf_random_init(6, 0);
    for (int i = 0; i < 100000; i++) {
        const float a =
            (float)(ldexp(qf_random_unit(&random), (int)qf_random_below(&random, 44) - 26));
        const float b = nextafterf(a, INFINITY);
        assert_true(qf_half_of(a) <= qf_half_of(b));
        assert_true(qf_bfloat_of(a) <= qf_bfloat_of(b));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_half),    cmocka_unit_test(test_half_rounding),
        cmocka_unit_test(test_every_bfloat),  cmocka_unit_test(test_bfloat_rounding),
        cmocka_unit_test(test_order_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
