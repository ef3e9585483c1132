/* test_sampler.c -- which subnet a step trains: means, odds, draws. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "train/qfa/sampler.h"

enum { LINEARS = 84 };

static tr_sampler sampler_of(tr_sampler_kind kind, tr_mapping mapping, int64_t cycle)
{
    return (tr_sampler){.kind = kind,
                        .mapping = mapping,
                        .granularity = QF_LINEAR_WISE,
                        .cycle = cycle,
                        .seed = 3,
                        .widths = 3,
                        .width = {2, 3, 4},
                        .level = {2, 3, 4}};
}

static void the_mean_is_a_triangular_wave(void **state)
{
    (void)state;
    const tr_sampler s = sampler_of(TR_SAMPLER_BALANCED, TR_MAPPING_BINOMIAL, 8000);
    assert_true(tr_sampler_target(&s, 0) == 4);
    assert_true(tr_sampler_target(&s, 2000) == 3);
    assert_true(tr_sampler_target(&s, 4000) == 2);
    assert_true(tr_sampler_target(&s, 6000) == 3);
    assert_true(tr_sampler_target(&s, 8000) == 4); /* starts over */
    assert_true(tr_sampler_target(&s, 10000) == 3);
    assert_true(fabs(tr_sampler_target(&s, 7999) - 4) < 1e-3);
}

static void odds_have_the_mean(void **state)
{
    (void)state;
    for (int mapping = 0; mapping < TR_MAPPINGS; mapping++) {
        tr_sampler s = sampler_of(TR_SAMPLER_BALANCED, (tr_mapping)mapping, 100);
        for (int64_t step = 0; step < 100; step++) {
            double odds[QF_WIDTHS_MAX], sum = 0, mean = 0;
            tr_sampler_odds(&s, step, odds);
            for (int i = 0; i < 3; i++) {
                assert_true(odds[i] >= 0 && odds[i] <= 1);
                sum += odds[i];
                mean += odds[i] * s.width[i];
            }
            assert_true(fabs(sum - 1) < 1e-12);
            assert_true(fabs(mean - tr_sampler_target(&s, step)) < 1e-9);
        }
    }
}

/* The table of the method: at a mean of 2.5. */
static void odds_at_two_and_a_half(void **state)
{
    (void)state;
    tr_sampler s = sampler_of(TR_SAMPLER_BALANCED, TR_MAPPING_MAXENT, 8);
    double odds[QF_WIDTHS_MAX];

    tr_sampler_odds(&s, 3, odds);
    assert_true(fabs(odds[0] - .616) < 1e-3 && fabs(odds[1] - .268) < 1e-3);
    tr_sampler_odds(&s, 2, odds);
    assert_true(fabs(odds[0] - 1.0 / 3) < 1e-9 && fabs(odds[2] - 1.0 / 3) < 1e-9);
    s.mapping = TR_MAPPING_BINOMIAL;
    tr_sampler_odds(&s, 3, odds);
    assert_true(odds[0] == .5625 && odds[1] == .375 && odds[2] == .0625);
}

/* Trapezoid over a whole cycle. */
static void marginals(const tr_sampler *s, double share[3])
{
    memset(share, 0, 3 * sizeof *share);
    for (int64_t step = 0; step < s->cycle; step++) {
        double odds[QF_WIDTHS_MAX];
        tr_sampler_odds(s, step, odds);
        for (int i = 0; i < 3; i++) share[i] += odds[i] / (double)s->cycle;
    }
}

static void binomial_marginals_are_equal(void **state)
{
    (void)state;
    const tr_sampler s = sampler_of(TR_SAMPLER_BALANCED, TR_MAPPING_BINOMIAL, 3000);
    double share[3];
    marginals(&s, share);
    for (int i = 0; i < 3; i++) assert_true(fabs(share[i] - 1.0 / 3) < 1e-6);
}

static void maxent_marginals_favour_the_ends(void **state)
{
    (void)state;
    const tr_sampler s = sampler_of(TR_SAMPLER_BALANCED, TR_MAPPING_MAXENT, 3000);
    double share[3];
    marginals(&s, share);
    assert_true(fabs(share[0] - .382) < 1e-3 && fabs(share[1] - .236) < 1e-3);
}

static double mean_bits(const qf_subnet *subnet)
{
    double sum = 0;
    for (int i = 0; i < subnet->count; i++) sum += subnet->bits[i];
    return sum / subnet->count;
}

static void draws_follow_the_odds(void **state)
{
    (void)state;
    for (int kind = 0; kind < TR_SAMPLERS; kind++) {
        const tr_sampler s = sampler_of((tr_sampler_kind)kind, TR_MAPPING_MAXENT, 600);
        double drawn[5] = {0}, wanted[3] = {0};
        for (int64_t step = 0; step < 600; step++) {
            qf_subnet subnet;
            double odds[QF_WIDTHS_MAX];
            tr_sampler_draw(&s, step, LINEARS, &subnet);
            tr_sampler_odds(&s, step, odds);
            assert_int_equal(subnet.count, LINEARS);
            for (int i = 0; i < LINEARS; i++) drawn[subnet.bits[i]] += 1.0 / (600 * LINEARS);
            for (int i = 0; i < 3; i++) wanted[i] += odds[i] / 600;
            if (kind == TR_SAMPLER_BALANCED)
                assert_true(fabs(mean_bits(&subnet) - tr_sampler_target(&s, step)) < .5);
        }
        /* five standard deviations of 50,400 draws are 0.0105 */
        for (int i = 0; i < 3; i++) assert_true(fabs(drawn[i + 2] - wanted[i]) < .0105);
    }
}

/* The point of it all: balanced draws reach the ends, uniform ones never do. */
static void balanced_draws_reach_the_ends(void **state)
{
    (void)state;
    double least[TR_SAMPLERS], most[TR_SAMPLERS] = {0};
    for (int kind = 0; kind < TR_SAMPLERS; kind++) {
        const tr_sampler s = sampler_of((tr_sampler_kind)kind, TR_MAPPING_BINOMIAL, 500);
        least[kind] = 9;
        for (int64_t step = 0; step < 1000; step++) {
            qf_subnet subnet;
            tr_sampler_draw(&s, step, LINEARS, &subnet);
            const double mean = mean_bits(&subnet);
            if (mean < least[kind]) least[kind] = mean;
            if (mean > most[kind]) most[kind] = mean;
        }
    }
    assert_true(least[TR_SAMPLER_UNIFORM] > 2.5 && most[TR_SAMPLER_UNIFORM] < 3.5);
    assert_true(least[TR_SAMPLER_BALANCED] < 2.02 && most[TR_SAMPLER_BALANCED] > 3.98);
    assert_true(least[TR_SAMPLER_IID] < 2.02 && most[TR_SAMPLER_IID] > 3.98);
    assert_true(least[TR_SAMPLER_SIMPLEX] < 2.1 && most[TR_SAMPLER_SIMPLEX] > 3.9);
    assert_true(least[TR_SAMPLER_BLEND] < 2.02 && most[TR_SAMPLER_BLEND] > 3.98);
}

/* Half the steps of a blend are uniform, and neither half is chosen by where it would
 * have aimed. */
static void a_blend_is_uniform_half_the_time(void **state)
{
    (void)state;
    const tr_sampler s = sampler_of(TR_SAMPLER_BLEND, TR_MAPPING_BINOMIAL, 1);
    int even = 0, low = 0;

    for (int64_t step = 0; step < 2000; step++) {
        double odds[QF_WIDTHS_MAX];
        tr_sampler_odds(&s, step, odds);
        const bool uniform = odds[0] == odds[1] && odds[1] == odds[2];
        even += uniform;
        low += !uniform && odds[0] > odds[2];
    }
    assert_true(abs(even - 1000) < 112); /* five standard deviations */
    assert_true(abs(2 * low - (2000 - even)) < 160);
}

static void draws_are_pure(void **state)
{
    (void)state;
    tr_sampler s = sampler_of(TR_SAMPLER_UNIFORM, TR_MAPPING_BINOMIAL, 10);
    qf_subnet a, b;

    tr_sampler_draw(&s, 7, LINEARS, &a);
    tr_sampler_draw(&s, 8, LINEARS, &b);
    assert_false(qf_subnet_equal(&a, &b));
    tr_sampler_draw(&s, 7, LINEARS, &b);
    assert_true(qf_subnet_equal(&a, &b));
    s.seed = 4;
    tr_sampler_draw(&s, 7, LINEARS, &b);
    assert_false(qf_subnet_equal(&a, &b));
}

static void blocks_share_a_width(void **state)
{
    (void)state;
    tr_sampler s = sampler_of(TR_SAMPLER_UNIFORM, TR_MAPPING_BINOMIAL, 10);
    qf_subnet subnet;
    int changes = 0;

    s.granularity = QF_BLOCK_WISE;
    tr_sampler_draw(&s, 7, LINEARS, &subnet);
    for (int i = 1; i < LINEARS; i++) {
        const bool same = subnet.bits[i] == subnet.bits[i - 1];
        assert_true(same || i % QF_LINEARS == 0);
        changes += !same;
    }
    assert_true(changes > 2);
}

static void fused_products_agree(void **state)
{
    (void)state;
    tr_sampler s = sampler_of(TR_SAMPLER_UNIFORM, TR_MAPPING_BINOMIAL, 10);
    int changes = 0;

    s.granularity = QF_FUSED_WISE;
    for (int64_t step = 0; step < 20; step++) {
        qf_subnet subnet;
        tr_sampler_draw(&s, step, LINEARS, &subnet);
        for (int i = 0; i < LINEARS; i += QF_LINEARS) {
            const uint8_t *b = subnet.bits + i;
            assert_true(b[QF_LINEAR_QUERY] == b[QF_LINEAR_KEY]);
            assert_true(b[QF_LINEAR_QUERY] == b[QF_LINEAR_VALUE]);
            assert_true(b[QF_LINEAR_GATE] == b[QF_LINEAR_UP]);
            changes += b[QF_LINEAR_VALUE] != b[QF_LINEAR_OUTPUT];
            changes += b[QF_LINEAR_OUTPUT] != b[QF_LINEAR_GATE];
            changes += b[QF_LINEAR_UP] != b[QF_LINEAR_DOWN];
        }
    }
    /* 720 pairs, each unlike with 2/3 */
    assert_true(changes > 430 && changes < 530);
}

/* Costs that are not evenly spaced, as of latency: the draws' mean cost is the target. */
static void any_resource_can_walk(void **state)
{
    (void)state;
    for (int mapping = 0; mapping < TR_MAPPINGS; mapping++) {
        tr_sampler s = sampler_of(TR_SAMPLER_BALANCED, (tr_mapping)mapping, 40);
        const double level[] = {110, 190, 200};
        memcpy(s.level, level, sizeof level);
        for (int64_t step = 0; step < 40; step++) {
            double odds[QF_WIDTHS_MAX], mean = 0;
            const double away = fabs((double)step - 20) / 20;
            tr_sampler_odds(&s, step, odds);
            for (int i = 0; i < 3; i++) mean += odds[i] * level[i];
            assert_true(fabs(tr_sampler_target(&s, step) - (110 + 90 * away)) < 1e-9);
            assert_true(fabs(mean - tr_sampler_target(&s, step)) < 1e-9);
        }
    }
}

static void anchors_have_one_width(void **state)
{
    (void)state;
    tr_sampler s = sampler_of(TR_SAMPLER_UNIFORM, TR_MAPPING_BINOMIAL, 10);
    int of[5] = {0}, mixed = 0;

    s.anchors = 0.3;
    for (int64_t step = 0; step < 3000; step++) {
        qf_subnet subnet;
        tr_sampler_draw(&s, step, LINEARS, &subnet);
        bool one = true;
        for (int i = 1; i < LINEARS; i++) one = one && subnet.bits[i] == subnet.bits[0];
        if (one)
            of[subnet.bits[0]]++;
        else
            mixed++;
    }
    /* five standard deviations of 3000 draws: 0.3 is 125, 0.1 is 82 */
    assert_true(abs(mixed - 2100) < 125);
    for (int b = 2; b <= 4; b++) assert_true(abs(of[b] - 300) < 82);
}

static void senseless_samplers_are_refused(void **state)
{
    (void)state;
    const qf_qmodel model = {.widths = 3, .width = {2, 3, 4}};
    const tr_sampler good = sampler_of(TR_SAMPLER_IID, TR_MAPPING_BINOMIAL, 10);
    tr_sampler s = good;

    assert_int_equal(tr_sampler_check(&s, &model), QF_OK);
    s.anchors = 1.01;
    assert_int_equal(tr_sampler_check(&s, &model), QF_USAGE);
    s.anchors = NAN;
    assert_int_equal(tr_sampler_check(&s, &model), QF_USAGE);
    s = good;
    s.width[2] = 8;
    assert_int_equal(tr_sampler_check(&s, &model), QF_USAGE);
    s = good;
    s.level[1] = 2; /* 3 bits as quick as 2 */
    assert_int_equal(tr_sampler_check(&s, &model), QF_USAGE);
    s = good;
    s.cycle = 0;
    assert_int_equal(tr_sampler_check(&s, &model), QF_USAGE);
}

static void one_width_leaves_no_choice(void **state)
{
    (void)state;
    for (int mapping = 0; mapping < TR_MAPPINGS; mapping++) {
        tr_sampler s = sampler_of(TR_SAMPLER_BALANCED, (tr_mapping)mapping, 10);
        qf_subnet subnet;
        s.widths = 1;
        tr_sampler_draw(&s, 4, LINEARS, &subnet);
        assert_true(mean_bits(&subnet) == 2);
    }
}

static void names_are_known(void **state)
{
    (void)state;
    tr_sampler_kind kind;
    tr_mapping mapping;
    assert_int_equal(tr_sampler_named("balanced", &kind), QF_OK);
    assert_int_equal(kind, TR_SAMPLER_BALANCED);
    assert_int_equal(tr_mapping_named("maxent", &mapping), QF_OK);
    assert_int_equal(mapping, TR_MAPPING_MAXENT);
    assert_int_equal(tr_sampler_named("uniforn", &kind), QF_USAGE);
    assert_non_null(strstr(qf_message(), "uniform, balanced"));
    assert_int_equal(tr_mapping_named("", &mapping), QF_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_mean_is_a_triangular_wave),
        cmocka_unit_test(odds_have_the_mean),
        cmocka_unit_test(odds_at_two_and_a_half),
        cmocka_unit_test(binomial_marginals_are_equal),
        cmocka_unit_test(maxent_marginals_favour_the_ends),
        cmocka_unit_test(draws_follow_the_odds),
        cmocka_unit_test(balanced_draws_reach_the_ends),
        cmocka_unit_test(a_blend_is_uniform_half_the_time),
        cmocka_unit_test(draws_are_pure),
        cmocka_unit_test(blocks_share_a_width),
        cmocka_unit_test(fused_products_agree),
        cmocka_unit_test(any_resource_can_walk),
        cmocka_unit_test(anchors_have_one_width),
        cmocka_unit_test(senseless_samplers_are_refused),
        cmocka_unit_test(one_width_leaves_no_choice),
        cmocka_unit_test(names_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
