/* test_judge.c -- the judge lets the reference and every emitted tile through and catches
 * kernels broken in the ways kernels break. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "autotune/judge.h"
#include "qforge/activations.h"
#include "qforge/gemm.h"

static const qf_kernel_id panel = {
    QF_RECIPE_PANEL, QF_Q4, 32, QF_ISA_C, {3, 16, 1, 64, 6, 0, 0}};
static const qf_kernel_id rows = {QF_RECIPE_ROWS, QF_Q3, 64, QF_ISA_C, {2, 32, 2, 0, 0, 0, 0}};
static const qf_kernel_id plain = {QF_RECIPE_ROWS, QF_F32, 0, QF_ISA_C, {4, 16, 1, 0, 0, 0, 0}};
static const qf_kernel_id grad = {QF_RECIPE_GRAD, QF_Q2, 32, QF_ISA_C, {3, 16, 1, 32, 6, 0, 0}};
static const qf_kernel_id dot = {QF_RECIPE_DOT, QF_Q8, 32, QF_ISA_C, {2, 16, 1, 0, 0, 0, 0}};
static const qf_kernel_id quad = {
    QF_RECIPE_QUAD, QF_Q4, 64, QF_ISA_C, {2, 16, 1, 128, 4, 0, 0}};
static const qf_kernel_id two = {
    QF_RECIPE_QUAD2, QF_Q4, 32, QF_ISA_C, {3, 16, 1, 128, 6, 0, 0}};
static const qf_kernel_id three = {QF_RECIPE_DOT3, QF_Q2, 64, QF_ISA_C, {2, 16, 1, 0, 0, 0, 0}};

static qf_validation judged(const qf_kernel_id *id, qf_gemm_fn *run)
{
    const qf_kernel kernel = {*id, run, QF_RUNG_REFERENCE};
    qf_validation validation;
    if (qf_judge(&kernel, 1, 1.5, &validation) != QF_OK) fail_msg("%s", qf_message());
    return validation;
}

static void expect(const qf_kernel_id *id, qf_gemm_fn *run, qf_verdict verdict, const char *say)
{
    const qf_validation v = judged(id, run);
    char name[QF_NAME_MAX];
    qf_kernel_print(id, name);
    if (v.verdict != verdict || !strstr(v.detail, say))
        fail_msg("%s: %s after %d (%s)", name, qf_verdict_name(v.verdict), v.cases, v.detail);
}

/* ---- the innocent ---------------------------------------------------------------------- */

static void the_reference_is_right(void **state)
{
    static const qf_kernel_id *const ids[] = {&panel, &rows, &plain, &grad,
                                              &dot,   &quad, &two,   &three};
    (void)state;
    for (int i = 0; i < 8; i++) {
        const qf_validation v = judged(ids[i], qf_reference_gemm);
        if (v.verdict != QF_VERDICT_OK) fail_msg("recipe %d: %s", ids[i]->recipe, v.detail);
        assert_true(v.cases > 100);
        assert_true(v.worst_error > 0 && v.worst_error <= 1);
    }
}

/* A sample in this very process: about as many hearings as asked for, whatever the stride,
 * and all kinds of numbers among them. */
static int random_ones, accumulating, with_tail;

static void watch(const qf_gemm_args *args)
{
    const float x = *(const float *)args->a;
    random_ones += x != (float)(int)x;
    accumulating += args->accumulate != 0;
    with_tail += args->tail_k != 0;
    qf_reference_gemm(args);
}

static void a_sample_is_of_everything(void **state)
{
    static const int strides[] = {1, 2, 3, 6, 7, 14, 21, 25, 42};
    const qf_kernel kernel = {panel, watch, QF_RUNG_REFERENCE};
    const int all = judged(&panel, qf_reference_gemm).cases;
    qf_validation v;
    (void)state;

    for (size_t i = 0; i < sizeof strides / sizeof *strides; i++) {
        random_ones = accumulating = with_tail = 0;
        assert_int_equal(qf_judge_here(&kernel, 1, strides[i], &v), QF_OK);
        assert_int_equal(v.verdict, QF_VERDICT_OK);
        if (strides[i] == 1) assert_int_equal(v.cases, all);
        assert_in_range(v.cases, all / (strides[i] + 5), all / strides[i] + 1);
        assert_true(random_ones && accumulating && with_tail);
    }
    assert_int_equal(qf_judge_here(&kernel, 1, 100000, &v), QF_OK);
    assert_int_equal(v.cases, 1);
}

/* ---- the guilty ------------------------------------------------------------------------ */

static void forgets_last_column(const qf_gemm_args *args)
{
    qf_gemm_args less = *args;
    if (less.n % 16 && less.n > 1) less.n--;
    qf_reference_gemm(&less);
}

static void ignores_accumulate(const qf_gemm_args *args)
{
    qf_gemm_args plainly = *args;
    plainly.accumulate = 0;
    qf_reference_gemm(&plainly);
}

static void ignores_the_tail(const qf_gemm_args *args)
{
    qf_gemm_args less = *args;
    less.tail_k = 0;
    qf_reference_gemm(&less);
}

static void ends_the_tail_early(const qf_gemm_args *args)
{
    qf_gemm_args less = *args;
    less.tail_k -= args->tail_k > 1;
    qf_reference_gemm(&less);
}

static void always_accumulates(const qf_gemm_args *args)
{
    qf_gemm_args added = *args;
    added.accumulate = 1;
    qf_reference_gemm(&added);
}

static void ends_depth_early(const qf_gemm_args *args)
{
    qf_gemm_args less = *args;
    less.k -= args->id->group ? args->id->group : 1;
    if (less.k > 0) qf_reference_gemm(&less);
}

static void ignores_ldc(const qf_gemm_args *args)
{
    qf_gemm_args dense = *args;
    dense.ldc = args->n;
    qf_reference_gemm(&dense);
}

/* Rows beyond the last block: reads the padding as if it were rows. */
static void swaps_lanes(const qf_gemm_args *args)
{
    qf_reference_gemm(args);
    if (args->n < 8) return;
    for (int64_t i = 0; i < args->m; i++) {
        float *c = args->c + i * args->ldc;
        const float kept = c[3];
        c[3] = c[7], c[7] = kept;
    }
}

static void rounds_to_half(const qf_gemm_args *args)
{
    qf_reference_gemm(args);
    for (int64_t i = 0; i < args->m; i++)
        for (int64_t j = 0; j < args->n; j++) args->c[i * args->ldc + j] *= 1 + 0x1p-14f;
}

/* What is left when the last digit of activations is dropped. */
static void forgets_a_plane(const qf_gemm_args *args)
{
    const int planes = qf_recipe_of(args->id->recipe)->planes, mr = args->id->tile.mr;
    const int group = args->id->group;
    const int64_t blocks = (args->m + mr - 1) / mr;
    uint8_t *a = malloc((size_t)(blocks * args->a_stride));
    qf_gemm_args less = *args;

    memcpy(a, args->a, (size_t)(blocks * args->a_stride));
    for (int64_t b = 0; b < blocks; b++)
        for (int64_t g = 0; g < args->k / group; g++) {
            uint8_t *x = a + b * args->a_stride + g * mr * (8 + planes * group) + 8 * mr;
            for (int i = 0; i < group / 4 * mr; i++)
                memset(x + 4 * (i * planes + planes - 1), 0, 4);
        }
    less.a = a;
    qf_reference_gemm(&less);
    free(a);
}

/* What 16-bit sums do to the largest codes and activations. */
static void saturates(const qf_gemm_args *args)
{
    qf_reference_gemm(args);
    for (int64_t i = 0; i < args->m; i++)
        for (int64_t j = 0; j < args->n; j++) {
            float *c = &args->c[i * args->ldc + j];
            if (*c > 127 * 255 * 20) *c -= 127 * 2 * 255 - 32767;
        }
}

static void stores_one_past(const qf_gemm_args *args)
{
    qf_reference_gemm(args);
    args->c[(args->m - 1) * args->ldc + args->n] = 0;
}

static void stores_one_before(const qf_gemm_args *args)
{
    qf_reference_gemm(args);
    args->c[-1] = 0;
}

static void stores_into_the_gap(const qf_gemm_args *args)
{
    qf_reference_gemm(args);
    if (args->ldc > args->n && args->m > 1) args->c[args->n] = 0;
}

static volatile uint8_t sink;

static void reads_weights_past_the_end(const qf_gemm_args *args)
{
    const int panels = (int)((args->n + 15) / 16);
    qf_reference_gemm(args);
    sink = args->w[panels * args->w_stride];
}

static void reads_weights_before(const qf_gemm_args *args)
{
    qf_reference_gemm(args);
    sink = args->w[-1];
}

static void reads_activations_past_the_end(const qf_gemm_args *args)
{
    const int64_t blocks = (args->m + args->id->tile.mr - 1) / args->id->tile.mr;
    qf_reference_gemm(args);
    sink = ((const uint8_t *)args->a)[blocks * args->a_stride];
}

static void overruns_scratch(const qf_gemm_args *args)
{
    qf_reference_gemm(args);
    ((uint8_t *)args->scratch)[qf_kernel_scratch(args->id)] = 1;
}

static void writes_its_weights(const qf_gemm_args *args)
{
    ((uint8_t *)(uintptr_t)args->w)[0] ^= 1;
    qf_reference_gemm(args);
}

static void leaks_the_padding(const qf_gemm_args *args)
{
    qf_gemm_args wide = *args;
    float row[64];
    qf_reference_gemm(args);
    if (args->n % 16 == 0 || args->n > 48) return;
    wide.m = 1, wide.n = (args->n + 15) / 16 * 16, wide.c = row, wide.accumulate = 0;
    qf_reference_gemm(&wide);
    args->c[0] += 0 * row[wide.n - 1];
}

static void executes_nonsense(const qf_gemm_args *args)
{
    (void)args;
    __builtin_trap();
}

static void loops_forever(const qf_gemm_args *args)
{
    (void)args;
    for (;;) sink++;
}

static void leaves_the_process(const qf_gemm_args *args)
{
    (void)args;
    _exit(0);
}

static void wrong_results_are_caught(void **state)
{
    static const qf_kernel_id *const ids[] = {&panel, &rows, &plain, &grad,
                                              &dot,   &quad, &two,   &three};
    (void)state;
    for (int i = 0; i < 8; i++) {
        expect(ids[i], forgets_last_column, QF_VERDICT_WRONG, "wants");
        expect(ids[i], ignores_accumulate, QF_VERDICT_WRONG, "wants");
        expect(ids[i], always_accumulates, QF_VERDICT_WRONG, "wants");
        if (ids[i] != &grad) {
            expect(ids[i], ignores_the_tail, QF_VERDICT_WRONG, "wants");
            expect(ids[i], ends_the_tail_early, QF_VERDICT_WRONG, "wants");
        }
        expect(ids[i], ignores_ldc, QF_VERDICT_WRONG, "");
        expect(ids[i], swaps_lanes, QF_VERDICT_WRONG, "wants");
        expect(ids[i], rounds_to_half, QF_VERDICT_WRONG, "wants");
    }
    expect(&dot, ends_depth_early, QF_VERDICT_WRONG, "wants");
    expect(&plain, ends_depth_early, QF_VERDICT_WRONG, "wants");
    expect(&dot, saturates, QF_VERDICT_WRONG, "extreme");
    expect(&two, forgets_a_plane, QF_VERDICT_WRONG, "wants");
    expect(&three, forgets_a_plane, QF_VERDICT_WRONG, "wants");
    expect(&dot, leaks_the_padding, QF_VERDICT_WRONG, "nan");
    expect(&plain, leaks_the_padding, QF_VERDICT_WRONG, "nan");
}

static void stepping_out_of_bounds_is_caught(void **state)
{
    static const qf_kernel_id *const ids[] = {&panel, &rows, &plain, &grad,
                                              &dot,   &quad, &two,   &three};
    (void)state;
    for (int i = 0; i < 8; i++) {
        expect(ids[i], stores_one_past, QF_VERDICT_CRASH, "Segmentation");
        expect(ids[i], reads_activations_past_the_end, QF_VERDICT_CRASH, "Segmentation");
        expect(ids[i], reads_weights_before, QF_VERDICT_CRASH, "Segmentation");
        expect(ids[i], writes_its_weights, QF_VERDICT_CRASH, "Segmentation");
        expect(ids[i], stores_into_the_gap, QF_VERDICT_WRONG, "past the end of row 0");
    }
    /* Before the first of a buffer flush with its end lies slack: seen at once there. */
    expect(&rows, stores_one_before, QF_VERDICT_WRONG, "outside c");
    expect(&rows, reads_weights_past_the_end, QF_VERDICT_CRASH, "Segmentation");
    expect(&panel, overruns_scratch, QF_VERDICT_CRASH, "Segmentation");
    expect(&quad, overruns_scratch, QF_VERDICT_CRASH, "Segmentation");
}

static void crashes_and_hangs_are_verdicts(void **state)
{
    (void)state;
    expect(&rows, executes_nonsense, QF_VERDICT_CRASH, "llegal instruction");
    expect(&rows, loops_forever, QF_VERDICT_TIMEOUT, "did not return");
    expect(&rows, leaves_the_process, QF_VERDICT_CRASH, "ended the process");
}

static void the_verdict_is_the_same_every_time(void **state)
{
    (void)state;
    const qf_validation a = judged(&dot, qf_reference_gemm);
    const qf_validation b = judged(&dot, qf_reference_gemm);
    assert_int_equal(a.cases, b.cases);
    assert_true(a.worst_error == b.worst_error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_reference_is_right),
        cmocka_unit_test(a_sample_is_of_everything),
        cmocka_unit_test(wrong_results_are_caught),
        cmocka_unit_test(stepping_out_of_bounds_is_caught),
        cmocka_unit_test(crashes_and_hangs_are_verdicts),
        cmocka_unit_test(the_verdict_is_the_same_every_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
