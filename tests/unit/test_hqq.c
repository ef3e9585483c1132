/* test_hqq.c -- half-quadratic quantisation: what it promises of the lp norm. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "layer.h"
#include "qforge/half.h"
#include "qforge/memory.h"

enum { ROWS = 40, DEPTH = 172 };

/* Cubes of normal numbers: one in a hundred lies far out. */
static void make_heavy(check_layer *l)
{
    for (int64_t i = 0; i < l->n * l->k; i++) l->w[i] = l->w[i] * l->w[i] * l->w[i];
}

/* sum |w - q|^0.7 of each group; group [n][groups] */
static void group_errors(check_layer *l, double *group)
{
    const int64_t groups = qf_groups(l->k, l->format.group);
    const qf_qmatrix matrix = check_layer_matrix(l);

    qf_qmatrix_dequantise(&matrix, l->value);
    memset(group, 0, (size_t)(l->n * groups) * sizeof *group);
    for (int64_t i = 0; i < l->n * l->k; i++)
        group[i / l->k * groups + i % l->k / l->format.group] +=
            pow(fabs((double)l->value[i] - (double)l->w[i]), 0.7);
}

static void the_norm_falls_below_rounding(void **state)
{
    (void)state;
    for (int bits = 2; bits <= 4; bits++)
        for (int params = QF_PARAMS_F32; params <= QF_PARAMS_F16; params++) {
            double rounded[ROWS * 6], here[ROWS * 6], sum = 0, sum_rounded = 0;
            check_layer l;
            check_layer_init(&l, ROWS, DEPTH, bits, 32, (qf_params)params);
            make_heavy(&l);
            assert_int_equal(check_layer_try(&l, rtn_quantise, NULL), QF_OK);
            group_errors(&l, rounded);
            assert_int_equal(check_layer_try(&l, hqq_quantise, NULL), QF_OK);
            group_errors(&l, here);
            for (int i = 0; i < ROWS * 6; i++) {
                assert_true(here[i] <= rounded[i] * (1 + 1e-5)); /* the best is kept */
                sum += here[i];
                sum_rounded += rounded[i];
            }
            assert_true(sum < 0.8 * sum_rounded);
            check_layer_release(&l);
        }
}

/* Multiplying all weights by a power of two moves grids and nothing else. */
static void size_does_not_matter(void **state)
{
    (void)state;
    check_layer l, small;
    check_layer_init(&l, ROWS, DEPTH, 3, 32, QF_PARAMS_F32);
    check_layer_init(&small, ROWS, DEPTH, 3, 32, QF_PARAMS_F32);
    make_heavy(&l);
    make_heavy(&small);
    for (int64_t i = 0; i < l.n * l.k; i++) small.w[i] *= 0x1p-8f;
    assert_int_equal(check_layer_try(&l, hqq_quantise, NULL), QF_OK);
    assert_int_equal(check_layer_try(&small, hqq_quantise, NULL), QF_OK);
    assert_memory_equal(l.out.code, small.out.code, (size_t)(l.n * l.k));
    check_layer_release(&l);
    check_layer_release(&small);
}

static void grids_are_as_stored(void **state)
{
    (void)state;
    check_layer l;
    check_layer_init(&l, ROWS, DEPTH, 2, 32, QF_PARAMS_F16);
    make_heavy(&l);
    assert_int_equal(check_layer_try(&l, hqq_quantise, NULL), QF_OK);
    for (int64_t i = 0; i < l.n * qf_groups(l.k, 32); i++) {
        assert_true(qf_half_value(qf_half_of(l.out.scale[i])) == l.out.scale[i]);
        assert_true(qf_half_value(qf_half_of(l.out.offset[i])) == l.out.offset[i]);
    }
    check_layer_release(&l);
}

static void odd_weights(void **state)
{
    (void)state;
    check_layer l;
    check_layer_init(&l, 2, 40, 2, 32, QF_PARAMS_F16);
    for (int64_t i = 0; i < 80; i++) l.w[i] = 0.25f; /* constant groups */
    assert_int_equal(check_layer_try(&l, hqq_quantise, NULL), QF_OK);
    assert_true(check_layer_loss(&l) == 0);
    for (int64_t i = 0; i < 80; i++) l.w[i] = i % 3 ? 65504.0f : -65504.0f;
    assert_int_equal(check_layer_try(&l, hqq_quantise, NULL), QF_OK);
    for (int i = 0; i < 4; i++) assert_true(isfinite(l.out.offset[i]));
    l.w[47] = NAN;
    assert_int_equal(check_layer_try(&l, hqq_quantise, NULL), QF_RANGE);
    assert_non_null(strstr(qf_message(), "block 3: weight nan at row 1, column 7"));
    check_layer_release(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_norm_falls_below_rounding),
        cmocka_unit_test(size_does_not_matter),
        cmocka_unit_test(grids_are_as_stored),
        cmocka_unit_test(odd_weights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
