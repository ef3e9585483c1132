/* test_kernel_name.c -- names are printed from values and parsed back to them; anything
 * else is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "qforge/kernel.h"
#include "qforge/random.h"

static void check_kernel(qf_kernel_id id)
{
    char name[QF_NAME_MAX], symbol[QF_NAME_MAX];
    qf_kernel_id back;
    qf_kernel_print(&id, name);
    qf_kernel_symbol(&id, symbol);
    assert_int_equal(qf_kernel_parse(name, &back), QF_OK);
    assert_true(qf_kernel_equal(&id, &back));
    assert_int_equal(strncmp(name, symbol, strlen(symbol)), 0);
    id.tile.mr++;
    assert_false(qf_kernel_equal(&id, &back));
}

/* The product of the tables, with tiles large and small: newcomers are covered. */
static void test_kernels_round_trip(void **state)
{
    (void)state;
    static const qf_tile tiles[] = {{1, 1, 1, 0, 0, 0, 0},
                                    {6, 16, 2, 256, 192, 0, 0},
                                    {4, 24, 8, 0, 96, 64, 0},
                                    {2, 32, 1, 0, 0, 0, 8},
                                    {3, 32, 1, 0, 0, 32, 64},
                                    {12, 32, 16, 512, 0, 0, 0},
                                    {128, 1024, 64, 1 << 20, 1 << 20, 0, 0}};
    for (int recipe = 0; recipe < QF_RECIPE_COUNT; recipe++)
        for (int quant = 0; quant < QF_QUANT_COUNT; quant++)
            for (int isa = 0; isa < QF_ISA_COUNT; isa++)
                for (int group = 32; group <= 128; group *= 2)
                    for (size_t t = 0; t < sizeof tiles / sizeof *tiles; t++)
                        check_kernel((qf_kernel_id){(qf_recipe)recipe, (qf_quant)quant,
                                                    quant == QF_F32 ? 0 : group, (qf_isa)isa,
                                                    tiles[t]});
}

static void test_problems_round_trip(void **state)
{
    (void)state;
    for (int accuracy = 0; accuracy < QF_ACCURACY_COUNT; accuracy++)
        for (int op = 0; op < QF_OP_COUNT; op++)
            for (int quant = 0; quant < QF_QUANT_COUNT; quant++) {
                const qf_problem problem = {
                    (qf_accuracy)accuracy,    (qf_op)op, (qf_quant)quant,
                    quant == QF_F32 ? 0 : 64, 1,         4096,
                    INT64_C(123456789012),    7};
                char name[QF_NAME_MAX];
                qf_problem back;
                qf_problem_print(&problem, name);
                assert_int_equal(qf_problem_parse(name, &back), QF_OK);
                assert_int_equal(back.accuracy, accuracy);
                assert_int_equal(back.op, op);
                assert_int_equal(back.quant, quant);
                assert_int_equal(back.group, problem.group);
                assert_true(back.m == 1 && back.n == 4096 && back.k == problem.k);
                assert_int_equal(back.threads, 7);
            }
}

static void test_names_of_the_manual(void **state)
{
    (void)state;
    qf_kernel_id id;
    qf_problem problem;
    char name[QF_NAME_MAX];
    assert_int_equal(qf_kernel_parse("gemm_q4g64_panel_avx2_6x16_u2_kc256_mc192", &id), QF_OK);
    assert_int_equal(id.quant, QF_Q4);
    assert_int_equal(id.group, 64);
    assert_int_equal(id.recipe, QF_RECIPE_PANEL);
    assert_int_equal(id.isa, QF_ISA_AVX2);
    assert_int_equal(id.tile.mr, 6);
    assert_int_equal(id.tile.nr, 16);
    assert_int_equal(id.tile.unroll, 2);
    assert_int_equal(id.tile.kc, 256);
    assert_int_equal(id.tile.mc, 192);
    qf_kernel_symbol(&id, name);
    assert_string_equal(name, "gemm_q4g64_panel_avx2_6x16_u2");
    assert_int_equal(qf_problem_parse("exact_grad_q4g64_512x4096x4096_t1", &problem), QF_OK);
    assert_int_equal(problem.op, QF_GRAD_INPUT);
}

static void test_hostile_kernels(void **state)
{
    (void)state;
    static const char *const names[] = {
        "",
        "_",
        "gemm",
        "gemm_",
        "gemm_q4g64_panel_avx2",
        "gemm_q4g64_panel_avx2_",
        "gemm_q4_panel_avx2_6x16_u2",
        "gemm_q4g_panel_avx2_6x16",
        "gemm_q4g65_panel_avx2_6x16",
        "gemm_q4g-64_panel_avx2_6x16",
        "gemm_q4g064x_panel_avx2_6x16",
        "gemm_q5g64_panel_avx2_6x16",
        "gemm_f32g64_panel_avx2_6x16",
        "gemm_q4g64_tower_avx2_6x16",
        "gemm_q4g64_panel_avx9_6x16",
        "gemm_q4g64_panel_avx2_6",
        "gemm_q4g64_panel_avx2_0x16",
        "gemm_q4g64_panel_avx2_-6x16",
        "gemm_q4g64_panel_avx2_6x16y",
        "gemm_q4g64_panel_avx2_6x16__u2",
        "gemm_q4g64_panel_avx2_6x16_u0",
        "gemm_q4g64_panel_avx2_6x16_u-2",
        "gemm_q4g64_panel_avx2_6x16_u2_",
        "gemm_q4g64_panel_avx2_6x16_u2_zz3",
        "gemm_q4g64_panel_avx2_6x16_u99999999999999999999",
        "gemm_q4g64_panel_avx2_99999999999999999999x16",
        "gemm_q4g64_panel_avx2_2000000x16",
        "xgemm_q4g64_panel_avx2_6x16",
        " gemm_q4g64_panel_avx2_6x16",
        "gemm_q4g64_panel_avx2_ 6x16",
        "gemm_q4g64_panel_avx2_+6x16",
        "%s%s%s%n",
        "gemm_%n_panel_avx2_6x16",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        qf_kernel_id id;
        qf_message_clear();
        if (qf_kernel_parse(names[i], &id) != QF_USAGE) fail_msg("'%s' was taken", names[i]);
        assert_true(*qf_message());
    }
}

static void test_hostile_problems(void **state)
{
    (void)state;
    static const char *const names[] = {
        "",
        "exact",
        "slow_q4g64_1x2x3_t1",
        "exact_q4g64_1x2x3",
        "exact_q4g64_1x2x3_t0",
        "exact_q4g64_0x2x3_t1",
        "exact_q4g64_1x2_t1",
        "exact_q4g64_1x2x3x4_t1",
        "exact_q4g64_1x2x3_t1_",
        "exact_q4g64_1x2x3_t1x",
        "exact_grad_grad_q4g64_1x2x3_t1",
        "exact_q4g64_-1x2x3_t1",
        "exact_q4g64_99999999999999999999x2x3_t1",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        qf_problem problem;
        if (qf_problem_parse(names[i], &problem) != QF_USAGE)
            fail_msg("'%s' was taken", names[i]);
    }
}

/* Whatever a byte is changed to, the parser answers, and what it takes prints as given
 * or as an equal value. */
static void test_mutations(void **state)
{
    (void)state;
    static const char good[] = "gemm_q4g64_panel_avx2_6x16_u2_kc256_mc192";
    qf_random random = qf_random_init(8, 0);
    for (int i = 0; i < 20000; i++) {
        char name[sizeof good + 200], again[QF_NAME_MAX];
        qf_kernel_id id, back;
        memcpy(name, good, sizeof good);
        for (int change = 0; change < 1 + i % 3; change++)
            name[qf_random_below(&random, sizeof good - 1)] =
                (char)qf_random_below(&random, 256);
        if (qf_kernel_parse(name, &id) != QF_OK) continue;
        qf_kernel_print(&id, again);
        assert_int_equal(qf_kernel_parse(again, &back), QF_OK);
        assert_true(qf_kernel_equal(&id, &back));
    }
}

static void test_long_names(void **state)
{
    (void)state;
    enum { LENGTH = 100000 };
    char *name = malloc(LENGTH + 1);
    qf_kernel_id id;
    qf_problem problem;
    qf_tile tile;
    for (int fill = 0; fill < 3; fill++) {
        memset(name, "_9x"[fill], LENGTH);
        name[LENGTH] = 0;
        assert_int_equal(qf_kernel_parse(name, &id), QF_USAGE);
        assert_int_equal(qf_problem_parse(name, &problem), QF_USAGE);
        assert_int_equal(qf_tile_parse(name, &tile), QF_USAGE);
    }
    free(name);
}

static void test_tables(void **state)
{
    (void)state;
    for (int i = 0; i < QF_QUANT_COUNT; i++) {
        assert_int_equal(qf_quant_named(qf_quant_of((qf_quant)i)->name), i);
        assert_int_equal(qf_quant_of_bits(qf_quant_of((qf_quant)i)->bits), i);
    }
    for (int i = 0; i < QF_ISA_COUNT; i++)
        assert_int_equal(qf_isa_named(qf_isa_of((qf_isa)i)->name), i);
    for (int i = 0; i < QF_RECIPE_COUNT; i++)
        assert_int_equal(qf_recipe_named(qf_recipe_of((qf_recipe)i)->name), i);
    assert_int_equal(qf_quant_named("q5"), QF_QUANT_COUNT);
    assert_int_equal(qf_isa_named(""), QF_ISA_COUNT);
    assert_int_equal(qf_recipe_named("PANEL"), QF_RECIPE_COUNT);
    assert_int_equal(qf_quant_of_bits(5), QF_QUANT_COUNT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kernels_round_trip),  cmocka_unit_test(test_problems_round_trip),
        cmocka_unit_test(test_names_of_the_manual), cmocka_unit_test(test_hostile_kernels),
        cmocka_unit_test(test_hostile_problems),    cmocka_unit_test(test_mutations),
        cmocka_unit_test(test_long_names),          cmocka_unit_test(test_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
