/* test_sampling.c -- the next token: greedy, by temperature, from the nucleus. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "qforge/engine.h"

enum { VOCAB = 6, DRAWS = 20000 };

/* log of 0.4, 0.05, 0.3, 0.05, 0.15, 0.05 */
static const double probability[VOCAB] = {0.4, 0.05, 0.3, 0.05, 0.15, 0.05};

static void count_draws(qf_sampling sampling, int count[VOCAB])
{
    memset(count, 0, VOCAB * sizeof *count);
    for (int i = 0; i < DRAWS; i++) {
        float logits[VOCAB];
        for (int t = 0; t < VOCAB; t++) logits[t] = (float)log(probability[t]) + 3;
        count[qf_sample(&sampling, (uint64_t)i, logits, VOCAB)]++;
    }
}

/* Five standard deviations of a binomial share. */
static void assert_share(int count, double p)
{
    const double deviation = sqrt(p * (1 - p) / DRAWS);
    assert_true(fabs((double)count / DRAWS - p) <= 5 * deviation + 1e-12);
}

static void greedy(void **state)
{
    int count[VOCAB];
    float equal[3] = {2, 7, 7};
    (void)state;
    count_draws((qf_sampling){0, 1, 1}, count);
    assert_int_equal(count[0], DRAWS);
    assert_int_equal(qf_sample(&(qf_sampling){0, 1, 1}, 0, equal, 3), 1);
}

static void whole_distribution(void **state)
{
    int count[VOCAB];
    (void)state;
    count_draws((qf_sampling){1, 1, 7}, count);
    for (int t = 0; t < VOCAB; t++) assert_share(count[t], probability[t]);
}

static void temperature(void **state)
{
    int count[VOCAB];
    double sum = 0;
    (void)state;
    count_draws((qf_sampling){0.5f, 1, 8}, count);
    for (int t = 0; t < VOCAB; t++) sum += probability[t] * probability[t];
    for (int t = 0; t < VOCAB; t++)
        assert_share(count[t], probability[t] * probability[t] / sum);
}

/* 0.4 + 0.3 hold 0.69; 0.15 more are needed for 0.71. */
static void nucleus(void **state)
{
    int count[VOCAB];
    (void)state;
    count_draws((qf_sampling){1, 0.69f, 9}, count);
    assert_share(count[0], 0.4 / 0.7);
    assert_share(count[2], 0.3 / 0.7);
    assert_int_equal(count[0] + count[2], DRAWS);
    count_draws((qf_sampling){1, 0.71f, 9}, count);
    assert_share(count[4], 0.15 / 0.85);
    assert_int_equal(count[1] + count[3] + count[5], 0);
    count_draws((qf_sampling){1, 1e-6f, 9}, count);
    assert_int_equal(count[0], DRAWS);
}

static void seeds(void **state)
{
    int first[VOCAB], second[VOCAB], other[VOCAB];
    (void)state;
    count_draws((qf_sampling){1, 1, 3}, first);
    count_draws((qf_sampling){1, 1, 3}, second);
    count_draws((qf_sampling){1, 1, 4}, other);
    assert_memory_equal(first, second, sizeof first);
    assert_memory_not_equal(first, other, sizeof first);
}

/* Tokens that cannot be are not drawn, however cold or hot. */
static void impossible_tokens(void **state)
{
    (void)state;
    for (int i = 0; i < 1000; i++) {
        float logits[4] = {-INFINITY, 1, -INFINITY, 1};
        const qf_sampling sampling = {i % 2 ? 100.0f : 0.01f, 1, 5};
        const int token = qf_sample(&sampling, (uint64_t)i, logits, 4);
        assert_true(token == 1 || token == 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(greedy),      cmocka_unit_test(whole_distribution),
        cmocka_unit_test(temperature), cmocka_unit_test(nucleus),
        cmocka_unit_test(seeds),       cmocka_unit_test(impossible_tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
