/* test_attention.c -- causal grouped-query attention: forward against the formula in
 * double, the same rows through every path (blocks, single queries, a filled cache),
 * backward against central finite differences, equal bits on any number of threads. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gradient.h"
#include "qforge/memory.h"
#include "qforge/ops.h"

enum { H = 4, G = 2, D = 6, WIDE = H * D, NARROW = G * D };

struct attention {
    qf_attention plan;
    int B, T;
    float *q, *k, *v, *out, *lse, *weight;
    void *workspace;
};

static float *make(int64_t n)
{
    float *x = qf_alloc((size_t)n * sizeof(float));
    assert_non_null(x);
    return x;
}

static float *filled(qf_random *random, int64_t n)
{
    float *x = make(n);
    check_fill(random, x, n, 1);
    return x;
}

static struct attention setup(int B, int T, qf_pool *pool)
{
    qf_random random = qf_random_init(2, (uint64_t)T);
    const int64_t rows = (int64_t)B * T;
    struct attention t = {.B = B,
                          .T = T,
                          .q = filled(&random, rows * WIDE),
                          .k = filled(&random, rows * NARROW),
                          .v = filled(&random, rows * NARROW),
                          .out = make(rows * WIDE),
                          .lse = make(rows * H),
                          .weight = filled(&random, rows * WIDE)};
    assert_int_equal(
        qf_attention_plan(&qf_reference_source, H, G, D, T, T, true, pool, &t.plan), QF_OK);
    t.workspace = qf_alloc(qf_attention_workspace(&t.plan));
    assert_non_null(t.workspace);
    return t;
}

static void teardown(struct attention *t)
{
    qf_free(t->q), qf_free(t->k), qf_free(t->v), qf_free(t->out), qf_free(t->lse);
    qf_free(t->weight), qf_free(t->workspace);
}

static double value(void *context)
{
    struct attention *t = context;
    qf_attention_forward(&t->plan, t->out, t->lse, t->q, t->k, t->v, (int64_t)t->T * NARROW,
                         t->B, t->T, 0, t->workspace);
    return check_weigh(t->weight, t->out, (int64_t)t->B * t->T * WIDE);
}

/* The formula, one query of one head. */
static void formula(const struct attention *t, int b, int query, int head, double out[D])
{
    const int64_t first = (int64_t)b * t->T;
    const float *q = t->q + (first + query) * WIDE + head * D;
    double sum = 0;
    memset(out, 0, D * sizeof *out);
    for (int key = 0; key <= query; key++) {
        const int64_t at = (first + key) * NARROW + head / (H / G) * D;
        double score = 0;
        for (int d = 0; d < D; d++) score += (double)q[d] * (double)t->k[at + d];
        const double p = exp(score / sqrt(D));
        sum += p;
        for (int d = 0; d < D; d++) out[d] += p * (double)t->v[at + d];
    }
    for (int d = 0; d < D; d++) out[d] /= sum;
}

static void compare(const struct attention *t)
{
    for (int b = 0; b < t->B; b++)
        for (int query = 0; query < t->T; query++)
            for (int head = 0; head < H; head++) {
                double want[D];
                formula(t, b, query, head, want);
                const float *got = t->out + ((int64_t)b * t->T + query) * WIDE + head * D;
                for (int d = 0; d < D; d++) assert_true(fabs(want[d] - (double)got[d]) < 3e-6);
            }
}

static void test_forward(void **state)
{
    (void)state;
    static const int lengths[] = {1, 2, 3, 4, 63, 64, 65, 150};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct attention t = setup(2, lengths[i], NULL);
        value(&t);
        compare(&t);
        teardown(&t);
    }
}

/* Queries fed a few at a time over a growing cache give what the whole sequence gives. */
static void test_positions(void **state)
{
    (void)state;
    static const int steps[] = {1, 5, 1, 2, 70, 3, 9};
    struct attention t = setup(1, 91, NULL);
    int at = 0;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; at += steps[i++])
        qf_attention_forward(&t.plan, t.out + at * WIDE, NULL, t.q + at * WIDE, t.k, t.v,
                             91 * NARROW, 1, steps[i], at, t.workspace);
    assert_int_equal(at, 91);
    compare(&t);
    teardown(&t);
}

static void check_backward(int T)
{
    struct attention t = setup(2, T, NULL);
    const int64_t wide = 2L * T * WIDE, narrow = 2L * T * NARROW;
    float *dq = make(wide), *dk = make(narrow), *dv = make(narrow);

    value(&t);
    qf_attention_backward(&t.plan, dq, dk, dv, t.weight, t.out, t.lse, t.q, t.k, t.v, 2, T,
                          t.workspace);
    check_gradient("attention dq", t.q, dq, wide, 1e-2, 1e-3, value, &t);
    check_gradient("attention dk", t.k, dk, narrow, 1e-2, 1e-3, value, &t);
    check_gradient("attention dv", t.v, dv, narrow, 1e-2, 1e-3, value, &t);
    qf_free(dq), qf_free(dk), qf_free(dv);
    teardown(&t);
}

static void test_backward(void **state)
{
    (void)state;
    check_backward(1 + 4);
    check_backward(70); /* two blocks of queries */
}

static void test_threads(void **state)
{
    (void)state;
    enum { T = 90, ROWS = 3 * T };
    float *want = NULL;
    for (int threads = 1; threads <= 3; threads++) {
        qf_pool *pool;
        assert_int_equal(qf_pool_create(threads, &pool), QF_OK);
        struct attention t = setup(3, T, pool);
        float *d = make(ROWS * (WIDE + 2 * NARROW));
        value(&t);
        qf_attention_backward(&t.plan, d, d + ROWS * WIDE, d + ROWS * (WIDE + NARROW), t.weight,
                              t.out, t.lse, t.q, t.k, t.v, 3, T, t.workspace);
        if (want) assert_memory_equal(want, d, ROWS * (WIDE + 2 * NARROW) * sizeof(float));
        qf_free(want);
        want = d;
        teardown(&t);
        qf_pool_destroy(pool);
    }
    qf_free(want);
}

static void test_bad_shapes(void **state)
{
    (void)state;
    qf_attention plan;
    assert_int_equal(qf_attention_plan(&qf_reference_source, 4, 3, 6, 8, 8, true, NULL, &plan),
                     QF_SHAPE);
    assert_int_equal(qf_attention_plan(&qf_reference_source, 4, 2, 6, 8, 7, true, NULL, &plan),
                     QF_SHAPE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forward),    cmocka_unit_test(test_positions),
        cmocka_unit_test(test_backward),   cmocka_unit_test(test_threads),
        cmocka_unit_test(test_bad_shapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
