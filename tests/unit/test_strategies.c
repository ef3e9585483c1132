/* test_strategies.c -- walks over made-up spaces whose best point is known, and the models that
 * guide them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "autotune/search/boost.h"
#include "autotune/search/gaussian.h"
#include "autotune/search/ranking.h"
#include "autotune/search/strategy.h"
#include "qforge/random.h"

static const struct {
    const char *name;
    qf_strategy_next *next;
} strategies[] = {
#define QF_STRATEGY(id, name, thorough, summary) {#name, qf_strategy_##name},
#include "qforge/strategies.def"
#undef QF_STRATEGY
};
enum { STRATEGIES = sizeof strategies / sizeof *strategies };

/* ---- a space ------------------------------------------------------------------------------
 */

enum { SIDE = 9, AXES = 3, COUNT = SIDE * SIDE * SIDE };

typedef struct world {
    qf_points points;
    double truth[COUNT];    /* ns */
    double expected[COUNT]; /* roughly */
} world;

typedef struct place {
    double axis[AXES], truth, expected;
} place;

static int by_expectation(const void *a, const void *b)
{
    const place *x = a, *y = b;
    return (x->expected > y->expected) - (x->expected < y->expected);
}

/* A bent valley with ripples; what is expected of it is off by a slope. */
static void world_init(world *w, uint64_t seed)
{
    static place all[COUNT];
    double value[COUNT][AXES];
    qf_random random = qf_random_init(seed, 1);

    for (int i = 0; i < COUNT; i++) {
        const double x = i % SIDE, y = i / SIDE % SIDE, z = i / SIDE / SIDE;
        const double far = fabs(x - 6) / 8 + fabs(y - 2 - x / 4) / 8 + fabs(z - 5) / 16;
        const double truth = 1000 * (1 + far) * (1 + 0.03 * sin(5 * x + 3 * y)) *
                             (1 + 0.002 * qf_random_unit(&random));
        all[i] =
            (place){{x * x, pow(2, y), z}, truth, truth * exp(0.9 * x / SIDE - 0.6 * z / SIDE)};
    }
    qsort(all, COUNT, sizeof *all, by_expectation);
    for (int i = 0; i < COUNT; i++) {
        memcpy(value[i], all[i].axis, sizeof value[i]);
        w->truth[i] = all[i].truth;
        w->expected[i] = all[i].expected;
    }
    assert_int_equal(qf_points_make(*value, COUNT, AXES, &w->points), QF_OK);
}

/* Some candidates do. */
static bool fails(int i)
{
    return i % 7 == 3;
}

static double best_of(const world *w)
{
    double best = HUGE_VAL;
    for (int i = 0; i < COUNT; i++)
        if (!fails(i)) best = fmin(best, w->truth[i]);
    return best;
}

/* The best share of the fastest after so many trials; the walk is left in order. */
static double walk(const world *w, qf_strategy_next *next, bool informed, uint64_t seed,
                   int trials, int *order)
{
    double ns[COUNT] = {0}, best = HUGE_VAL;

    for (int tried = 0; tried < trials; tried++) {
        const qf_search_view view = {
            &w->points, informed ? w->expected : NULL, ns, order, tried, seed};
        int i;
        assert_int_equal(next(&view, &i), QF_OK);
        if (i < 0) break;
        assert_in_range(i, 0, COUNT - 1);
        assert_true(ns[i] == 0);
        order[tried] = i;
        ns[i] = fails(i) ? -1 : w->truth[i];
        if (ns[i] > 0) best = fmin(best, ns[i]);
    }
    return best_of(w) / best;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

enum { WALKS = 15 };

static double median_share(qf_strategy_next *next, bool informed, int trials)
{
    static world w;
    double share[WALKS];
    int order[COUNT];

    for (int i = 0; i < WALKS; i++) {
        world_init(&w, (uint64_t)i);
        share[i] = walk(&w, next, informed, (uint64_t)i, trials, order);
        qf_points_release(&w.points);
    }
    qsort(share, WALKS, sizeof *share, ascending);
    return share[WALKS / 2];
}

/* ---- all of them ----------------------------------------------------------------------------
 */

static void nothing_is_tried_twice(void **state)
{
    static world w;
    int order[COUNT], again[COUNT];

    (void)state;
    world_init(&w, 0);
    for (int s = 0; s < STRATEGIES; s++) {
        const int trials = strategies[s].next == qf_strategy_guided ? 60 : COUNT;
        for (int informed = 0; informed < 2; informed++) {
            memset(order, 0, sizeof order);
            memset(again, 0, sizeof again);
            walk(&w, strategies[s].next, informed, 3, trials, order);
            walk(&w, strategies[s].next, informed, 3, trials, again);
            assert_memory_equal(order, again, sizeof order);
        }
    }
    walk(&w, qf_strategy_exhaustive, true, 0, COUNT, order);
    for (int i = 0; i < COUNT; i++) assert_int_equal(order[i], i);
    walk(&w, qf_strategy_random, false, 4, COUNT, again);
    assert_memory_not_equal(order, again, sizeof order);
    qf_points_release(&w.points);
}

static void when_all_failed_there_is_an_end(void **state)
{
    const double value[] = {1, 2, 3};
    const double ns[] = {-1, -1, -1};
    const int order[] = {0, 1, 2};
    qf_points points;

    (void)state;
    assert_int_equal(qf_points_make(value, 3, 1, &points), QF_OK);
    for (int s = 0; s < STRATEGIES; s++)
        for (int informed = 0; informed < 2; informed++) {
            const qf_search_view view = {&points, informed ? value : NULL, ns, order, 3, 1};
            int next = 0;
            assert_int_equal(strategies[s].next(&view, &next), QF_OK);
            assert_int_equal(next, -1);
        }
    qf_points_release(&points);
}

/* Whatever is as expected so far, the next family of kernels need not be: the guided search
 * looks at two dozen before it believes there is nothing to gain, and then does not look on. */
static void an_end_comes_after_a_good_look(void **state)
{
    static world w;
    double ns[COUNT] = {0};
    int order[COUNT], tried = 0, next = 0;

    (void)state;
    world_init(&w, 0);
    for (; tried < COUNT; tried++) {
        const qf_search_view view = {&w.points, w.expected, ns, order, tried, 1};
        assert_int_equal(qf_strategy_guided(&view, &next), QF_OK);
        if (next < 0) break;
        order[tried] = next;
        ns[next] = w.expected[next];
    }
    assert_in_range(tried, 24, 60);
    qf_points_release(&w.points);
}

/* 36 trials are one in twenty. */
static void what_is_clever_beats_chance(void **state)
{
    const double chance = median_share(qf_strategy_random, false, 36);

    (void)state;
    assert_true(chance < 0.97);
    assert_true(median_share(qf_strategy_local, false, 36) > chance);
    assert_true(median_share(qf_strategy_evolutionary, false, 36) > chance);
    assert_true(median_share(qf_strategy_guided, false, 36) > 0.985);
    assert_true(median_share(qf_strategy_guided, true, 36) > 0.99);
    assert_true(median_share(qf_strategy_guided, true, 12) >
                median_share(qf_strategy_exhaustive, true, 12));
}

/* ---- models
 * ------------------------------------------------------------------------------------ */

static void a_process_passes_through_what_it_knows(void **state)
{
    double value[21], height[5], deviation, guess;
    const int at[] = {0, 5, 10, 15, 20};
    qf_points points;
    qf_gaussian g;

    (void)state;
    for (int i = 0; i < 21; i++) value[i] = i;
    assert_int_equal(qf_points_make(value, 21, 1, &points), QF_OK);
    for (int i = 0; i < 5; i++) height[i] = sin(at[i] / 5.0);
    assert_int_equal(qf_gaussian_fit(&points, at, height, 5, 0, 1, &g), QF_OK);
    for (int i = 0; i < 5; i++) {
        qf_gaussian_guess(&g, at[i], &guess, &deviation);
        assert_true(fabs(guess - height[i]) < 0.01);
        assert_true(deviation < 0.05);
    }
    for (int i = 0; i < 21; i++) {
        qf_gaussian_guess(&g, i, &guess, &deviation);
        assert_true(fabs(guess - sin(i / 5.0)) < 0.12);
        assert_true(fabs(guess - sin(i / 5.0)) < 3 * deviation + 0.01);
    }
    qf_gaussian_release(&g);
    qf_points_release(&points);
}

enum { ROWS = 4000, COLUMNS = 4 };

static float law(const float *x)
{
    return (x[0] > 0.5f ? 2 : 0) + x[1] * x[2] + 0.5f * x[1];
}

static void trees_learn_a_law(void **state)
{
    static float x[2 * ROWS][COLUMNS], y[ROWS], weight[ROWS];
    static qf_boost boost;
    qf_random random = qf_random_init(5, 0);
    double off = 0, all = 0;

    (void)state;
    for (int r = 0; r < 2 * ROWS; r++)
        for (int c = 0; c < COLUMNS; c++) x[r][c] = (float)qf_random_unit(&random);
    for (int r = 0; r < ROWS; r++) {
        y[r] = law(x[r]) + 0.05f * (float)qf_random_normal(&random);
        weight[r] = 1;
        /* Rows that weigh nothing to speak of may say anything. */
        if (r % 5 == 0) y[r] = 100, weight[r] = 1e-6f;
    }
    assert_int_equal(qf_boost_fit(*x, y, weight, ROWS, COLUMNS, &boost), QF_OK);
    for (int r = ROWS; r < 2 * ROWS; r++) {
        const double e = qf_boost_guess(&boost, x[r]) - law(x[r]);
        off += e * e;
        all += (law(x[r]) - 1.5) * (law(x[r]) - 1.5);
    }
    assert_true(off < 0.03 * all);
}

/* ---- experience
 * --------------------------------------------------------------------------------- */

enum { SHAPES = 6, MR = 8, PANELS = 4, UNROLLS = 2, KERNELS = MR * PANELS * UNROLLS };

/* A machine on which tiles of two panels are a quarter faster than the prior thinks, and those
 * that keep more than 24 sums half as fast. */
static qf_experience lived(int shape, int i)
{
    const int mr = 1 + i % MR, panels = 1 + i / MR % PANELS, unroll = 1 + i / MR / PANELS;
    const double predicted = 1000.0 * (shape + 1) * (1 + 1.0 / mr + 0.3 / panels);
    const double truth = predicted * (panels == 2 ? 0.75 : 1) * (2 * mr * panels > 24 ? 2 : 1);
    return (qf_experience){
        .problem = {QF_FAST, QF_FORWARD, QF_Q4, 64, 8, 256 << shape, 512, 1},
        .kernel = {QF_RECIPE_DOT, QF_Q4, 64, QF_ISA_AVX2, {mr, 16 * panels, unroll, 0, 0, 0}},
        .predicted_ns = predicted,
        .ns = truth,
    };
}

static double share_of_first(const qf_ranker *ranker, int shape)
{
    qf_candidate candidate[KERNELS];
    qf_experience first = {0};
    double best = HUGE_VAL;

    for (int i = 0; i < KERNELS; i++) {
        const qf_experience e = lived(shape, i);
        candidate[i] = (qf_candidate){e.kernel, e.predicted_ns, 0};
        best = fmin(best, e.ns);
        first = e;
    }
    qf_ranker_expect(ranker, &first.problem, candidate, KERNELS);
    assert_int_equal(qf_candidates_sort(candidate, KERNELS), QF_OK);
    for (int i = 1; i < KERNELS; i++)
        assert_true(candidate[i - 1].expected_ns <= candidate[i].expected_ns);
    for (int i = 0; i < KERNELS; i++) {
        const qf_experience e = lived(shape, i);
        if (qf_kernel_equal(&e.kernel, &candidate[0].kernel)) return best / e.ns;
    }
    return 0;
}

static void experience_corrects_the_prior(void **state)
{
    qf_experience trial[SHAPES * KERNELS];
    qf_ranker *ranker;

    (void)state;
    for (int s = 0; s < SHAPES; s++)
        for (int i = 0; i < KERNELS; i++) trial[s * KERNELS + i] = lived(s, i);
    assert_int_equal(qf_ranker_learn(trial, (SHAPES - 1) * KERNELS, &ranker), QF_OK);
    assert_non_null(ranker);
    assert_true(share_of_first(NULL, SHAPES - 1) < 0.6);
    assert_true(share_of_first(ranker, SHAPES - 1) > 0.99);
    qf_ranker_destroy(ranker);
}

/* Trees need many trials of several problems; with fewer the nearest speak, if any is near. */
static void few_trials_speak_for_what_is_near(void **state)
{
    qf_experience trial[SHAPES * KERNELS];
    qf_candidate candidate = {lived(0, 0).kernel, 1, 1};
    qf_problem near = lived(0, 0).problem, far = near;
    qf_ranker *ranker;

    (void)state;
    near.n *= 2, far.m *= 64;
    for (int s = 0; s < SHAPES; s++)
        for (int i = 0; i < KERNELS; i++) trial[s * KERNELS + i] = lived(s, i);
    assert_int_equal(qf_ranker_expect(NULL, &near, &candidate, 1), QF_RUNG_PRIOR);
    assert_int_equal(qf_ranker_learn(trial, SHAPES * KERNELS, &ranker), QF_OK);
    assert_int_equal(qf_ranker_expect(ranker, &far, &candidate, 1), QF_RUNG_LEARNED);
    qf_ranker_destroy(ranker);
    for (int few = 0; few <= 10; few += 10) {
        assert_int_equal(qf_ranker_learn(trial, few, &ranker), QF_OK);
        assert_int_equal(qf_ranker_expect(ranker, &near, &candidate, 1),
                         few ? QF_RUNG_NEAREST : QF_RUNG_PRIOR);
        assert_int_equal(qf_ranker_expect(ranker, &far, &candidate, 1), QF_RUNG_PRIOR);
        qf_ranker_destroy(ranker);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_tried_twice),
        cmocka_unit_test(when_all_failed_there_is_an_end),
        cmocka_unit_test(an_end_comes_after_a_good_look),
        cmocka_unit_test(what_is_clever_beats_chance),
        cmocka_unit_test(a_process_passes_through_what_it_knows),
        cmocka_unit_test(trees_learn_a_law),
        cmocka_unit_test(experience_corrects_the_prior),
        cmocka_unit_test(few_trials_speak_for_what_is_near),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
