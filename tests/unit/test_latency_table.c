/* test_latency_table.c -- arithmetic of predictions, calibration on synthetic machines,
 * and a real table of a small model. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "qforge/gemm.h"
#include "qforge/latency_table.h"
#include "qforge/memory.h"
#include "qforge/random.h"

static const qf_config config = {.dim = 64,
                                 .hidden = 96,
                                 .layers = 2,
                                 .heads = 4,
                                 .kv_heads = 2,
                                 .head_dim = 16,
                                 .vocab = 300,
                                 .context = 32,
                                 .rope_theta = 10000,
                                 .norm_eps = 1e-5f};

/* warm: 100 ns * (kind + 1) * bits, cold: ten times that. */
static qf_latency_table made_up(void)
{
    qf_latency_table t = {.config = config,
                          .group = 32,
                          .threads = 1,
                          .widths = 3,
                          .width = {2, 3, 4},
                          .cache_bytes = 1 << 30,
                          .scale = 1};
    for (int kind = 0; kind < QF_LINEARS; kind++)
        for (int w = 0; w < 3; w++) {
            t.ns[QF_WARM][kind][w] = 100 * (kind + 1) * (w + 2);
            t.ns[QF_COLD][kind][w] = 1000 * (kind + 1) * (w + 2);
        }
    return t;
}

static bool near(double a, double b)
{
    return fabs(a - b) <= 1e-9 * fabs(b);
}

static void test_predictions_add_up(void **state)
{
    (void)state;
    qf_latency_table t = made_up();
    const qf_subnet twos = qf_subnet_uniform(&config, 2), fours = qf_subnet_uniform(&config, 4);
    qf_subnet mixed = twos;
    /* 2 layers * (1 + ... + 7) * 100 ns * 2 bits = 11.2 us */
    assert_true(near(qf_latency_predict(&t, &twos), 11.2));
    assert_true(near(qf_latency_predict(&t, &fours), 22.4));
    mixed.bits[QF_LINEARS + 2] = 4; /* third linear, second layer: + 100 * 3 * 2 ns */
    assert_true(near(qf_latency_predict(&t, &mixed), 11.8));
    t.overhead_us = 5;
    t.scale = 2;
    assert_true(near(qf_latency_predict(&t, &twos), 27.4));
}

static void test_caches_decide_between_warm_and_cold(void **state)
{
    (void)state;
    qf_latency_table t = made_up();
    const qf_subnet twos = qf_subnet_uniform(&config, 2);
    const int64_t bytes = qf_subnet_bytes(&config, &twos, 32);
    t.cache_bytes = 2 * bytes;
    assert_true(near(qf_latency_predict(&t, &twos), 11.2));
    t.cache_bytes = bytes;
    assert_true(near(qf_latency_predict(&t, &twos), (11.2 + 112) / 2));
    t.cache_bytes = bytes / 2;
    assert_true(near(qf_latency_predict(&t, &twos), 112));
    t.residency = QF_RESIDENT_WARM;
    assert_true(near(qf_latency_predict(&t, &twos), 11.2));
    t.residency = QF_RESIDENT_COLD;
    t.cache_bytes = 4 * bytes;
    assert_true(near(qf_latency_predict(&t, &twos), 112));
}

/* A machine with a truth of its own: overhead 40, linears 1.3 times the table's. */
typedef struct machine {
    qf_latency_table table;
    double overhead, scale, noise;
    qf_random random;
    int calls;
} machine;

static qf_status truth(void *self, const qf_subnet *subnet, double *us)
{
    machine *m = self;
    *us = m->overhead + m->scale * qf_latency_predict(&m->table, subnet);
    *us *= 1 + m->noise * qf_random_normal(&m->random);
    m->calls++;
    return QF_OK;
}

static void test_calibration_finds_the_truth(void **state)
{
    (void)state;
    machine m = {.table = made_up(), .overhead = 40, .scale = 1.3, .random = {.seed = 1}};
    qf_latency_table t = made_up();
    qf_latency_fit fit;
    assert_int_equal(qf_latency_calibrate(&t, truth, &m, 8, 4, 1, NULL, NULL, &fit), QF_OK);
    assert_int_equal(m.calls, 3 * 12);
    assert_true(fabs(t.overhead_us - 40) < 1e-6);
    assert_true(fabs(t.scale - 1.3) < 1e-6);
    assert_true(fit.error_most < 1e-9);
    assert_true(fit.within_5 == 1 && fit.within_10 == 1);

    m.noise = 0.01;
    t = made_up();
    assert_int_equal(qf_latency_calibrate(&t, truth, &m, 20, 20, 1, NULL, NULL, &fit), QF_OK);
    assert_true(fit.error_mean > 0.001 && fit.error_mean < 0.03);
    assert_true(fit.error_most >= fit.error_mean);

    m.noise = 0.12; /* medians of three: most within a tenth, fewer within a twentieth */
    t = made_up();
    assert_int_equal(qf_latency_calibrate(&t, truth, &m, 40, 80, 1, NULL, NULL, &fit), QF_OK);
    assert_true(fit.within_5 > 0.2 && fit.within_5 < fit.within_10 && fit.within_10 < 1);
}

static void test_terms_are_never_negative(void **state)
{
    (void)state;
    machine m = {.table = made_up(), .overhead = -3, .scale = 2, .random = {.seed = 1}};
    qf_latency_table t = made_up();
    qf_latency_fit fit;
    assert_int_equal(qf_latency_calibrate(&t, truth, &m, 8, 4, 1, NULL, NULL, &fit), QF_OK);
    assert_true(t.overhead_us == 0 && t.scale > 1.5);
    m.overhead = 100, m.scale = -0.5;
    assert_int_equal(qf_latency_calibrate(&t, truth, &m, 8, 4, 1, NULL, NULL, &fit), QF_OK);
    assert_true(t.scale == 0 && t.overhead_us > 80);
}

static void test_a_real_table(void **state)
{
    (void)state;
    qf_cpu cpu;
    qf_latency_table t;
    assert_int_equal(qf_cpu_detect(&cpu), QF_OK);
    cpu.caches = 1; /* a last level of 64 KiB keeps this test quick */
    cpu.cache[0] = (qf_cache){.level = 3, .kind = 'u', .bytes = 1 << 16};
    const qf_latency_options options = {
        .source = &qf_reference_source, .cpu = &cpu, .seconds = 0.002};
    const int width[] = {2, 4};
    assert_int_equal(qf_latency_measure(&options, &config, 32, width, 2, &t), QF_OK);
    assert_int_equal(t.remembered, 0);
    /* q and o are alike, k and v, gate and up; down stands alone. */
    assert_int_equal(t.measured, 4 * 2 * 2);
    for (int mode = QF_WARM; mode <= QF_COLD; mode++)
        for (int kind = 0; kind < QF_LINEARS; kind++)
            for (int w = 0; w < 2; w++) assert_true(t.ns[mode][kind][w] > 0);
    assert_true(t.ns[QF_WARM][QF_LINEAR_QUERY][0] == t.ns[QF_WARM][QF_LINEAR_OUTPUT][0]);
}

/* An engine of zeros with so many blocks: values do not matter to its speed. */
static qf_engine *engine_of(int layers, qf_model *model)
{
    const qf_engine_options options = {.source = &qf_reference_source};
    qf_config c = config;
    qf_engine *engine;

    c.layers = layers;
    assert_int_equal(qf_model_create(&c, QF_LINEARS_ALL, model), QF_OK);
    assert_int_equal(qf_engine_create(&options, model, &engine), QF_OK);
    return engine;
}

/* Whether it once lies between: others may have the CPU for longer than this takes. */
static bool once_between(qf_engine *engine, qf_engine *other, double low, double high)
{
    for (int attempt = 0; attempt < 20; attempt++) {
        double ratio;
        assert_int_equal(qf_latency_beside(engine, other, 8, 0.02, 0, &ratio), QF_OK);
        if (ratio > low && ratio < high) return true;
    }
    return false;
}

static void test_ratios_are_of_the_first(void **state)
{
    qf_model deep, shallow;
    qf_engine *slow = engine_of(16, &deep), *fast = engine_of(1, &shallow);

    (void)state;
    assert_true(once_between(slow, fast, 2, 17));
    assert_true(once_between(fast, slow, 1.0 / 17, 0.5));
    assert_true(once_between(fast, fast, 0.5, 2));
    qf_engine_destroy(slow);
    qf_engine_destroy(fast);
    qf_model_release(&deep);
    qf_model_release(&shallow);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ratios_are_of_the_first),
        cmocka_unit_test(test_predictions_add_up),
        cmocka_unit_test(test_caches_decide_between_warm_and_cold),
        cmocka_unit_test(test_calibration_finds_the_truth),
        cmocka_unit_test(test_terms_are_never_negative),
        cmocka_unit_test(test_a_real_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
