/* test_emitted.c -- kernels the tuner can pick, before the judge.  Every format, recipe and
 * row count comes up; of the tiles a different sample for every format, because all of them
 * take minutes: QFORGE_EVERY_KERNEL=1 takes them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autotune/judge.h"
#include "autotune/space.h"
#include "qforge/codegen.h"

enum { SAMPLE = 3, SYMBOLS_MAX = 512 };

static qf_cpu cpu;
static qf_jit *jit;
static int judged;

static void judge(const qf_kernel_id *id)
{
    qf_kernel kernel = {.id = *id};
    qf_validation v;
    char name[QF_NAME_MAX];

    qf_kernel_print(id, name);
    if (qf_jit_get(jit, id, &kernel.run, NULL) != QF_OK) fail_msg("%s: %s", name, qf_message());
    if (qf_judge(&kernel, 7, 20, &v) != QF_OK) fail_msg("%s: %s", name, qf_message());
    if (v.verdict != QF_VERDICT_OK)
        fail_msg("%s: %s: %s", name, qf_verdict_name(v.verdict), v.detail);
    judged++;
}

/* Depth and row steps do not reach the code: one kernel per symbol, each time with its
 * own steps. */
static int distinct(const qf_space *space, int index[SYMBOLS_MAX])
{
    static char seen[SYMBOLS_MAX][QF_NAME_MAX];
    int count = 0;

    for (int i = 0; i < space->count; i++) {
        char symbol[QF_NAME_MAX];
        int j = 0;
        qf_kernel_symbol(&space->item[i].kernel, symbol);
        while (j < count && strcmp(seen[j], symbol) != 0) j++;
        if (j < count) continue;
        assert_true(count < SYMBOLS_MAX);
        memcpy(seen[count], symbol, sizeof symbol);
        index[count++] = i;
    }
    return count;
}

static void judge_some(const qf_problem *problem, qf_recipe recipe, int salt)
{
    const char *every = getenv("QFORGE_EVERY_KERNEL");
    int index[SYMBOLS_MAX];
    qf_space space;

    assert_int_equal(qf_space_build(&cpu, problem, recipe, &space), QF_OK);
    const int count = distinct(&space, index);
    const int stride = every && *every == '1' ? 1 : (count + SAMPLE - 1) / SAMPLE;
    for (int i = salt % stride; i < count; i += stride) judge(&space.item[index[i]].kernel);
    qf_space_release(&space);
}

static void judge_recipe(qf_recipe recipe)
{
    static const int groups[] = {32, 64, 128};
    const qf_recipe_row *row = qf_recipe_of(recipe);
    qf_problem p = {row->accuracy, row->op, QF_F32, 0, 64, 256, 384, 1};

    for (int q = 0; q < QF_QUANT_COUNT; q++) {
        p.quant = (qf_quant)q;
        if (q == QF_F32) {
            p.group = 0;
            if (row->formats == QF_FORMATS_ANY) judge_some(&p, recipe, 5);
            continue;
        }
        for (int g = 0; g < 3; g++) {
            p.group = groups[g];
            judge_some(&p, recipe, 7 * q + 3 * g + (int)recipe);
        }
    }
}

/* As if this instruction set were the best here. */
static void judge_isa(qf_isa isa)
{
    judged = 0;
    cpu.isas = 1u << isa;
    for (int r = 0; r < QF_RECIPE_COUNT; r++) judge_recipe((qf_recipe)r);
    print_message("%s: %d kernels\n", qf_isa_of(isa)->name, judged);
    assert_true(judged >= 12 * QF_RECIPE_COUNT);
}

static void emitted_kernels_are_right(void **state)
{
    (void)state;
    if (qf_cpu_detect(&cpu) != QF_OK) fail_msg("%s", qf_message());
    if (qf_cpu_best_isa(&cpu) == QF_ISA_C) skip();
    assert_int_equal(qf_jit_create(NULL, &jit), QF_OK);
    const uint32_t usable = cpu.isas;
    for (int isa = 0; isa < QF_ISA_COUNT; isa++)
        if (isa != QF_ISA_C && usable >> isa & 1) judge_isa((qf_isa)isa);
    qf_jit_destroy(jit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(emitted_kernels_are_right)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
