/* test_space.c -- the space holds what it should, each kernel once, always in one order,
 * and the prior puts sensible kernels first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autotune/prior.h"
#include "autotune/space.h"
#include "qforge/codegen.h"
#include "qforge/memory.h"

/* A machine of known caches, whatever this one is. */
static qf_cpu machine(void)
{
    qf_cpu cpu = {.vendor = "test",
                  .isas = 1u << QF_ISA_AVX2 | 1u << QF_ISA_C,
                  .vector_bytes = 32,
                  .cores = 2,
                  .cache = {{1, 'd', 32 << 10, 64, 8, 1},
                            {2, 'u', 512 << 10, 64, 8, 1},
                            {3, 'u', 32 << 20, 64, 16, 2}},
                  .caches = 3,
                  .memory_bytes = (int64_t)8 << 30};
    return cpu;
}

static qf_space built(const char *name)
{
    const qf_cpu cpu = machine();
    qf_problem problem;
    qf_space space;
    assert_int_equal(qf_problem_parse(name, &problem), QF_OK);
    assert_int_equal(qf_space_build(&cpu, &problem, QF_RECIPE_COUNT, &space), QF_OK);
    return space;
}

static const char *const problems[] = {
    "exact_q4g64_512x4096x4096_t1", "exact_q3g128_64x768x288_t2",    "exact_f32_1x512x64_t1",
    "exact_f32_33x172x64_t1",       "exact_grad_q2g32_64x172x64_t1", "fast_q8g32_1x64x172_t1",
    "fast_q2g64_8x4096x11008_t2",   "fast_q3g32_128x172x64_t1",
};
enum { PROBLEMS = sizeof problems / sizeof *problems };

/* Every pass over the weights has as many blocks of rows, give or take the rounding. */
static void check_passes(int64_t m, const qf_tile *tile)
{
    const int64_t blocks = (m + tile->mr - 1) / tile->mr, most = tile->mc / tile->mr;
    const int64_t passes = (blocks + most - 1) / most;

    assert_int_equal(tile->mc % tile->mr, 0);
    assert_true(passes * most - blocks < passes);
}

static void check_kernel(const qf_problem *p, const qf_kernel_id *id)
{
    const qf_recipe_row *recipe = qf_recipe_of(id->recipe);
    const int64_t unit = recipe->op == QF_GRAD_INPUT ? 16 : id->group ? id->group : 1;

    assert_int_equal(qf_codegen_check(id), QF_OK);
    assert_int_equal(recipe->accuracy, p->accuracy);
    assert_int_equal(recipe->op, p->op);
    assert_int_equal(id->quant, p->quant);
    assert_int_equal(id->group, p->group);
    assert_true(id->tile.mr <= p->m);
    assert_int_equal(id->tile.kc % unit, 0);
    if (id->tile.mc) check_passes(p->m, &id->tile);
    assert_true((id->tile.kc > 0) == (recipe->depth == QF_DEPTH_STEPS));
    assert_true((id->tile.mc > 0) == (recipe->depth == QF_DEPTH_STEPS));
}

static void kernels_answer_the_problem_once_each(void **state)
{
    (void)state;
    for (int i = 0; i < PROBLEMS; i++) {
        qf_space space = built(problems[i]);
        qf_problem p;
        assert_int_equal(qf_problem_parse(problems[i], &p), QF_OK);
        assert_true(space.count >= 6);
        for (int a = 0; a < space.count; a++) {
            check_kernel(&p, &space.item[a].kernel);
            for (int b = 0; b < a; b++)
                if (qf_kernel_equal(&space.item[a].kernel, &space.item[b].kernel))
                    fail_msg("%s: twice the same kernel", problems[i]);
        }
        qf_space_release(&space);
    }
}

static void the_order_is_the_priors_and_always_the_same(void **state)
{
    (void)state;
    for (int i = 0; i < PROBLEMS; i++) {
        qf_space a = built(problems[i]), b = built(problems[i]);
        assert_int_equal(a.count, b.count);
        for (int j = 0; j < a.count; j++) {
            assert_true(qf_kernel_equal(&a.item[j].kernel, &b.item[j].kernel));
            assert_true(isfinite(a.item[j].predicted_ns) && a.item[j].predicted_ns > 0);
            if (j) assert_true(a.item[j - 1].predicted_ns <= a.item[j].predicted_ns);
        }
        qf_space_release(&a);
        qf_space_release(&b);
    }
}

static void one_recipe_may_be_asked_for(void **state)
{
    const qf_cpu cpu = machine();
    qf_problem problem;
    qf_space all, some;
    (void)state;
    assert_int_equal(qf_problem_parse(problems[0], &problem), QF_OK);
    assert_int_equal(qf_space_build(&cpu, &problem, QF_RECIPE_COUNT, &all), QF_OK);
    assert_int_equal(qf_space_build(&cpu, &problem, QF_RECIPE_ROWS, &some), QF_OK);
    assert_true(some.count > 0 && some.count < all.count);
    for (int i = 0; i < some.count; i++)
        assert_int_equal(some.item[i].kernel.recipe, QF_RECIPE_ROWS);
    qf_space_release(&all);
    qf_space_release(&some);
    assert_int_equal(qf_space_build(&cpu, &problem, QF_RECIPE_DOT, &some), QF_OK);
    assert_int_equal(some.count, 0); /* of another class */
    qf_space_release(&some);
}

static void a_cpu_without_our_isas_has_no_space(void **state)
{
    qf_cpu cpu = machine();
    qf_problem problem;
    qf_space space;
    (void)state;
    cpu.isas = 1u << QF_ISA_C;
    assert_int_equal(qf_problem_parse(problems[0], &problem), QF_OK);
    assert_int_equal(qf_space_build(&cpu, &problem, QF_RECIPE_COUNT, &space), QF_OK);
    assert_int_equal(space.count, 0);
    qf_space_release(&space);
}

static int grid_of(const qf_space *space)
{
    int grid = space->count;
    for (int i = 0; i < QF_LEFT_OUT_COUNT; i++) grid += space->left_out[i];
    return grid;
}

/* Whatever is asked, the grid is the same: what is not in the space is counted elsewhere. */
static void everything_left_out_has_a_reason(void **state)
{
    (void)state;
    qf_space first = built(problems[0]);
    const int grid = grid_of(&first);
    qf_space_release(&first);
    for (int i = 1; i < PROBLEMS; i++) {
        qf_space space = built(problems[i]);
        assert_int_equal(grid_of(&space), grid);
        assert_true(space.left_out[QF_LEFT_OUT_ISA_MISSING] > 0);
        assert_int_equal(space.left_out[QF_LEFT_OUT_ISA_LESSER], 0); /* AVX2 is the least */
        assert_int_equal(space.left_out[QF_LEFT_OUT_RECIPE], 0);
        qf_space_release(&space);
    }
}

/* The panel recipe holds mr x nr / 8 vectors of C, as many of w and one of x, of 16; each tile
 * comes with five depth steps of three row steps. */
static void spills_are_counted(void **state)
{
    const qf_cpu cpu = machine();
    qf_problem p;
    qf_space space;
    int spilt = 0;
    (void)state;
    for (int mr = 1; mr <= 14; mr++)
        for (int nr = 16; nr <= 64; nr += 16)
            if (mr * nr / 8 + nr / 8 + 1 > 16) spilt += 3 * 5 * 3; /* unrolled three ways */
    assert_int_equal(qf_problem_parse("exact_q4g64_512x4096x4096_t1", &p), QF_OK);
    assert_int_equal(qf_space_build(&cpu, &p, QF_RECIPE_PANEL, &space), QF_OK);
    assert_int_equal(space.left_out[QF_LEFT_OUT_REGISTERS], spilt);
    assert_int_equal(space.left_out[QF_LEFT_OUT_DEPTH], 0);
    assert_true(space.left_out[QF_LEFT_OUT_RECIPE] > 0);
    qf_space_release(&space);

    /* 192 covers 172 columns' depth: 256, 384 and 512 are too many; 2 rows, 12 too few. */
    assert_int_equal(qf_problem_parse("exact_q4g64_2x64x172_t1", &p), QF_OK);
    assert_int_equal(qf_space_build(&cpu, &p, QF_RECIPE_PANEL, &space), QF_OK);
    assert_int_equal(space.left_out[QF_LEFT_OUT_ROWS], 12 * 4 * 3 * 15);
    const int tiles = 2 * 4 * 3 - space.left_out[QF_LEFT_OUT_REGISTERS] / 15;
    assert_int_equal(space.left_out[QF_LEFT_OUT_DEPTH], tiles * 3 * 3);
    qf_space_release(&space);
}

/* What everybody knows about matrix products on such a machine. */
static void the_prior_knows_the_obvious(void **state)
{
    (void)state;
    qf_space large = built("exact_q4g64_512x4096x4096_t1");
    const qf_kernel_id *best = &large.item[0].kernel;
    assert_true(best->recipe == QF_RECIPE_PANEL); /* many rows: dequantise once */
    assert_true(best->tile.mr * best->tile.nr >= 64);
    /* 32 multiply-adds a cycle at 3 GHz are 179 ms; no more than twice that. */
    assert_true(large.item[0].predicted_ns > 80e6 && large.item[0].predicted_ns < 400e6);
    qf_space_release(&large);

    qf_space plain = built("exact_f32_64x1024x1024_t1"); /* weights outgrow L2 */
    assert_int_equal(plain.item[0].kernel.recipe, QF_RECIPE_PANEL);
    qf_space_release(&plain);

    qf_space small = built("exact_q4g64_1x4096x4096_t1");
    const qf_depth depth = qf_recipe_of(small.item[0].kernel.recipe)->depth;
    assert_int_equal(depth, QF_DEPTH_WHOLE); /* one row: nothing to keep */
    qf_space_release(&small);

    const qf_cpu cpu = machine();
    qf_problem p;
    assert_int_equal(qf_problem_parse("fast_q4g64_1x4096x4096_t1", &p), QF_OK);
    const qf_kernel_id id = {QF_RECIPE_DOT, QF_Q4, 64, QF_ISA_AVX2, {1, 32, 2, 0, 0, 0, 0}};
    const double one = qf_prior_ns(&cpu, &p, &id);
    p.n *= 2;
    assert_true(qf_prior_ns(&cpu, &p, &id) > 1.9 * one);
    p.threads = 2;
    assert_true(qf_prior_ns(&cpu, &p, &id) < 1.2 * one);
}

/* A panel of bytes that is read for every row of x has to stay in L1. */
static void unpacked_panels_fit_l1(void **state)
{
    static const struct {
        const char *problem;
        qf_recipe recipe;
    } asked[] = {{"fast_q4g64_128x4096x4096_t1", QF_RECIPE_QUAD},
                 {"fast_q2g64_64x1024x1024_t1", QF_RECIPE_QUAD},
                 {"fine_q3g64_64x1024x512_t1", QF_RECIPE_QUAD2}};
    (void)state;
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++)
        for (int l1 = 32; l1 <= 64; l1 *= 2) {
            qf_cpu cpu = machine();
            qf_problem problem;
            qf_space space;
            cpu.isas |= 1u << QF_ISA_AVX512GFNI, cpu.vector_bytes = 64;
            cpu.cache[0].bytes = l1 << 10;
            assert_int_equal(qf_problem_parse(asked[i].problem, &problem), QF_OK);
            assert_int_equal(qf_space_build(&cpu, &problem, asked[i].recipe, &space), QF_OK);
            const qf_kernel_id *best = &space.item[0].kernel;
            assert_true(best->tile.kc * best->tile.nr <= l1 * 3 / 4 << 10);
            qf_space_release(&space);
        }
}

/* With products of four bytes and 32 registers two panels by eight rows are the best of 21 of
 * 24 spaces measured whole, sixteen rows or more (tests/fixtures/sweeps.db). */
static void eight_rows_where_bytes_multiply_at_once(void **state)
{
    static const char *const asked[] = {
        "fast_q4g64_16x2048x2048_t1", "fast_q3g64_64x1024x1024_t1",
        "fast_q2g64_128x4096x4096_t1", "fast_q4g64_512x4096x4096_t1"};
    (void)state;
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        qf_cpu cpu = machine();
        qf_problem problem;
        qf_space space;
        cpu.isas |= 1u << QF_ISA_AVX512GFNI, cpu.vector_bytes = 64;
        cpu.cache[0].bytes = 48 << 10;
        assert_int_equal(qf_problem_parse(asked[i], &problem), QF_OK);
        assert_int_equal(qf_space_build(&cpu, &problem, QF_RECIPE_COUNT, &space), QF_OK);
        const qf_kernel_id *best = &space.item[0].kernel;
        assert_int_equal(best->recipe, QF_RECIPE_DOT);
        assert_int_equal(best->tile.mr, 8);
        assert_int_equal(best->tile.nr, 32);
        qf_space_release(&space);
    }
}

static double told(const char *problem, const qf_kernel_id *id)
{
    const qf_cpu cpu = machine();
    qf_problem parsed;
    assert_int_equal(qf_problem_parse(problem, &parsed), QF_OK);
    return qf_prior_ns(&cpu, &parsed, id);
}

/* Of four bits, whose sums are widened twice in a group of 64, a tile with fewer vectors of
 * weights beside its sums; where a group is one sum it does not matter. */
static void narrow_where_sums_are_widened_again(void **state)
{
    static const char *const asked[] = {"fast_q3g64_128x4096x4096_t1",
                                        "fast_q4g64_128x4096x4096_t1"};
    const qf_cpu cpu = machine();

    (void)state;
    for (int again = 0; again < 2; again++) {
        qf_kernel_id wide = {QF_RECIPE_QUAD,
                             again ? QF_Q4 : QF_Q3,
                             64,
                             QF_ISA_AVX2,
                             {.mr = 2, .nr = 32, .unroll = 1, .kc = 512, .mc = 128}};
        qf_kernel_id narrow = wide;
        qf_problem problem;
        qf_space space;
        narrow.tile.mr = 4, narrow.tile.nr = 16;
        assert_int_equal(told(asked[again], &narrow) < told(asked[again], &wide), again);
        assert_int_equal(qf_problem_parse(asked[again], &problem), QF_OK);
        assert_int_equal(qf_space_build(&cpu, &problem, QF_RECIPE_COUNT, &space), QF_OK);
        assert_int_equal(space.item[0].kernel.tile.nr, again ? 16 : 32);
        qf_space_release(&space);
    }
}

/* Plain weights of 64 MB come from memory for every block of rows; those of 4 MB stay. */
static void few_passes_over_what_no_cache_holds(void **state)
{
    static const char *const small = "exact_f32_512x1024x1024_t1",
                             *const large = "exact_f32_512x4096x4096_t1";
    qf_kernel_id many = {QF_RECIPE_PANEL,
                         QF_F32,
                         0,
                         QF_ISA_AVX2,
                         {.mr = 6, .nr = 16, .unroll = 4, .kc = 384, .mc = 84}};
    qf_kernel_id few = many;

    (void)state;
    few.tile.mc = 168;
    assert_true(told(small, &many) == told(small, &few));
    assert_true(told(large, &many) > 1.003 * told(large, &few));
}

/* ---- strategies ------------------------------------------------------------------------ */

/* Weights from memory: one stream of them where the prefetchers follow one, several elsewhere.
 */
static void streams_are_as_many_as_the_cpu_follows(void **state)
{
    static const struct {
        const char *vendor;
        int family, model;
        bool one;
    } cpus[] = {{"AuthenticAMD", 0x19, 0x01, false}, {"AuthenticAMD", 0x19, 0x11, true},
                {"AuthenticAMD", 0x19, 0x21, false}, {"AuthenticAMD", 0x19, 0x61, true},
                {"AuthenticAMD", 0x1A, 0x02, true},  {"AuthenticAMD", 0x17, 0x31, false},
                {"GenuineIntel", 0x06, 0xCF, false}, {"GenuineIntel", 0x1A, 0x02, false}};
    static const char *const asked[] = {
        "fast_q4g64_1x4096x4096_t1", "fast_q2g64_2x2048x2048_t1", "fine_q4g64_1x4096x4096_t1",
        "fast_q2g64_4x4096x4096_t1", "fast_q3g64_4x11008x4096_t1"};
    (void)state;
    for (size_t c = 0; c < sizeof cpus / sizeof *cpus; c++)
        for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
            qf_cpu cpu = machine();
            qf_problem problem;
            qf_space space;
            snprintf(cpu.vendor, sizeof cpu.vendor, "%s", cpus[c].vendor);
            cpu.family = cpus[c].family, cpu.model = cpus[c].model;
            assert_int_equal(qf_problem_parse(asked[i], &problem), QF_OK);
            assert_int_equal(qf_space_build(&cpu, &problem, QF_RECIPE_COUNT, &space), QF_OK);
            const qf_kernel_id *best = &space.item[0].kernel;
            if (cpus[c].one)
                assert_int_equal(best->tile.nr, qf_isa_panel(best->isa));
            else if (i == 0)
                assert_true(best->tile.nr > qf_isa_panel(best->isa));
            qf_space_release(&space);
        }
}

/* Weights are fetched ahead from memory alone, by tiles that compute long on them, where that
 * was seen to pay. */
static void what_computes_long_fetches_ahead(void **state)
{
    static const struct {
        const char *problem;
        qf_isa isa;
        int zen4, zen5;
    } cases[] = {{"fast_q4g64_1x4096x4096_t1", QF_ISA_AVX2, 0, 8},
                 {"fast_q4g64_2x4096x4096_t1", QF_ISA_AVX2, 0, 8},
                 {"fast_q4g64_4x4096x4096_t1", QF_ISA_AVX2, QF_PREFETCH_L1, 8},
                 {"fast_q2g64_8x4096x4096_t1", QF_ISA_AVX2, QF_PREFETCH_L1, 8},
                 {"table_q2g64_1x4096x4096_t1", QF_ISA_AVX2, 0, 8},
                 {"fast_q4g64_1x4096x4096_t1", QF_ISA_AVX512GFNI, 0, 0},
                 {"fast_q4g64_2x4096x4096_t1", QF_ISA_AVX512GFNI, 0, 0},
                 {"fast_q4g64_4x4096x4096_t1", QF_ISA_AVX512GFNI, QF_PREFETCH_L1, 8},
                 {"fast_q4g64_8x4096x4096_t1", QF_ISA_AVX512GFNI, QF_PREFETCH_L1, 8},
                 {"fast_q3g64_16x2048x2048_t1", QF_ISA_AVX512GFNI, 0, 0},
                 {"fast_q3g64_16x11008x4096_t1", QF_ISA_AVX512GFNI, QF_PREFETCH_L1, 0},
                 {"table_q2g64_64x4096x4096_t1", QF_ISA_AVX2, 0, 0}}; /* from cache */
    (void)state;
    for (size_t i = 0; i < 3 * sizeof cases / sizeof *cases; i++) {
        const bool zen4 = i % 3 == 1, zen5 = i % 3 == 2;
        qf_cpu cpu = machine();
        qf_problem problem;
        qf_space space;
        cpu.isas |= 1u << cases[i / 3].isa;
        cpu.vector_bytes = qf_isa_of(cases[i / 3].isa)->vector_bytes;
        if (zen4 || zen5) snprintf(cpu.vendor, sizeof cpu.vendor, "AuthenticAMD");
        if (zen4) cpu.family = 0x19, cpu.model = 0x11;
        if (zen5) cpu.family = 0x1A, cpu.model = 2;
        assert_int_equal(qf_problem_parse(cases[i / 3].problem, &problem), QF_OK);
        assert_int_equal(qf_space_build(&cpu, &problem, QF_RECIPE_COUNT, &space), QF_OK);
        const qf_kernel_id *best = &space.item[0].kernel;
        const int due = zen4 ? cases[i / 3].zen4 : zen5 ? cases[i / 3].zen5 : 0;
        if (best->tile.prefetch != due)
            fail_msg("%s, %s: pf %d instead of %d", cases[i / 3].problem,
                     zen4   ? "Zen 4"
                     : zen5 ? "Zen 5"
                            : "neither",
                     best->tile.prefetch, due);
        qf_space_release(&space);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_computes_long_fetches_ahead),
        cmocka_unit_test(streams_are_as_many_as_the_cpu_follows),
        cmocka_unit_test(kernels_answer_the_problem_once_each),
        cmocka_unit_test(everything_left_out_has_a_reason),
        cmocka_unit_test(spills_are_counted),
        cmocka_unit_test(the_order_is_the_priors_and_always_the_same),
        cmocka_unit_test(one_recipe_may_be_asked_for),
        cmocka_unit_test(a_cpu_without_our_isas_has_no_space),
        cmocka_unit_test(the_prior_knows_the_obvious),
        cmocka_unit_test(unpacked_panels_fit_l1),
        cmocka_unit_test(eight_rows_where_bytes_multiply_at_once),
        cmocka_unit_test(narrow_where_sums_are_widened_again),
        cmocka_unit_test(few_passes_over_what_no_cache_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
