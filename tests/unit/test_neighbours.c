/* test_neighbours.c -- what the nearest problems' trials say of a problem's candidates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <math.h>

#include "autotune/search/neighbours.h"

enum { ROWS = 8 };

/* No block of one to eight rows has more than there are. */
static const qf_problem asked = {.accuracy = QF_FAST,
                                 .quant = QF_Q4,
                                 .group = 32,
                                 .m = 840,
                                 .n = 1024,
                                 .k = 1024,
                                 .threads = 1};

static qf_kernel_id kernel_of(int mr)
{
    return (qf_kernel_id){.recipe = QF_RECIPE_DOT,
                          .quant = QF_Q4,
                          .group = 32,
                          .isa = QF_ISA_AVX2,
                          .tile = {.mr = mr, .nr = 16, .unroll = 1}};
}

/* Every mr as predicted, 1000 ns, but one, which takes this share of it. */
static void fill(qf_experience trial[ROWS], qf_problem problem, int mr, double share)
{
    for (int i = 0; i < ROWS; i++)
        trial[i] =
            (qf_experience){problem, kernel_of(i + 1), 1000, i + 1 == mr ? 1000 * share : 1000};
}

/* Their order is the prior's: 10, 20 … ns. */
static void reset(qf_candidate candidate[ROWS])
{
    for (int i = 0; i < ROWS; i++)
        candidate[i] = (qf_candidate){kernel_of(i + 1), 10 * (i + 1), 10 * (i + 1)};
}

static double factor(const qf_candidate *c)
{
    return c->expected_ns / c->predicted_ns;
}

static void what_was_off_nearby_is_corrected(void **state)
{
    qf_experience trial[ROWS];
    qf_candidate c[ROWS];
    qf_problem wider = asked;

    (void)state;
    wider.n *= 2;
    fill(trial, wider, 5, 0.5);
    reset(c);
    assert_true(qf_neighbours_expect(trial, ROWS, &asked, 1, c, ROWS));
    assert_true(factor(&c[4]) < 0.9 * factor(&c[0]));
    for (int i = 0; i < ROWS; i++) {
        assert_true(c[i].predicted_ns == 10 * (i + 1));
        assert_true(factor(&c[i]) >= factor(&c[4])); /* none as much as the kernel itself, */
        if (i > 4) assert_true(factor(&c[i]) > factor(&c[i - 1])); /* the more alike the more */
        if (i < 4) assert_true(factor(&c[i]) > factor(&c[i + 1]));
    }
    /* A prior that is off alike everywhere is not corrected: the order is right. */
    for (int i = 0; i < ROWS; i++) trial[i].ns = 3 * trial[i].predicted_ns;
    reset(c);
    assert_true(qf_neighbours_expect(trial, ROWS, &asked, 1, c, ROWS));
    for (int i = 0; i < ROWS; i++) assert_true(fabs(factor(&c[i]) - 1) < 1e-9);
}

static void another_recipe_says_nothing(void **state)
{
    qf_experience trial[ROWS];
    qf_candidate c[ROWS];

    (void)state;
    fill(trial, asked, 5, 0.5);
    reset(c);
    c[4].kernel.recipe = QF_RECIPE_QUAD;
    assert_true(qf_neighbours_expect(trial, ROWS, &asked, 1, c, ROWS));
    assert_true(factor(&c[4]) == 1);
    assert_true(factor(&c[3]) < factor(&c[0]));
}

static void unlike_problems_say_nothing(void **state)
{
    qf_problem other[] = {asked, asked, asked, asked, asked, asked};
    qf_experience trial[ROWS];
    qf_candidate c[ROWS];

    (void)state;
    other[0].accuracy = QF_EXACT;
    other[1].op = QF_GRAD_INPUT;
    other[2].quant = QF_Q3;
    other[3].group = 64;
    other[4].m = 4 * 840; /* two octaves of rows are a distance of 4 */
    other[5].threads = 4; /* and of threads */
    for (int o = 0; o < 6; o++) {
        fill(trial, other[o], 5, 0.5);
        reset(c);
        assert_false(qf_neighbours_expect(trial, ROWS, &asked, 3.9, c, ROWS));
        for (int i = 0; i < ROWS; i++) assert_true(factor(&c[i]) == 1);
    }
    assert_true(qf_neighbours_expect(trial, ROWS, &asked, 4, c, ROWS));
    assert_false(qf_neighbours_expect(trial, 0, &asked, 4, c, ROWS));
}

/* Whatever their order, the two nearest speak, and the nearer one louder. */
static void the_two_nearest_speak(void **state)
{
    static const int fastest[] = {2, 8, 5}; /* of the near one, the next, the far one */
    static const int order[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                   {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};

    (void)state;
    for (int o = 0; o < 6; o++) {
        qf_experience trial[3 * ROWS], two[2 * ROWS];
        qf_candidate c[ROWS], of_two[ROWS];
        int kept = 0;
        for (int i = 0; i < 3; i++) {
            qf_problem problem = asked;
            problem.n <<= 1 + order[o][i];
            fill(trial + i * ROWS, problem, fastest[order[o][i]], 0.5);
            if (order[o][i] < 2) fill(two + kept++ * ROWS, problem, fastest[order[o][i]], 0.5);
        }
        reset(c);
        assert_true(qf_neighbours_expect(trial, 3 * ROWS, &asked, 4, c, ROWS));
        for (int i = 0; i < ROWS; i++) assert_true(factor(&c[1]) <= factor(&c[i]));
        assert_true(factor(&c[7]) < factor(&c[5]));
        reset(of_two); /* the far one is not asked */
        assert_true(qf_neighbours_expect(two, 2 * ROWS, &asked, 4, of_two, ROWS));
        for (int i = 0; i < ROWS; i++)
            assert_true(fabs(factor(&c[i]) - factor(&of_two[i])) < 1e-12);
    }
}

/* Six rows in blocks of three are like four in blocks of two, and unlike four of three. */
static void rows_that_fall_alike_are_alike(void **state)
{
    qf_experience trial[ROWS];
    qf_candidate c[ROWS];
    qf_problem six = asked, four = asked;

    (void)state;
    six.m = 6, four.m = 4;
    fill(trial, six, 3, 0.5);
    reset(c);
    assert_true(qf_neighbours_expect(trial, ROWS, &four, 2, c, ROWS));
    assert_true(factor(&c[1]) < factor(&c[2]));
}

/* Steps and rows of the other shape are none here; a recipe that is not here has no like. */
static void a_winners_like_is_found(void **state)
{
    qf_candidate c[ROWS];
    qf_problem wider = asked;
    qf_kernel_id winner = kernel_of(6);

    (void)state;
    wider.n *= 2;
    reset(c);
    winner.tile.kc = 4096, winner.tile.mc = 1680;
    assert_int_equal(qf_neighbours_likest(&asked, c, ROWS, &wider, &winner), 5);
    c[5].kernel.recipe = QF_RECIPE_QUAD;
    assert_int_equal(qf_neighbours_likest(&asked, c, ROWS, &wider, &winner), 6);
    winner.recipe = QF_RECIPE_PANEL;
    assert_int_equal(qf_neighbours_likest(&asked, c, ROWS, &wider, &winner), -1);
    winner = kernel_of(6), winner.isa = QF_ISA_NEON;
    assert_int_equal(qf_neighbours_likest(&asked, c, ROWS, &wider, &winner), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_off_nearby_is_corrected),
        cmocka_unit_test(another_recipe_says_nothing),
        cmocka_unit_test(unlike_problems_say_nothing),
        cmocka_unit_test(the_two_nearest_speak),
        cmocka_unit_test(rows_that_fall_alike_are_alike),
        cmocka_unit_test(a_winners_like_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
