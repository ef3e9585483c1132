/* test_tables.c -- sums of four activations to look up, and codes in the order of their
 * indices. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "problem.h"
#include "qforge/activations.h"
#include "qforge/memory.h"
#include "qforge/pack.h"

enum { MR = 3, ROWS = 4, K = 3 * 64 + 17 };

static double at(const float *x, int64_t row, int64_t k)
{
    return k < K ? x[row * K + k] : 0;
}

static void check_table(const float *x, int64_t row, int64_t first, double step,
                        const int8_t *table, int *most)
{
    for (int i = 0; i < 16; i++) {
        double sum = 0;
        for (int t = 0; t < 4; t++) sum += (i >> t & 1 ? 0.5 : -0.5) * at(x, row, first + t);
        assert_true(fabs(table[i] * step - sum) <= 0.5001 * step + 1e-30);
        assert_int_equal(table[15 - i], -table[i]);
        if (table[i] > *most) *most = table[i];
    }
}

static void check_row(const float *x, int group, const uint8_t *blocks, int64_t row)
{
    const int64_t groups = qf_groups(K, group), record = MR * (8 + 4L * group);
    const uint8_t *block = blocks + row / MR * groups * record;

    for (int64_t g = 0; g < groups; g++) {
        const float *params = (const float *)(const void *)(block + g * record);
        const int8_t *table = (const int8_t *)(params + 2 * MR);
        const double step = params[row % MR];
        int most = 0;
        double sum = 0;
        for (int64_t k = 0; k < group; k++) sum += at(x, row, g * group + k);
        assert_true(fabs(params[MR + row % MR] - sum) <= 1e-6 * group);
        for (int j = 0; j < group / 4; j++)
            check_table(x, row, g * group + 4L * j, step, table + 16 * (j * MR + row % MR),
                        &most);
        assert_int_equal(most, step > 0 ? 127 : 0);
    }
}

static void tables_hold_sums_with_signs(void **state)
{
    qf_random random = qf_random_init(7, 0);
    float *x = check_random_floats(&random, (int64_t)ROWS * K);

    (void)state;
    for (int k = 0; k < 64; k++) x[K + k] = 0; /* a group of zeros */
    for (int group = 32; group <= 128; group *= 2) {
        const int64_t bytes = qf_activations_block_bytes(QF_TABLES, MR, group, K);
        uint8_t *blocks = qf_alloc((size_t)(2 * bytes));
        assert_int_equal(bytes, qf_groups(K, group) * MR * (8 + 4L * group));
        memset(blocks, 0xFF, (size_t)(2 * bytes));
        qf_activations_pack_i8(QF_TABLES, x, K, 0, ROWS, K, group, MR, blocks);
        for (int64_t row = 0; row < ROWS; row++) check_row(x, group, blocks, row);
        /* Rows that only pad are zeros. */
        const float *params = (const float *)(const void *)(blocks + bytes);
        assert_true(params[1] == 0 && params[MR + 2] == 0);
        qf_free(blocks);
    }
    qf_free(x);
}

static void what_is_not_finite_shows(void **state)
{
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    uint8_t block[8 + 4 * 32];
    float params[2];

    (void)state;
    for (int i = 0; i < 3; i++) {
        float x[32] = {1, 2, 3};
        x[5] = bad[i];
        qf_activations_pack_i8(QF_TABLES, x, 32, 0, 1, 32, 32, 1, block);
        memcpy(params, block, sizeof params);
        assert_false(isfinite(params[0]));
        assert_false(isfinite(params[1]));
    }
}

/* ---- what they cost ---------------------------------------------------------------------- */

/* Squared error of sum (code - 3/2) x over a group, by tables and by int8 activations; outlier:
 * one of the x, unless 0. */
static void errors(qf_random *random, float outlier, double *tables, double *bytes)
{
    enum { GROUP = 64 };
    float x[GROUP], rounded[GROUP], params[2];
    uint8_t block[8 + 4 * GROUP], code[GROUP];
    double want = 0, by_bytes = 0;
    int dot = 0;

    for (int k = 0; k < GROUP; k++) {
        x[k] = (float)qf_random_normal(random);
        code[k] = (uint8_t)qf_random_below(random, 4);
    }
    if (outlier != 0) x[qf_random_below(random, GROUP)] = outlier;
    check_quantise_activations(x, GROUP, GROUP, rounded);
    qf_activations_pack_i8(QF_TABLES, x, GROUP, 0, 1, GROUP, GROUP, 1, block);
    memcpy(params, block, sizeof params);
    for (int j = 0; j < GROUP / 4; j++) {
        const int8_t *table = (const int8_t *)block + sizeof params + 16 * j;
        int index[2] = {0, 0};
        for (int t = 0; t < 4; t++) {
            const int k = 4 * j + t;
            index[0] |= (code[k] & 1) << t, index[1] |= code[k] >> 1 << t;
            want += (code[k] - 1.5) * (double)x[k];
            by_bytes += (code[k] - 1.5) * (double)rounded[k];
        }
        dot += table[index[0]] + 2 * table[index[1]];
    }
    *tables += (dot * (double)params[0] - want) * (dot * (double)params[0] - want);
    *bytes += (by_bytes - want) * (by_bytes - want);
}

static double relative_error(float outlier)
{
    qf_random random = qf_random_init(3, 0);
    double tables = 0, bytes = 0;

    for (int i = 0; i < 4000; i++) errors(&random, outlier, &tables, &bytes);
    return sqrt(tables / bytes);
}

static void errors_are_those_of_bytes_or_half(void **state)
{
    (void)state;
    const double normal = relative_error(0), one = relative_error(100);
    assert_true(normal > 0.9 && normal < 1.15);
    assert_true(one > 0.45 && one < 0.6);
}

/* ---- codes ------------------------------------------------------------------------------- */

static void both_orders_hold_the_same(void **state)
{
    static const int64_t n = 37, k = 200;
    qf_random random = qf_random_init(5, 0);
    check_weights weights;
    qf_packed quads, nibbles;
    qf_layout layout = {QF_Q2, 64, 16, QF_PARAMS_F16, QF_ORDER_QUADS};

    (void)state;
    check_weights_init(&weights, &random, QF_Q2, 64, n, k);
    assert_int_equal(qf_pack_quantised(&layout, &weights.matrix, &quads), QF_OK);
    layout.order = QF_ORDER_NIBBLES;
    assert_int_equal(qf_pack_quantised(&layout, &weights.matrix, &nibbles), QF_OK);
    assert_int_equal(quads.panel_bytes, nibbles.panel_bytes);
    float *a = check_random_floats(&random, n * k), *b = check_random_floats(&random, n * k);
    qf_packed_dequantise(&quads, a);
    qf_packed_dequantise(&nibbles, b);
    assert_memory_equal(a, b, (size_t)(n * k) * sizeof *a);
    /* Row 18 is row 2 of the second panel; its bits of k = 64 … 71 are in that group's word 0.
     */
    const uint8_t *byte = nibbles.bytes + nibbles.panel_bytes +
                          qf_layout_record_bytes(&layout) + qf_layout_header_bytes(&layout) + 4;
    for (int i = 0; i < 8; i++) {
        const int code = weights.code[18 * k + 64 + i];
        assert_int_equal(byte[0] >> i & 1, code & 1);
        assert_int_equal(byte[1] >> i & 1, code >> 1);
    }
    qf_free(a);
    qf_free(b);
    qf_packed_release(&quads);
    qf_packed_release(&nibbles);
    check_weights_release(&weights);
}

static void table_is_fast_where_it_does_not_pay(void **state)
{
    (void)state;
    assert_int_equal(qf_accuracy_on(QF_TABLE, QF_Q2, QF_ISA_AVX2), QF_TABLE);
    assert_int_equal(qf_accuracy_on(QF_TABLE, QF_Q2, QF_ISA_AVX512), QF_TABLE);
    assert_int_equal(qf_accuracy_on(QF_TABLE, QF_Q2, QF_ISA_AVX512VNNI), QF_FAST);
    assert_int_equal(qf_accuracy_on(QF_TABLE, QF_Q2, QF_ISA_NEON), QF_FAST);
    assert_int_equal(qf_accuracy_on(QF_TABLE, QF_Q3, QF_ISA_AVX2), QF_FAST);
    for (int a = QF_EXACT; a < QF_TABLE; a++)
        assert_int_equal(qf_accuracy_on((qf_accuracy)a, QF_Q2, QF_ISA_AVX2), a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_hold_sums_with_signs),
        cmocka_unit_test(what_is_not_finite_shows),
        cmocka_unit_test(errors_are_those_of_bytes_or_half),
        cmocka_unit_test(both_orders_hold_the_same),
        cmocka_unit_test(table_is_fast_where_it_does_not_pay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
