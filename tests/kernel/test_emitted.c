/* test_emitted.c -- kernels the tuner can pick, before the judge.  Every format, recipe and
 * row count comes up; of the tiles a different sample for every format, because all of them
 * take minutes: QFORGE_EVERY_KERNEL=1 takes them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "autotune/judge.h"
#include "catalogue.h"
#include "qforge/codegen.h"
#include "qforge/cpu.h"

enum { SAMPLE = 3 };

static qf_jit *jit;

static void judge(void *context, const qf_kernel_id *id)
{
    qf_kernel kernel = {.id = *id};
    qf_validation v;
    char name[QF_NAME_MAX];

    (void)context;
    qf_kernel_print(id, name);
    if (qf_jit_get(jit, id, &kernel.run, NULL) != QF_OK) fail_msg("%s: %s", name, qf_message());
    if (qf_judge(&kernel, 7, 20, &v) != QF_OK) fail_msg("%s: %s", name, qf_message());
    if (v.verdict != QF_VERDICT_OK)
        fail_msg("%s: %s: %s", name, qf_verdict_name(v.verdict), v.detail);
}

static void judge_isa(qf_isa isa)
{
    const char *every = getenv("QFORGE_EVERY_KERNEL");
    const int judged = check_catalogue(isa, every && *every == '1' ? 0 : SAMPLE, judge, NULL);

    print_message("%s: %d kernels\n", qf_isa_of(isa)->name, judged);
    assert_true(judged >= 12 * QF_RECIPE_COUNT);
}

static void emitted_kernels_are_right(void **state)
{
    qf_cpu cpu;
    (void)state;
    if (qf_cpu_detect(&cpu) != QF_OK) fail_msg("%s", qf_message());
    if (qf_cpu_best_isa(&cpu) == QF_ISA_C) skip();
    assert_int_equal(qf_jit_create(NULL, &jit), QF_OK);
    for (int isa = 0; isa < QF_ISA_COUNT; isa++)
        if (isa != QF_ISA_C && qf_cpu_runs(&cpu, (qf_isa)isa)) judge_isa((qf_isa)isa);
    qf_jit_destroy(jit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(emitted_kernels_are_right)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
