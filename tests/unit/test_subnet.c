/* test_subnet.c -- subnets as digits, code streams as bits, dequantised values. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "qforge/qmatrix.h"
#include "qforge/random.h"
#include "qforge/subnet.h"
#include "runtime/model/bitstream.h"
#include "tiny.h"

static const char per_linear[] = "23442383322443";

static void digits_are_widths(void **state)
{
    (void)state;
    const qf_config c = check_tiny_config(true);
    char text[QF_SUBNET_MAX + 1];
    qf_subnet subnet, other;

    assert_int_equal(qf_subnet_parse(&c, per_linear, &subnet), QF_OK);
    assert_int_equal(subnet.count, 14);
    assert_int_equal(subnet.bits[6], 8);
    qf_subnet_print(&subnet, text);
    assert_string_equal(text, per_linear);

    assert_int_equal(qf_subnet_parse(&c, "3", &subnet), QF_OK);
    other = qf_subnet_uniform(&c, 3);
    assert_true(qf_subnet_equal(&subnet, &other));

    assert_int_equal(qf_subnet_parse(&c, "24", &subnet), QF_OK);
    qf_subnet_print(&subnet, text);
    assert_string_equal(text, "22222224444444");
    assert_false(qf_subnet_equal(&subnet, &other));
}

static void other_digits_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "5",
                                      "0",
                                      "1",
                                      "9",
                                      "222",
                                      "2a",
                                      "P",
                                      "-",
                                      "2 ",
                                      "22222222222222222",
                                      "\xff",
                                      "2344238332244x"};
    const qf_config c = check_tiny_config(true);
    qf_subnet subnet;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(qf_subnet_parse(&c, bad[i], &subnet), QF_USAGE);
        assert_non_null(strstr(qf_message(), "subnet"));
    }
}

static void sizes_are_weighted(void **state)
{
    (void)state;
    const qf_config c = check_tiny_config(true);
    qf_subnet subnet = qf_subnet_uniform(&c, 4);

    assert_true(qf_subnet_bits(&c, &subnet) == 4);
    /* q,o 48x48; k,v 24x48; gate,up 44x48: two groups each; down 48x44: two groups. */
    const int64_t groups = 2 * (2 * 48 + 2 * 24 + 2 * 44 + 48);
    assert_int_equal(qf_subnet_bytes(&c, &subnet, 32), 2 * groups * (16 + 4));
    subnet.bits[0] = 2; /* 2304 of 2 * (2*2304 + 2*1152 + 3*2112) weights */
    assert_true(fabs(qf_subnet_bits(&c, &subnet) - (4 - 2 * 2304.0 / 26496)) < 1e-12);
    assert_int_equal(qf_subnet_bytes(&c, &subnet, 32), 2 * groups * 20 - 96 * 8);
}

static void streams_give_codes_back(void **state)
{
    (void)state;
    static const int widths[] = {2, 3, 4, 8};
    qf_random random = qf_random_init(1, 1);
    for (int b = 0; b < 4; b++)
        for (int64_t count = 0; count < 70; count++) {
            uint8_t code[70], back[70], stream[72];
            const int64_t bytes = bitstream_bytes(count, widths[b]);
            for (int64_t i = 0; i < count; i++)
                code[i] = (uint8_t)qf_random_below(&random, 1u << widths[b]);
            memset(stream, 0xa5, sizeof stream);
            bitstream_write(code, count, widths[b], stream);
            for (size_t i = (size_t)bytes; i < sizeof stream; i++)
                assert_int_equal(stream[i], 0xa5); /* nothing beyond the end */
            /* bit j of code i is bit i*b + j of the stream */
            for (int64_t bit = 0; bit < count * widths[b]; bit++)
                assert_int_equal(stream[bit / 8] >> bit % 8 & 1,
                                 code[bit / widths[b]] >> bit % widths[b] & 1);
            bitstream_read(stream, count, widths[b], back);
            assert_memory_equal(code, back, (size_t)count);
        }
}

static void matrices_are_checked(void **state)
{
    (void)state;
    uint8_t code[2 * 40];
    float scale[4] = {1, 2, 3, 4}, offset[4] = {-1, 0, 0.5f, 10}, w[80];
    qf_qmatrix m = {QF_Q3, 32, 2, 40, code, scale, offset};

    for (int i = 0; i < 80; i++) code[i] = (uint8_t)(i % 8);
    assert_int_equal(qf_qmatrix_check(&m, "m"), QF_OK);
    qf_qmatrix_dequantise(&m, w);
    for (int i = 0; i < 80; i++) {
        const int at = i / 40 * 2 + i % 40 / 32;
        assert_true(w[i] == scale[at] * (float)(i % 8) + offset[at]);
    }
    code[41] = 8;
    assert_int_equal(qf_qmatrix_check(&m, "m"), QF_RANGE);
    assert_non_null(strstr(qf_message(), "row 1, column 1"));
    code[41] = 0;
    offset[3] = NAN;
    assert_int_equal(qf_qmatrix_check(&m, "m"), QF_RANGE);
    offset[3] = 0;
    scale[0] = INFINITY;
    assert_int_equal(qf_qmatrix_check(&m, "m"), QF_RANGE);
    scale[0] = 1;
    m.group = 48;
    assert_int_equal(qf_qmatrix_check(&m, "m"), QF_SHAPE);
    m.group = 32;
    m.quant = QF_F32;
    assert_int_equal(qf_qmatrix_check(&m, "m"), QF_SHAPE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digits_are_widths),    cmocka_unit_test(other_digits_are_refused),
        cmocka_unit_test(sizes_are_weighted),   cmocka_unit_test(streams_give_codes_back),
        cmocka_unit_test(matrices_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
