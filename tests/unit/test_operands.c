/* test_operands.c -- subjects on one problem take its copies of the weights in one round, so
 * that none is left warm by another; a part of the weights is its first columns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "autotune/operands.h"
#include "qforge/pack.h"

static const void *seen[64];
static int calls;

static void watch(const qf_gemm_args *args)
{
    if (calls < 64) seen[calls++] = args->w;
    qf_reference_gemm(args);
}

static const qf_kernel_id id = {QF_RECIPE_ROWS, QF_Q4, 32, QF_ISA_C, {1, 16, 1, 0, 0, 0, 0}};

/* Of a machine that has nothing but C. */
static qf_operands made(const char *name, qf_cache_mode cache)
{
    qf_cpu cpu;
    qf_problem problem;
    qf_operands operands;

    assert_int_equal(qf_cpu_detect(&cpu), QF_OK);
    cpu.isas = 1u << QF_ISA_C;
    assert_int_equal(qf_problem_parse(name, &problem), QF_OK);
    assert_int_equal(qf_operands_init(&cpu, &problem, cache, NULL, &operands), QF_OK);
    return operands;
}

static void subjects_share_one_round(void **state)
{
    const qf_kernel kernel = {id, watch, QF_RUNG_REFERENCE};
    qf_subject a, b;

    (void)state;
    qf_operands operands = made("exact_q4g32_1x16x2097152_t1", QF_COLD);
    assert_true(operands.copies >= 4);
    assert_int_equal(qf_subject_init(&operands, &kernel, &a), QF_OK);
    assert_int_equal(qf_subject_init(&operands, &kernel, &b), QF_OK);
    qf_subject_run(&a);
    qf_subject_run(&b);
    qf_subject_run(&b);
    qf_subject_run(&a);
    assert_int_equal(calls, 4);
    const size_t bytes = (size_t)(operands.weights.panels * operands.weights.panel_bytes);
    for (int i = 0; i < 4; i++) {
        assert_ptr_equal(seen[i], qf_operands_copy(&operands, i));
        assert_memory_equal(seen[i], seen[0], bytes);
        /* Nothing that is read lies close behind. */
        if (i)
            assert_true((const uint8_t *)seen[i] >=
                        (const uint8_t *)seen[i - 1] + bytes + 4096);
    }
    /* The check of a newcomer goes on in it as well. */
    assert_int_equal(qf_subject_check(&b), QF_OK);
    assert_ptr_equal(seen[4], qf_operands_copy(&operands, 4 % operands.copies));
    qf_subject_release(&a);
    qf_subject_release(&b);
    qf_operands_release(&operands);
}

static void a_part_computes_the_first_columns_alone(void **state)
{
    const qf_kernel kernel = {id, qf_reference_gemm, QF_RUNG_REFERENCE};
    qf_subject all, part;
    float whole[48];

    (void)state;
    qf_operands operands = made("exact_q4g32_12x48x64_t1", QF_WARM);
    assert_int_equal(operands.weights.panels, 3);
    assert_int_equal(qf_subject_init(&operands, &kernel, &all), QF_OK);
    assert_int_equal(qf_subject_init_part(&operands, &kernel, 2, &part), QF_OK);
    qf_subject_run(&all);
    memcpy(whole, operands.y, sizeof whole);
    for (int j = 0; j < 48; j++) operands.y[j] = -1e30f;
    qf_subject_run(&part);
    for (int j = 0; j < 48; j++) assert_true(operands.y[j] == (j < 32 ? whole[j] : -1e30f));
    qf_subject_release(&all);
    qf_subject_release(&part);
    qf_operands_release(&operands);
}

static void samples_are_taken_in_all_places(void **state)
{
    const qf_kernel kernel = {id, qf_reference_gemm, QF_RUNG_REFERENCE};
    bool been[64] = {false};
    qf_subject subject;
    float first[16];

    (void)state;
    qf_operands operands = made("exact_q4g32_3x16x64_t1", QF_WARM);
    assert_int_equal(qf_subject_init(&operands, &kernel, &subject), QF_OK);
    const qf_side side = qf_subject_side(&subject);
    side.call(side.context);
    memcpy(first, operands.y, sizeof first);
    for (int i = 0; i < 64; i++) {
        side.turn(side.context);
        assert_true(subject.place % 64 == 0 && subject.place >= 0 && subject.place < 4096);
        assert_false(been[subject.place / 64]);
        been[subject.place / 64] = true;
        memset(operands.y, 0xFF, sizeof first);
        side.call(side.context);
        assert_memory_equal(operands.y, first, sizeof first);
    }
    qf_subject_release(&subject);
    qf_operands_release(&operands);
}

static void modes_have_their_copies(void **state)
{
    const qf_cache l2 = {.level = 2, .kind = 'u', .bytes = 64 << 10},
                   l3 = {.level = 3, .kind = 'u', .bytes = 1 << 20};
    qf_cpu cpu;
    qf_problem problem;

    (void)state;
    assert_int_equal(qf_cpu_detect(&cpu), QF_OK);
    cpu.isas = 1u << QF_ISA_C;
    cpu.cache[0] = l2, cpu.cache[1] = l3, cpu.caches = 2;
    assert_int_equal(qf_problem_parse("exact_q4g32_1x64x512_t1", &problem), QF_OK);
    for (int mode = 0; mode < QF_CACHE_MODE_COUNT; mode++) {
        qf_operands o;
        assert_int_equal(qf_operands_init(&cpu, &problem, (qf_cache_mode)mode, NULL, &o),
                         QF_OK);
        const int64_t bytes = o.weights.panels * o.weights.panel_bytes;
        assert_true(bytes > 16 << 10 && bytes < 64 << 10);
        const int64_t all = o.copies * bytes;
        if (mode == QF_HOT) assert_int_equal(o.copies, 1);
        if (mode == QF_WARM) assert_true(all > 128 << 10 && all - bytes <= 128 << 10);
        if (mode == QF_COLD) assert_true(all > 4 << 20);
        for (int i = 1; i < o.copies; i++)
            assert_memory_equal(qf_operands_copy(&o, i), o.weights.bytes, (size_t)bytes);
        qf_operands_release(&o);
    }
}

/* Kilobytes of this process's pages that were read since they were marked as old; below 0 where
 * that cannot be told. */
static long referenced(bool forget)
{
    char line[256];
    long sum = 0, one;
    FILE *file = fopen("/proc/self/clear_refs", "w");
    if (!file) return -1;
    if (forget) fputs("1", file);
    if (fclose(file) != 0) return -1;
    file = fopen("/proc/self/smaps", "r");
    if (!file) return -1;
    while (fgets(line, sizeof line, file))
        if (sscanf(line, "Referenced: %ld kB", &one) == 1) sum += one;
    fclose(file);
    return sum;
}

static void every_page_of_the_weights_is_touched(void **state)
{
    qf_operands o = made("fast_q4g32_1x2048x512_t1", QF_COLD);
    const long size = (long)qf_operands_weight_bytes(&o) / 1024;

    (void)state;
    /* The system, which looks at these marks too, may take them away meanwhile, and pages whose
     * translations are still at hand get none: once is enough. */
    bool all = false;
    for (int attempt = 0; attempt < 20 && !all; attempt++) {
        const long before = referenced(true);
        if (before < 0 || before > size / 2) {
            qf_operands_release(&o);
            skip();
        }
        const float *y = o.y;
        assert_int_equal(qf_operands_after_fork(&o), QF_OK);
        assert_ptr_not_equal(o.y, y);
        all = referenced(false) >= before + size - size / 50;
    }
    assert_true(all);
    qf_operands_release(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(subjects_share_one_round),
        cmocka_unit_test(a_part_computes_the_first_columns_alone),
        cmocka_unit_test(samples_are_taken_in_all_places),
        cmocka_unit_test(modes_have_their_copies),
        cmocka_unit_test(every_page_of_the_weights_is_touched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
