/* test_grid_search.c -- searched grids against trying everything. */
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
#include "qforge/random.h"
#include "train/quant/grid_search.h"

/* What rounding to nearest costs, in fp64. */
static double cost_of(const float *w, const float *weight, int count, double scale,
                      double offset, int top)
{
    double sum = 0;
    for (int i = 0; i < count; i++) {
        const double step = floor(((double)w[i] - offset) / scale + 0.5);
        const double code = step < 0 ? 0 : step > top ? top : step;
        const double error = (double)w[i] - offset - scale * code;
        sum += (weight ? (double)weight[i] : 1) * error * error;
    }
    return sum;
}

static void fill(qf_random *random, float *w, float *weight, int count)
{
    for (int i = 0; i < count; i++) {
        const double x = qf_random_normal(random), y = qf_random_normal(random);
        w[i] = (float)(x * fabs(x) * 0.02 + 0.01);
        weight[i] = (float)(y * y);
    }
}

static void offsets_are_the_best_there_are(void **state)
{
    (void)state;
    qf_random random = qf_random_init(5, 5);
    for (int trial = 0; trial < 300; trial++) {
        const int count = 1 + (int)qf_random_below(&random, 12), top = trial % 2 ? 3 : 7;
        float w[12], weight[12], least, most;
        double offset, worst = INFINITY;
        fill(&random, w, weight, count);
        if (trial % 5 == 0) w[0] = w[count - 1]; /* ties */
        least = most = w[0];
        for (int i = 1; i < count; i++) least = fminf(least, w[i]), most = fmaxf(most, w[i]);
        const double range = (double)most - (double)least + 1e-4;
        const double scale = range / top * (0.1 + 0.013 * (double)(trial % 100));
        const float *h = trial % 3 ? weight : NULL;
        const double cost = grid_search_offset(w, h, count, scale, top, &offset);
        const double there = cost_of(w, h, count, scale, offset, top);
        /* every offset that can matter, and the vertices between them are near one */
        const double low = (double)least - (top + 1) * scale, high = (double)most + scale;
        for (int i = 0; i <= 10000; i++)
            worst =
                fmin(worst, cost_of(w, h, count, scale, low + (high - low) * i / 10000, top));
        assert_true(fabs(cost - there) <= 1e-9 * there + 1e-15);
        assert_true(there <= worst * (1 + 1e-12) + 1e-15);
    }
}

/* A fine mesh of scales and, for each, of offsets. */
static double brute_force(const float *w, const float *weight, int count, int top)
{
    float least = w[0], most = w[0];
    double best = INFINITY;

    for (int i = 1; i < count; i++) least = fminf(least, w[i]), most = fmaxf(most, w[i]);
    const double range = (double)most - (double)least;
    for (int s = 1; s <= 600; s++) {
        const double scale = range / top * 2 * s / 600;
        for (int m = 0; m <= 400; m++)
            best = fmin(best, cost_of(w, weight, count, scale,
                                      (double)least - scale + (range + scale) * m / 400, top));
    }
    return best;
}

static void grids_are_near_the_best(void **state)
{
    (void)state;
    qf_random random = qf_random_init(6, 6);
    double found = 0, plain = 0;
    for (int bits = 2; bits <= 4; bits++)
        for (int trial = 0; trial < 12; trial++) {
            const quant_format format = {bits, 32, QF_PARAMS_F32};
            float w[10], weight[10];
            fill(&random, w, weight, 10);
            const grid g = grid_search(&format, w, weight, 10), p = grid_fit(&format, w, 10);
            const double here =
                cost_of(w, weight, 10, (double)g.scale, (double)g.offset, g.top);
            const double there = brute_force(w, weight, 10, g.top);
            /* as many codes as weights: any of hundreds of local minima may win */
            if (bits < 4) assert_true(here < 1.05 * there);
            found += here / there;
            plain += cost_of(w, weight, 10, (double)p.scale, (double)p.offset, p.top) / there;
        }
    assert_true(found < 1.03 * 36);
    assert_true(plain > 3 * 36); /* the task is not a trivial one */
}

static void never_worse_than_min_max(void **state)
{
    (void)state;
    qf_random random = qf_random_init(7, 7);
    for (int trial = 0; trial < 400; trial++) {
        const quant_format format = {2 + trial % 3, 128,
                                     trial % 2 ? QF_PARAMS_F16 : QF_PARAMS_F32};
        const int count = 1 + (int)qf_random_below(&random, 128);
        float w[128], weight[128];
        fill(&random, w, weight, count);
        const float *h = trial % 5 ? weight : NULL;
        const grid g = grid_search(&format, w, h, count), p = grid_fit(&format, w, count);
        double here = 0, plain = 0;
        for (int i = 0; i < count; i++) {
            const double cost = h ? (double)h[i] : 1;
            here += cost * pow((double)grid_value(&g, grid_code(&g, w[i])) - (double)w[i], 2);
            plain += cost * pow((double)grid_value(&p, grid_code(&p, w[i])) - (double)w[i], 2);
        }
        assert_true(here <= plain);
        if (trial % 2) {
            assert_true(qf_half_value(qf_half_of(g.scale)) == g.scale);
            assert_true(qf_half_value(qf_half_of(g.offset)) == g.offset);
        }
    }
}

static void odd_groups(void **state)
{
    (void)state;
    const quant_format format = {2, 32, QF_PARAMS_F16};
    const float constant[3] = {0.5f, 0.5f, 0.5f}, dead[3] = {0, 0, 0};
    const float three[3] = {-1, 0, 5}, wide[3] = {-65504, 65504, 1};

    grid g = grid_search(&format, constant, NULL, 3);
    assert_true(grid_value(&g, grid_code(&g, 0.5f)) == 0.5f);
    /* inputs that never fired count as equals */
    g = grid_search(&format, three, dead, 3);
    const grid same = grid_search(&format, three, NULL, 3);
    assert_memory_equal(&g, &same, sizeof g);
    g = grid_search(&format, wide, NULL, 3);
    assert_true(isfinite(g.scale) && isfinite(g.offset));
    g = grid_search(&format, three, NULL, 1);
    assert_true(grid_value(&g, grid_code(&g, -1)) == -1);
}

/* ---- the method ---- */
static double weighted_error(check_layer *l)
{
    const qf_qmatrix matrix = check_layer_matrix(l);
    double sum = 0;

    qf_qmatrix_dequantise(&matrix, l->value);
    for (int64_t i = 0; i < l->n * l->k; i++)
        sum += (double)l->diagonal[i % l->k] * pow((double)l->value[i] - (double)l->w[i], 2);
    return sum;
}

static void the_method_weighs_by_inputs(void **state)
{
    (void)state;
    for (int bits = 2; bits <= 4; bits++) {
        check_layer l;
        check_layer_init(&l, 24, 172, bits, 32, QF_PARAMS_F16);
        for (int64_t i = 0; i < l.k; i++) l.diagonal[i] *= i % 7 ? 0.1f : 10;
        assert_int_equal(check_layer_try(&l, rtn_quantise, NULL), QF_OK);
        const double rounded = weighted_error(&l);
        assert_int_equal(check_layer_try(&l, neuqi_quantise, NULL), QF_OK);
        const double weighed = weighted_error(&l);
        for (int64_t i = 0; i < l.k; i++) l.diagonal[i] = 1;
        assert_int_equal(check_layer_try(&l, neuqi_quantise, NULL), QF_OK);
        for (int64_t i = 0; i < l.k; i++) l.diagonal[i] = i % 7 ? 0.1f : 10;
        const double blind = weighted_error(&l);
        assert_true(weighed < 0.4 * rounded);
        assert_true(weighed < 0.8 * blind);
        l.w[47] = INFINITY;
        assert_int_equal(check_layer_try(&l, neuqi_quantise, NULL), QF_RANGE);
        check_layer_release(&l);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(offsets_are_the_best_there_are),
        cmocka_unit_test(grids_are_near_the_best),
        cmocka_unit_test(never_worse_than_min_max),
        cmocka_unit_test(odd_groups),
        cmocka_unit_test(the_method_weighs_by_inputs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
