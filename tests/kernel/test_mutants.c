/* test_mutants.c -- real kernels with one instruction spoilt, in every way emitters go wrong:
 * the judge must find each of them guilty. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "autotune/judge.h"
#include "mutant.h"
#include "qforge/cpu.h"
#include "qforge/gemm.h"

/* Of every kernel and fault, spread over all there are; edges are few, and each matters. */
enum { PLACES = 5, EDGES = 40 };

static qf_isa native;

/* Of every recipe a narrow tile and a wide one.  What is left over by unrolled loops is
 * depth that ends anywhere, which only plain weights have. */
static qf_kernel_id kernel_of(qf_recipe recipe, bool wide)
{
    const qf_recipe_row *row = qf_recipe_of(recipe);
    const bool steps = row->depth == QF_DEPTH_STEPS;
    const bool plain = wide && row->formats == QF_FORMATS_ANY;
    const int panels = wide && row->op == QF_FORWARD ? 2 : 1;
    qf_kernel_id id = {.recipe = recipe,
                       .quant = wide ? QF_Q3 : QF_Q4,
                       .group = 64,
                       .isa = native,
                       .tile = {.mr = 2, .nr = panels * qf_isa_panel(native), .unroll = 1}};

    if (plain) id.quant = QF_F32, id.group = 0, id.tile.unroll = 4;
    if (!qf_recipe_reads(recipe, id.quant)) id.quant = QF_Q2;
    if (steps) id.tile.kc = 128, id.tile.mc = 4;
    /* What is for lesser instruction sets alone runs on this one too. */
    if (row->formats == QF_FORMATS_TWO_BITS && qf_isa_of(native)->bytes == QF_BYTES_DOTS &&
        strcmp(qf_isa_of(native)->arch, qf_isa_of(QF_ISA_AVX2)->arch) == 0)
        id.isa = QF_ISA_AVX2, id.tile.nr = panels * qf_isa_panel(QF_ISA_AVX2);
    if (qf_codegen_check(&id) != QF_OK) id.tile.mr = 1; /* fewer registers */
    return id;
}

/* SAME_CODE: the fault changed no code, as where the compiler sees that nothing depends on it;
 * there is nothing to be caught. */
typedef enum fate { CAUGHT, MISSED, SAME_CODE, FATES } fate;

static fate fate_of(const qf_kernel_id *id, check_fault fault, int site, char text[256])
{
    qf_kernel kernel = {.id = *id};
    qf_validation v = {.verdict = QF_VERDICT_OK, .detail = "same code"};
    qf_jit *jit;
    char name[QF_NAME_MAX];

    assert_int_equal(qf_jit_create(NULL, &jit), QF_OK);
    const bool differs = check_mutant_load(jit, id, fault, site);
    assert_int_equal(qf_jit_get(jit, id, &kernel.run, NULL), QF_OK);
    if (differs) assert_int_equal(qf_judge(&kernel, 1, 1.5, &v), QF_OK);
    qf_jit_destroy(jit);
    qf_kernel_print(id, name);
    snprintf(text, 256, "%s, %s, place %d: %s", name, check_fault_name(fault), site, v.detail);
    return !differs ? SAME_CODE : v.verdict == QF_VERDICT_OK ? MISSED : CAUGHT;
}

static void try_places(const qf_kernel_id *id, check_fault fault, int count[FATES])
{
    const int sites = check_fault_sites(id, fault);
    const int most = fault == CHECK_EDGE_OVER || fault == CHECK_EDGE_UNDER ? EDGES : PLACES;
    const int places = sites < most ? sites : most;
    char text[256];

    for (int i = 0; i < places; i++) {
        /* Spread, and not always the first. */
        const int site = (int)(((int64_t)i * sites + sites / 2) / places);
        const fate how = fate_of(id, fault, site, text);
        count[how]++;
        if (how != CAUGHT) print_message("%s: %s\n", how == MISSED ? "missed" : "none", text);
    }
}

/* Or no mutant would ever be counted as the same code. */
static void what_is_not_spoilt_is_the_same_code(void **state)
{
    char text[256];

    (void)state;
    if (native == QF_ISA_C) skip();
    const qf_kernel_id id = kernel_of(QF_RECIPE_PANEL, false);
    const int sites = check_fault_sites(&id, CHECK_LOAD_BEHIND);
    assert_int_equal(fate_of(&id, CHECK_LOAD_BEHIND, sites, text), SAME_CODE);
    assert_int_equal(fate_of(&id, CHECK_LOAD_BEHIND, sites - 1, text), CAUGHT);
}

static void every_mutant_is_caught(void **state)
{
    int count[FATES] = {0};

    (void)state;
    if (native == QF_ISA_C) skip();
    for (int r = 0; r < 2 * QF_RECIPE_COUNT; r++) {
        const bool wide = r % 2;
        const qf_kernel_id id = kernel_of((qf_recipe)(r / 2), wide);
        /* Still too few; or not for anything of this architecture. */
        if ((wide || id.recipe == QF_RECIPE_LOOKUP) && qf_codegen_check(&id) != QF_OK) continue;
        for (int fault = 0; fault < CHECK_FAULT_COUNT; fault++)
            try_places(&id, (check_fault)fault, count);
    }
    print_message("%d mutants, %d missed; %d more were the same code\n",
                  count[CAUGHT] + count[MISSED], count[MISSED], count[SAME_CODE]);
    assert_true(count[CAUGHT] > 200);
    assert_int_equal(count[MISSED], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_not_spoilt_is_the_same_code),
                                       cmocka_unit_test(every_mutant_is_caught)};
    qf_cpu cpu;
    if (qf_cpu_detect(&cpu) != QF_OK) return 1;
    native = qf_cpu_best_isa(&cpu);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
