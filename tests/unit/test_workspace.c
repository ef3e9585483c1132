/* test_workspace.c -- where a product's threads have their scratch: inside the workspace, a
 * page apart, and not behind the activations, which all of them read on and on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdint.h>

#include "qforge/gemm.h"
#include "qforge/memory.h"

enum { M = 12, N = 256, K = 256, THREADS = 4, PAGE = 4096 };

/* By the thread's columns; every call of a thread must say the same. */
static struct {
    const uint8_t *scratch, *a;
    int calls;
} seen[THREADS];
static const float *result;

static void look(const qf_gemm_args *args)
{
    const int64_t column = (args->c - result) % N;
    const int part = (int)(column * THREADS / N);

    if (seen[part].calls++ && seen[part].scratch != args->scratch) seen[part].scratch = NULL;
    if (seen[part].calls == 1) seen[part].scratch = args->scratch;
    if (!seen[part].a || (const uint8_t *)args->a < seen[part].a) seen[part].a = args->a;
}

static void scratches_lie_apart(void **state)
{
    const qf_kernel kernel = {.id = {QF_RECIPE_QUAD,
                                     QF_Q4,
                                     64,
                                     QF_ISA_AVX2,
                                     {.mr = 4, .nr = 16, .unroll = 1, .kc = 128, .mc = 12}},
                              .run = look};
    static float x[M * K], y[M * N];
    const qf_layout layout = qf_layout_of(&kernel.id);
    const int64_t need = qf_kernel_scratch(&kernel.id);
    qf_packed packed;
    qf_pool *pool;
    qf_gemm gemm;

    (void)state;
    result = y;
    assert_true(need > 0);
    assert_int_equal(qf_packed_create(&layout, N, K, &packed), QF_OK);
    assert_int_equal(qf_pool_create(THREADS, &pool), QF_OK);
    assert_int_equal(qf_gemm_with(&kernel, &packed, M, pool, &gemm), QF_OK);
    const size_t bytes = qf_gemm_workspace(&gemm);
    uint8_t *workspace = qf_alloc(bytes);
    assert_non_null(workspace);
    qf_gemm_run(&gemm, x, K, y, N, M, false, workspace);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(seen[i].calls, K / 128);
        assert_non_null(seen[i].scratch);
        assert_int_equal((uintptr_t)seen[i].scratch % QF_ALIGNMENT, 0);
        assert_true(seen[i].scratch >= workspace);
        assert_true(seen[i].scratch + need + PAGE <= seen[i].a);
        assert_true(seen[i].a < workspace + bytes);
        if (i) assert_true(seen[i - 1].scratch + need + PAGE <= seen[i].scratch);
    }
    qf_free(workspace);
    qf_pool_destroy(pool);
    qf_packed_release(&packed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(scratches_lie_apart)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
