/* test_gptaq.c -- inputs that drift: the codes against a surgeon who takes the drift on
 * column by column, and what it gains. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "qforge/memory.h"
#include "qforge/random.h"
#include "surgeon.h"
#include "train/quant/drift.h"
#include "train/quant/input_facts.h"

enum { DEPTH_MAX = 172 };
static const double DAMPING = 0.01;

typedef struct pair {
    check_layer l;
    float *y; /* [CHECK_TOKENS][k] what x should be */
    hessian cross;
    double d[DEPTH_MAX * DEPTH_MAX]; /* the share of its mean */
    input_facts facts;
} pair;

static pair p; /* large */

/* y is x turned a little, and some noise. */
static void pair_init(int64_t n, int64_t k, int bits, quant_options options, double drift)
{
    qf_random random = qf_random_init(9, (uint64_t)k);
    const size_t size = (size_t)(CHECK_TOKENS * k);
    float *difference = qf_alloc(size * sizeof *difference);

    check_layer_init(&p.l, n, k, bits, 32, QF_PARAMS_F32);
    p.l.options = options;
    p.y = qf_alloc(size * sizeof *p.y);
    for (int64_t t = 0; t < CHECK_TOKENS; t++)
        for (int64_t i = 0; i < k; i++) {
            const float next = p.l.x[t * k + (i + 1) % k];
            difference[t * k + i] =
                (float)drift * (next + 0.3f * (float)qf_random_normal(&random));
            p.y[t * k + i] = p.l.x[t * k + i] + difference[t * k + i];
        }
    assert_int_equal(hessian_init(&p.cross, &qf_reference_source, NULL, CHECK_TOKENS, k),
                     QF_OK);
    hessian_add_cross(&p.cross, difference, p.l.x, CHECK_TOKENS);
    for (int64_t i = 0; i < k * k; i++)
        p.d[i] = (double)DRIFT_SHARE * p.cross.sum[i] / CHECK_TOKENS;
    assert_int_equal(
        input_facts_init(&p.facts, QUANT_NEEDS_DRIFT, &options, k, &qf_reference_source, NULL),
        QF_OK);
    assert_int_equal(
        input_facts_make(&p.facts, &p.l.h, &p.cross, DAMPING, "layer", &p.l.inputs), QF_OK);
    qf_free(difference);
}

static void pair_release(void)
{
    input_facts_release(&p.facts);
    hessian_release(&p.cross);
    qf_free(p.y);
    check_layer_release(&p.l);
}

static void it_is_the_surgeon_who_takes_on_drift(void **state)
{
    (void)state;
    static const quant_options options[] = {
        {0}, {.static_groups = true}, {.act_order = true}, {.grid = QUANT_GRID_SEARCH}};
    static const int64_t depths[] = {3, 17, 32, 70};
    for (int o = 0; o < 4; o++)
        for (int d = 0; d < 4; d++) {
            pair_init(d < 3 ? 4 : 24, depths[d], 3, options[o], 0.2);
            assert_int_equal(check_layer_try(&p.l, gptaq_quantise, NULL), QF_OK);
            const int different = check_surgeon_differences(&p.l, DAMPING, p.d);
            if (different > (d < 3 ? 0 : 2)) /* see test_gptq.c */
                fail_msg("options %d, k = %d: %d rows differ", o, (int)depths[d], different);
            pair_release();
        }
}

static void without_drift_it_is_gptq(void **state)
{
    (void)state;
    uint8_t code[24 * DEPTH_MAX];
    pair_init(24, DEPTH_MAX, 2, (quant_options){0}, 0);
    assert_int_equal(check_layer_try(&p.l, gptaq_quantise, NULL), QF_OK);
    memcpy(code, p.l.out.code, sizeof code);
    assert_int_equal(check_layer_try(&p.l, gptq_quantise, NULL), QF_OK);
    assert_memory_equal(code, p.l.out.code, sizeof code);
    pair_release();
}

/* Mean over tokens of |Q x - W y|^2. */
static double missed(void)
{
    const qf_qmatrix matrix = check_layer_matrix(&p.l);
    double sum = 0;

    qf_qmatrix_dequantise(&matrix, p.l.value);
    for (int64_t t = 0; t < CHECK_TOKENS; t++)
        for (int64_t row = 0; row < p.l.n; row++) {
            double error = 0;
            for (int64_t i = 0; i < p.l.k; i++)
                error += (double)p.l.value[row * p.l.k + i] * (double)p.l.x[t * p.l.k + i] -
                         (double)p.l.w[row * p.l.k + i] * (double)p.y[t * p.l.k + i];
            sum += error * error;
        }
    return sum / CHECK_TOKENS;
}

static void outputs_are_nearer(void **state)
{
    (void)state;
    for (int bits = 2; bits <= 4; bits++) {
        pair_init(24, 128, bits, (quant_options){.grid = QUANT_GRID_SEARCH}, 0.2);
        assert_int_equal(check_layer_try(&p.l, gptq_quantise, NULL), QF_OK);
        const double symmetric = missed();
        assert_int_equal(check_layer_try(&p.l, gptaq_quantise, NULL), QF_OK);
        const double here = missed();
        assert_true(here < 0.8 * symmetric);
        pair_release();
    }
}

static void threads_do_not_matter(void **state)
{
    (void)state;
    uint8_t code[24 * DEPTH_MAX];
    qf_pool *pool;

    pair_init(24, DEPTH_MAX, 2, (quant_options){.act_order = true}, 0.2);
    assert_int_equal(check_layer_try(&p.l, gptaq_quantise, NULL), QF_OK);
    memcpy(code, p.l.out.code, sizeof code);
    float *drift = qf_alloc(DEPTH_MAX * DEPTH_MAX * sizeof *drift);
    memcpy(drift, p.facts.drift, DEPTH_MAX * DEPTH_MAX * sizeof *drift);
    assert_int_equal(qf_pool_create(3, &pool), QF_OK);
    p.facts.pool = pool;
    assert_int_equal(
        input_facts_make(&p.facts, &p.l.h, &p.cross, DAMPING, "layer", &p.l.inputs), QF_OK);
    assert_memory_equal(drift, p.facts.drift, DEPTH_MAX * DEPTH_MAX * sizeof *drift);
    assert_int_equal(check_layer_try(&p.l, gptaq_quantise, pool), QF_OK);
    assert_memory_equal(code, p.l.out.code, sizeof code);
    qf_pool_destroy(pool);
    qf_free(drift);
    p.l.w[7] = NAN;
    assert_int_equal(check_layer_try(&p.l, gptaq_quantise, NULL), QF_RANGE);
    pair_release();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_the_surgeon_who_takes_on_drift),
        cmocka_unit_test(without_drift_it_is_gptq),
        cmocka_unit_test(outputs_are_nearer),
        cmocka_unit_test(threads_do_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
