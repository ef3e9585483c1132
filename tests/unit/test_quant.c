/* test_quant.c -- grids, round to nearest, Cholesky, Hessians and GPTQ against their
 * definitions. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "qforge/half.h"
#include "qforge/memory.h"
#include "qforge/random.h"
#include "layer.h"
#include "train/quant/cholesky.h"
#include "train/quant/hessian.h"

enum { ROWS = 24, TOKENS = CHECK_TOKENS };

static const int widths[] = {2, 3, 4, 8};
static const int64_t depths[] = {1, 5, 32, 64, 172, 100};

static void run_rtn(check_layer *l)
{
    assert_int_equal(check_layer_try(l, rtn_quantise, NULL), QF_OK);
}

static void run_gptq(check_layer *l, qf_pool *pool)
{
    double damping = 0.01;
    assert_int_equal(hessian_factor(&l->h, NULL, "layer", &damping, l->u), QF_OK);
    assert_int_equal(check_layer_try(l, gptq_quantise, pool), QF_OK);
}

/* ---- round to nearest ---- */
static void rtn_is_within_half_a_step(void **state)
{
    (void)state;
    for (size_t b = 0; b < sizeof widths / sizeof *widths; b++)
        for (size_t d = 0; d < sizeof depths / sizeof *depths; d++) {
            check_layer l;
            check_layer_init(&l, 3, depths[d], widths[b], 32, QF_PARAMS_F32);
            run_rtn(&l);
            const qf_qmatrix matrix = check_layer_matrix(&l);
            const int64_t groups = qf_groups(l.k, 32);
            qf_qmatrix_dequantise(&matrix, l.value);
            for (int64_t i = 0; i < l.n * l.k; i++) {
                const float step = l.out.scale[i / l.k * groups + i % l.k / 32];
                assert_true(fabsf(l.value[i] - l.w[i]) <= 0.5001f * step + 1e-6f);
            }
            check_layer_release(&l);
        }
}

/* The least and the largest weight of a group are on the grid. */
static void rtn_keeps_the_extremes(void **state)
{
    (void)state;
    const float w[6] = {0.5f, -1.25f, 0.125f, 3.0f, 0.75f, 1.0f};
    const quant_format format = {3, 32, QF_PARAMS_F32};
    const grid g = grid_fit(&format, w, 6);

    assert_true(g.offset == -1.25f);
    assert_int_equal(grid_code(&g, -1.25f), 0);
    assert_int_equal(grid_code(&g, 3.0f), 7);
    assert_true(fabsf(grid_value(&g, 7) - 3.0f) < 1e-6f);
    assert_int_equal(grid_code(&g, 100), 7);
    assert_int_equal(grid_code(&g, -100), 0);
    assert_int_equal(grid_code(&g, NAN), 0);
}

static void half_params_are_halves(void **state)
{
    (void)state;
    check_layer l;
    check_layer_init(&l, 3, 100, 4, 32, QF_PARAMS_F16);
    run_rtn(&l);
    for (int64_t i = 0; i < l.n * qf_groups(l.k, 32); i++) {
        assert_true(qf_half_value(qf_half_of(l.out.scale[i])) == l.out.scale[i]);
        assert_true(qf_half_value(qf_half_of(l.out.offset[i])) == l.out.offset[i]);
    }
    const qf_qmatrix matrix = check_layer_matrix(&l);
    qf_qmatrix_dequantise(&matrix, l.value);
    for (int64_t i = 0; i < l.n * l.k; i++) {
        const float step = l.out.scale[i / l.k * 4 + i % l.k / 32];
        /* half a step, and what rounding the two parameters moved the ends of the grid */
        assert_true(fabsf(l.value[i] - l.w[i]) <= 0.51f * step + 0.005f);
    }
    check_layer_release(&l);
}

static void constant_groups_are_exact(void **state)
{
    (void)state;
    for (int params = QF_PARAMS_F32; params <= QF_PARAMS_F16; params++)
        for (size_t b = 0; b < sizeof widths / sizeof *widths; b++) {
            check_layer l;
            check_layer_init(&l, 2, 70, widths[b], 32, (qf_params)params);
            for (int64_t i = 0; i < l.n * l.k; i++) l.w[i] = i < l.k ? 0.0f : -0.375f;
            run_rtn(&l);
            assert_true(check_layer_loss(&l) == 0);
            run_gptq(&l, NULL);
            assert_true(check_layer_loss(&l) == 0);
            check_layer_release(&l);
        }
}

static void wild_weights_are_refused(void **state)
{
    (void)state;
    const float wild[] = {NAN, INFINITY, -INFINITY, 3e38f};
    check_layer l;
    double damping = 0.01;

    check_layer_init(&l, 2, 40, 2, 32, QF_PARAMS_F32);
    assert_int_equal(hessian_factor(&l.h, NULL, "layer", &damping, l.u), QF_OK);
    for (int i = 0; i < 4; i++) {
        l.w[47] = wild[i];
        assert_int_equal(check_layer_try(&l, rtn_quantise, NULL), QF_RANGE);
        assert_non_null(strstr(qf_message(), "block 3"));
        assert_non_null(strstr(qf_message(), "row 1, column 7"));
        assert_int_equal(check_layer_try(&l, gptq_quantise, NULL), QF_RANGE);
    }
    l.w[47] = 70000;
    assert_int_equal(check_layer_try(&l, rtn_quantise, NULL), QF_OK);
    l.format.params = QF_PARAMS_F16;
    assert_int_equal(check_layer_try(&l, rtn_quantise, NULL), QF_RANGE);
    check_layer_release(&l);
}

/* ---- Cholesky ---- */
static void cholesky_gives_the_matrix_back(void **state)
{
    (void)state;
    static const int64_t sizes[] = {1, 2, 63, 64, 65, 130, 200};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        const int64_t n = sizes[s];
        qf_random random = qf_random_init(3, (uint64_t)n);
        double *x = qf_alloc_array((size_t)(n * n), sizeof *x);
        double *a = qf_alloc_array((size_t)(n * n), sizeof *a);
        double *l = qf_alloc_array((size_t)(n * n), sizeof *l);
        for (int64_t i = 0; i < n * n; i++) x[i] = qf_random_normal(&random);
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j < n; j++) {
                for (int64_t p = 0; p < n; p++) a[i * n + j] += x[i * n + p] * x[j * n + p];
                a[i * n + j] += i == j;
            }
        memcpy(l, a, (size_t)(n * n) * sizeof *l);
        assert_int_equal(cholesky_factor(l, n, NULL), QF_OK);
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j <= i; j++) {
                double sum = 0;
                for (int64_t p = 0; p <= j; p++) sum += l[i * n + p] * l[j * n + p];
                assert_true(fabs(sum - a[i * n + j]) < 1e-11 * (double)n * a[i * n + i] + 1e-9);
            }
        memcpy(x, l, (size_t)(n * n) * sizeof *x);
        assert_int_equal(cholesky_invert_lower(x, n, NULL), QF_OK);
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j <= i; j++) {
                double sum = 0;
                for (int64_t p = j; p <= i; p++) sum += l[i * n + p] * x[p * n + j];
                assert_true(fabs(sum - (i == j)) < 1e-7);
            }
        qf_free(x);
        qf_free(a);
        qf_free(l);
    }
}

static void cholesky_refuses(void **state)
{
    (void)state;
    double indefinite[] = {1, 0, 2, 1}, nan[] = {NAN}, infinite[] = {1, 0, INFINITY, 1};
    double zero[] = {0};
    assert_int_equal(cholesky_factor(indefinite, 2, NULL), QF_RANGE);
    assert_int_equal(cholesky_factor(nan, 1, NULL), QF_RANGE);
    assert_int_equal(cholesky_factor(infinite, 2, NULL), QF_RANGE);
    assert_int_equal(cholesky_factor(zero, 1, NULL), QF_RANGE);
}

/* ---- Hessian ---- */
static void factor_inverts_the_damped_hessian(void **state)
{
    (void)state;
    check_layer l;
    double damping = 0.01, mean = 0;

    check_layer_init(&l, 1, 100, 4, 32, QF_PARAMS_F32);
    assert_int_equal(hessian_factor(&l.h, NULL, "layer", &damping, l.u), QF_OK);
    assert_true(damping == 0.01);
    for (int64_t i = 0; i < l.k; i++) mean += l.h.sum[i * l.k + i] / TOKENS / (double)l.k;
    /* (H + d I) u^T u = I */
    for (int64_t i = 0; i < l.k; i++)
        for (int64_t j = 0; j < l.k; j++) {
            double sum = 0;
            for (int64_t p = 0; p < l.k; p++) {
                const double h = l.h.sum[i * l.k + p] / TOKENS + (i == p) * damping * mean;
                double inverse = 0;
                for (int64_t q = 0; q <= (p < j ? p : j); q++)
                    inverse += (double)l.u[q * l.k + p] * (double)l.u[q * l.k + j];
                sum += h * inverse;
            }
            assert_true(fabs(sum - (i == j)) < 1e-3);
        }
    check_layer_release(&l);
}

static void damping_rises_until_it_works(void **state)
{
    (void)state;
    check_layer l;
    double damping = 0;

    check_layer_init(&l, 4, 64, 3, 32, QF_PARAMS_F32);
    /* One token: rank one, and inputs that never fired. */
    for (int64_t i = 0; i < 20; i++) l.x[i] = 0;
    hessian_release(&l.h);
    assert_int_equal(hessian_init(&l.h, &qf_reference_source, NULL, TOKENS, 64), QF_OK);
    hessian_add(&l.h, l.x, 1);
    assert_int_equal(hessian_factor(&l.h, NULL, "layer", &damping, l.u), QF_OK);
    assert_true(damping > 0);
    assert_int_equal(check_layer_try(&l, gptq_quantise, NULL), QF_OK);
    check_layer_loss(&l);
    l.x[3] = NAN;
    hessian_add(&l.h, l.x, 1);
    assert_int_equal(hessian_factor(&l.h, NULL, "block 2 down_proj", &damping, l.u), QF_RANGE);
    assert_non_null(strstr(qf_message(), "block 2 down_proj"));
    check_layer_release(&l);
}

/* ---- GPTQ ---- */
static void gptq_beats_rtn(void **state)
{
    (void)state;
    for (size_t b = 0; b < 3; b++)
        for (size_t d = 2; d < sizeof depths / sizeof *depths; d++) {
            check_layer l;
            check_layer_init(&l, ROWS, depths[d], widths[b], 32, QF_PARAMS_F32);
            run_rtn(&l);
            const double rounded = check_layer_loss(&l);
            run_gptq(&l, NULL);
            assert_true(check_layer_loss(&l) < 0.7 * rounded);
            check_layer_release(&l);
        }
}

/* Independent inputs: nothing to make up for, GPTQ is round to nearest. */
static void gptq_is_rtn_on_a_diagonal_hessian(void **state)
{
    (void)state;
    check_layer l;
    check_layer_init(&l, ROWS, 100, 3, 32, QF_PARAMS_F32);
    for (int64_t i = 0; i < l.k; i++)
        for (int64_t j = 0; j < l.k; j++) l.h.sum[i * l.k + j] = i == j ? 1 + (double)i : 0;
    run_rtn(&l);
    uint8_t *code = qf_alloc((size_t)(l.n * l.k));
    memcpy(code, l.out.code, (size_t)(l.n * l.k));
    memset(l.out.code, 0, (size_t)(l.n * l.k));
    run_gptq(&l, NULL);
    assert_memory_equal(code, l.out.code, (size_t)(l.n * l.k));
    qf_free(code);
    check_layer_release(&l);
}

static void threads_do_not_change_the_result(void **state)
{
    (void)state;
    check_layer a, b;
    qf_pool *pool;

    assert_int_equal(qf_pool_create(3, &pool), QF_OK);
    check_layer_init(&a, ROWS, 172, 2, 32, QF_PARAMS_F32);
    check_layer_init(&b, ROWS, 172, 2, 32, QF_PARAMS_F32);
    b.h.pool = pool;
    run_gptq(&a, NULL);
    run_gptq(&b, pool);
    assert_memory_equal(a.u, b.u, (size_t)(172 * 172) * sizeof(float));
    assert_memory_equal(a.out.code, b.out.code, ROWS * 172);
    assert_memory_equal(a.out.offset, b.out.offset, ROWS * 6 * sizeof(float));
    check_layer_release(&a);
    check_layer_release(&b);
    qf_pool_destroy(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rtn_is_within_half_a_step),
        cmocka_unit_test(rtn_keeps_the_extremes),
        cmocka_unit_test(half_params_are_halves),
        cmocka_unit_test(constant_groups_are_exact),
        cmocka_unit_test(wild_weights_are_refused),
        cmocka_unit_test(cholesky_gives_the_matrix_back),
        cmocka_unit_test(cholesky_refuses),
        cmocka_unit_test(factor_inverts_the_damped_hessian),
        cmocka_unit_test(damping_rises_until_it_works),
        cmocka_unit_test(gptq_beats_rtn),
        cmocka_unit_test(gptq_is_rtn_on_a_diagonal_hessian),
        cmocka_unit_test(threads_do_not_change_the_result),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
