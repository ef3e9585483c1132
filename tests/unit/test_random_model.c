/* test_random_model.c -- random weights: the same whatever the threads, of the size they
 * promise, and harmless. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "qforge/configs.h"
#include "qforge/memory.h"
#include "qforge/random_model.h"
#include "tiny.h"

static qf_pool *pool;

static qf_random_model make(const qf_config *config, qf_pool *team)
{
    static const int widths[] = {2, 3, 4, 8};
    return (qf_random_model){.config = *config,
                             .subnet = qf_subnet_random(config, widths, 4, 7),
                             .group = 32,
                             .head_bits = 32,
                             .seed = 5,
                             .pool = team};
}

static size_t bytes_of(const qf_packed *packed)
{
    return (size_t)(packed->panels * packed->panel_bytes);
}

/* The same bytes from one thread and two, another matrix or seed others. */
static void deterministic(void **state)
{
    const qf_config config = check_tiny_config(false);
    qf_random_model one = make(&config, NULL), two = make(&config, pool), other = one;
    const qf_supply a = qf_random_supply(&one), b = qf_random_supply(&two),
                    c = qf_random_supply(&other);
    (void)state;

    other.seed++;
    for (int i = 0; i <= config.layers * QF_LINEARS; i++) {
        const qf_accuracy accuracy = i % 2 ? QF_FAST : QF_EXACT;
        qf_packed first, second, third;
        assert_int_equal(a.pack(a.self, &qf_reference_source, accuracy, i, &first), QF_OK);
        assert_int_equal(b.pack(b.self, &qf_reference_source, accuracy, i, &second), QF_OK);
        assert_int_equal(c.pack(c.self, &qf_reference_source, accuracy, i, &third), QF_OK);
        assert_memory_equal(first.bytes, second.bytes, bytes_of(&first));
        assert_memory_not_equal(first.bytes, third.bytes, bytes_of(&first));
        assert_int_equal(bytes_of(&first),
                         qf_random_linear_bytes(&one, &qf_reference_source, accuracy, i));
        qf_packed_release(&first);
        qf_packed_release(&second);
        qf_packed_release(&third);
    }
    other = one;
    other.subnet = qf_subnet_uniform(&config, 4);
    qf_packed left, right;
    assert_int_equal(c.pack(c.self, &qf_reference_source, QF_FAST, QF_LINEAR_KEY, &left),
                     QF_OK);
    assert_int_equal(c.pack(c.self, &qf_reference_source, QF_FAST, QF_LINEAR_VALUE, &right),
                     QF_OK);
    assert_int_equal(bytes_of(&left), bytes_of(&right));
    assert_memory_not_equal(left.bytes, right.bytes, bytes_of(&left));
    qf_packed_release(&left);
    qf_packed_release(&right);
}

/* Variance 1/k, mean 0, no denormals, in every width and both classes, ragged rows too. */
static void ordinary_values(void **state)
{
    static const int widths[] = {2, 3, 4, 8, 32};
    qf_config config = check_tiny_config(false);
    (void)state;

    config.vocab = 1003, config.dim = 196;
    config.heads = 4, config.kv_heads = 2, config.head_dim = 48;
    for (int i = 0; i < 10; i++) {
        qf_random_model random = make(&config, pool);
        random.head_bits = widths[i / 2];
        const qf_supply supply = qf_random_supply(&random);
        const int64_t count = (int64_t)config.vocab * config.dim;
        float *w = qf_alloc_array((size_t)count, sizeof *w);
        double sum = 0, squares = 0;
        qf_packed packed;

        assert_non_null(w);
        assert_int_equal(supply.pack(supply.self, &qf_reference_source, (qf_accuracy)(i % 2),
                                     config.layers * QF_LINEARS, &packed),
                         QF_OK);
        qf_packed_dequantise(&packed, w);
        for (int64_t j = 0; j < count; j++) {
            assert_true(w[j] == 0 || fabsf(w[j]) > 1e-9f);
            sum += w[j], squares += (double)w[j] * w[j];
        }
        const double variance = squares / (double)count * config.dim;
        assert_true(fabs(sum / (double)count) * sqrt(config.dim) < 0.01);
        assert_true(variance > 0.9 && variance < 1.15);
        qf_packed_release(&packed);
        qf_free(w);
    }
}

static void random_subnets(void **state)
{
    static const int widths[] = {2, 3, 4};
    const qf_config *config = &qf_config_at(0)->config;
    const qf_subnet a = qf_subnet_random(config, widths, 3, 1);
    const qf_subnet b = qf_subnet_random(config, widths, 3, 1);
    const qf_subnet c = qf_subnet_random(config, widths, 3, 2);
    int count[9] = {0};
    (void)state;

    assert_true(qf_subnet_equal(&a, &b) && !qf_subnet_equal(&a, &c));
    for (int i = 0; i < a.count; i++) count[a.bits[i]]++;
    assert_int_equal(count[2] + count[3] + count[4], a.count);
    for (int w = 2; w <= 4; w++) assert_true(count[w] > a.count / 5);
}

/* Finite logits of ordinary size from an engine; its memory is what was predicted. */
static void runs_in_an_engine(void **state)
{
    static const int head_bits[] = {32, 8, 4};
    const qf_config config = qf_config_at(qf_configs() - 1)->config; /* the smallest */
    enum { TOKENS = 5, CONTEXT = 12 };
    (void)state;

    for (int i = 0; i < 3; i++) {
        qf_random_model random = make(&config, pool);
        random.head_bits = head_bits[i];
        const qf_supply supply = qf_random_supply(&random);
        const qf_engine_options options = {.source = &qf_reference_source,
                                           .pool = pool,
                                           .accuracy = i == 2 ? QF_EXACT : QF_FAST,
                                           .context = CONTEXT,
                                           .chunk = TOKENS};
        const int token[TOKENS] = {1, 31999, 0, 17, 4000};
        float *logits = qf_alloc_array((size_t)config.vocab, sizeof *logits);
        const double before = (double)qf_memory_live();
        double squares = 0;
        qf_engine *engine;
        qf_model base;

        assert_non_null(logits);
        assert_int_equal(qf_random_base(&random, &base), QF_OK);
        assert_int_equal(qf_engine_create_supplied(&options, &base, &supply, &engine), QF_OK);
        const double took = (double)qf_memory_live() - before;
        const double said = (double)qf_random_model_bytes(&random, &qf_reference_source,
                                                          options.accuracy, CONTEXT, TOKENS);
        assert_true(said > 0.95 * took && said < 1.1 * took);
        int64_t linears = 0;
        for (int l = 0; l < config.layers * QF_LINEARS; l++)
            linears +=
                qf_random_linear_bytes(&random, &qf_reference_source, options.accuracy, l);
        assert_int_equal(qf_engine_weight_bytes(engine), linears);
        assert_int_equal(qf_engine_cache_bytes(engine), 2 * 6 * CONTEXT * 288 * 4);
        if (head_bits[i] == 32)
            assert_int_equal(qf_engine_head_bytes(engine), 32000 * 288 * 4);
        else
            assert_true(qf_engine_head_bytes(engine) <= 32000 * 288 * (head_bits[i] + 2) / 8);

        assert_int_equal(qf_engine_step(engine, token, TOKENS, 0, false, logits), QF_OK);
        assert_true(qf_engine_head_ns(engine) > 0);
        for (int v = 0; v < config.vocab; v++) squares += (double)logits[v] * logits[v];
        const double size = sqrt(squares / config.vocab);
        assert_true(size > 0.5 && size < 2); /* NaN fails too */
        qf_engine_destroy(engine);
        qf_model_release(&base);
        qf_free(logits);
    }
}

static qf_status stop(void *self, const qf_kernel_source *source, qf_accuracy accuracy,
                      int index, qf_packed *packed)
{
    qf_supply *supply = self;
    if (index == 9) return QF_INTERRUPTED;
    return supply->pack(supply->self, source, accuracy, index, packed);
}

/* A supply that gives up leaves no engine and no memory behind. */
static void interrupted(void **state)
{
    const qf_config config = check_tiny_config(true);
    const qf_random_model random = make(&config, NULL);
    const qf_engine_options options = {.source = &qf_reference_source};
    qf_supply inner = qf_random_supply(&random);
    const qf_supply outer = {&inner, stop};
    const size_t before = qf_memory_live();
    qf_engine *engine;
    qf_model base;
    (void)state;

    assert_int_equal(qf_random_base(&random, &base), QF_OK);
    assert_int_equal(qf_engine_create_supplied(&options, &base, &outer, &engine),
                     QF_INTERRUPTED);
    assert_null(engine);
    qf_model_release(&base);
    assert_int_equal(qf_memory_live(), before);
}

static int set_up(void **state)
{
    (void)state;
    return qf_pool_create(2, &pool) == QF_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    qf_pool_destroy(pool);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deterministic),  cmocka_unit_test(ordinary_values),
        cmocka_unit_test(random_subnets), cmocka_unit_test(runs_in_an_engine),
        cmocka_unit_test(interrupted),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
