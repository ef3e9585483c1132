/* test_equal_code.c -- no product is timed twice under two names: candidates that are the same
 * code, byte for byte, go through the depth or the rows in other steps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autotune/space.h"
#include "qforge/codegen.h"
#include "qforge/memory.h"

static const char *const problems[] = {
    "fast_q4g64_1x2048x2048_t1", "fast_q2g64_3x512x512_t1", "fast_q3g32_8x256x512_t1",
    "exact_q4g64_2x256x512_t1",  "exact_f32_2x96x500_t1",   "exact_grad_q2g32_2x160x72_t1"};
enum { PROBLEMS = sizeof problems / sizeof *problems };

typedef struct product {
    char hash[17];
    int64_t depth, rows; /* of a step */
    const qf_kernel_id *kernel;
} product;

static int64_t least(int64_t step, int64_t all)
{
    return step > 0 && step < all ? step : all;
}

static int by_what_runs(const void *a, const void *b)
{
    const product *x = a, *y = b;
    const int order = strcmp(x->hash, y->hash);
    if (order) return order;
    if (x->depth != y->depth) return x->depth < y->depth ? -1 : 1;
    return (x->rows > y->rows) - (x->rows < y->rows);
}

static int emit_all(qf_jit *jit, const qf_problem *p, const qf_space *space, product *made)
{
    const int64_t depth = p->op == QF_FORWARD ? p->k : p->n;
    qf_gemm_fn *run;
    int count = 0;

    for (int i = 0; i < space->count; i++) {
        const qf_kernel_id *id = &space->item[i].kernel;
        product *next = &made[count];
        *next = (product){"", least(id->tile.kc, depth), least(id->tile.mc, p->m), id};
        count += qf_jit_get(jit, id, &run, next->hash) == QF_OK;
    }
    return count;
}

static void no_two_candidates_run_alike(void **state)
{
    qf_cpu cpu;
    qf_jit *jit;
    int same_code = 0;

    (void)state;
    if (qf_cpu_detect(&cpu) != QF_OK || qf_cpu_best_isa(&cpu) == QF_ISA_C) skip();
    assert_int_equal(qf_jit_create(NULL, &jit), QF_OK);
    for (int i = 0; i < PROBLEMS; i++) {
        qf_problem problem;
        qf_space space;
        assert_int_equal(qf_problem_parse(problems[i], &problem), QF_OK);
        assert_int_equal(qf_space_build(&cpu, &problem, QF_RECIPE_COUNT, &space), QF_OK);
        product *made = qf_alloc_array((size_t)space.count + 1, sizeof *made);
        assert_non_null(made);
        const int count = emit_all(jit, &problem, &space, made);
        assert_in_range(count, 8, space.count);
        qsort(made, (size_t)count, sizeof *made, by_what_runs);
        for (int j = 1; j < count; j++) {
            char a[QF_NAME_MAX], b[QF_NAME_MAX];
            same_code += strcmp(made[j - 1].hash, made[j].hash) == 0;
            qf_kernel_print(made[j - 1].kernel, a);
            qf_kernel_print(made[j].kernel, b);
            if (by_what_runs(&made[j - 1], &made[j]) == 0) fail_msg("%s is %s", a, b);
        }
        qf_free(made);
        qf_space_release(&space);
    }
    assert_true(same_code > 0); /* so steps are what was told apart by */
    qf_jit_destroy(jit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(no_two_candidates_run_alike)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
