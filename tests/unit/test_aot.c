/* test_aot.c -- kernels compiled ahead of time: which row of a table answers, what the
 * result is, what is refused.  The plain C kernel, which obeys any name, stands for all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "qforge/aot.h"
#include "qforge/gemm.h"

enum { N = 40, K = 100, GROUP = 32, GROUPS = 4, M = 30 };

static int calls;

static void called(const qf_gemm_args *args)
{
    calls++;
    qf_reference_gemm(args);
}

/* Rows of the reference's own instruction set run everywhere. */
#define ROW(problem, kernel)                                                                   \
    {                                                                                          \
        problem, kernel, called, QF_CODE_ABI                                                   \
    }
static const qf_aot_kernel table[] = {
    ROW("fast_q4g32_1x4096x4096_t1", "gemm_q4g32_dot_c_1x16_u1"),
    ROW("fast_q4g32_512x4096x4096_t1", "gemm_q4g32_quad_c_4x16_u1_kc64_mc8"),
    ROW("exact_q3g32_16x64x64_t1", "gemm_q3g32_panel_c_4x16_u1_kc64_mc8"),
    {0}};

typedef struct matrix {
    uint8_t code[N * K];
    float scale[N * GROUPS], offset[N * GROUPS], x[M * K], y[M * N];
} matrix;

static void fill(matrix *m, int bits)
{
    unsigned state = 7;
    for (int i = 0; i < N * K; i++)
        m->code[i] = (uint8_t)((state = state * 69069 + 1) >> 16 & ((1u << bits) - 1));
    for (int i = 0; i < N * GROUPS; i++) {
        m->scale[i] = (float)(1 + i % 5) / 64;
        m->offset[i] = (float)(i % 7 - 3) / 32;
    }
    for (int i = 0; i < M * K; i++)
        m->x[i] = (float)((state = state * 69069 + 1) >> 20) / 4096 - 0.5f;
}

static void check(const matrix *m, int rows, double share)
{
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < N; j++) {
            double sum = 0, size = 0;
            for (int k = 0; k < K; k++) {
                const int g = j * GROUPS + k / GROUP;
                const double w =
                    (double)m->scale[g] * m->code[j * K + k] + (double)m->offset[g];
                sum += (double)m->x[i * K + k] * w;
                size += fabs((double)m->x[i * K + k] * w);
            }
            assert_true(fabs((double)m->y[i * N + j] - sum) <= share * size + 1e-6);
        }
}

/* Computes with the table and compares; the kernel that answered must be `kernel`. */
static void answers(const char *kernel, const char *accuracy, int bits, int rows, double share)
{
    matrix *m = calloc(1, sizeof *m);
    qf_aot *aot = qf_aot_open(table);
    assert_non_null(m);
    assert_non_null(aot);
    fill(m, bits);
    qf_aot_weights *w =
        qf_aot_pack(aot, accuracy, bits, GROUP, N, K, m->code, m->scale, m->offset);
    assert_non_null(w);
    qf_aot_product *p = qf_aot_plan(w, rows, NULL);
    assert_non_null(p);
    assert_string_equal(qf_aot_kernel_name(p), kernel);
    assert_int_equal(*qf_aot_kernel_problem(p) == 0, strcmp(kernel, "reference") == 0);
    char *space = malloc(qf_aot_workspace(p) + 1);
    assert_non_null(space);
    calls = 0;
    for (int odd = 0; odd < 2; odd++) { /* of any alignment */
        memset(m->y, 0x7f, sizeof m->y);
        assert_int_equal(qf_aot_run(p, m->x, K, m->y, N, rows, 0, space + odd), 0);
        check(m, rows, share);
    }
    assert_int_equal(calls > 0, strcmp(kernel, "reference") != 0);
    free(space);
    qf_aot_product_free(p);
    qf_aot_weights_free(w);
    qf_aot_close(aot);
    free(m);
}

static void nearest_kernel_answers(void **state)
{
    (void)state;
    answers("gemm_q4g32_dot_c_1x16_u1", "fast", 4, 1, 0.02);
    answers("gemm_q4g32_dot_c_1x16_u1", "fast", 4, 3, 0.02);
    answers("gemm_q4g32_quad_c_4x16_u1_kc64_mc8", "fast", 4, M, 0.05);
    answers("gemm_q3g32_panel_c_4x16_u1_kc64_mc8", "exact", 3, M, 1e-6);
    /* What the table lacks: a width, a class. */
    answers("reference", "fast", 2, M, 0.05);
    answers("reference", "exact", 4, 2, 1e-6);
}

static void adds_into(void **state)
{
    (void)state;
    matrix *m = calloc(1, sizeof *m);
    qf_aot *aot = qf_aot_open(table);
    assert_true(m && aot);
    fill(m, 3);
    qf_aot_weights *w = qf_aot_pack(aot, "exact", 3, GROUP, N, K, m->code, m->scale, m->offset);
    qf_aot_team *team = qf_aot_team_create(2);
    qf_aot_product *p = qf_aot_plan(w, M, team);
    assert_non_null(p);
    void *space = malloc(qf_aot_workspace(p));
    assert_int_equal(qf_aot_run(p, m->x, K, m->y, N, M, 0, space), 0);
    assert_int_equal(qf_aot_run(p, m->x, K, m->y, N, M, 1, space), 0);
    for (int i = 0; i < M * N; i++) m->y[i] /= 2;
    check(m, M, 1e-6);
    /* Sizes that do not fit leave y alone. */
    const float before = m->y[0];
    assert_int_equal(qf_aot_run(p, m->x, K, m->y, N, M + 1, 0, space), -1);
    assert_int_equal(qf_aot_run(p, m->x, K - 1, m->y, N, M, 0, space), -1);
    assert_int_equal(qf_aot_run(p, m->x, K, m->y, N - 1, M, 0, space), -1);
    assert_int_equal(qf_aot_run(p, m->x, K, m->y, N, -1, 0, space), -1);
    assert_true(*qf_aot_error() && m->y[0] == before);
    free(space);
    qf_aot_product_free(p);
    qf_aot_team_free(team);
    qf_aot_weights_free(w);
    qf_aot_close(aot);
    free(m);
}

static void bad_tables_are_refused(void **state)
{
    (void)state;
    static const qf_aot_kernel old[] = {
        {"fast_q4g32_1x64x64_t1", "gemm_q4g32_dot_c_1x16_u1", called, QF_CODE_ABI + 1}, {0}};
    static const qf_aot_kernel garbled[] = {ROW("fast_q4g32_1x64", "gemm_q4g32_dot_c_1x16_u1"),
                                            {0}};
    static const qf_aot_kernel empty[] = {{0}};
    assert_null(qf_aot_open(old));
    assert_non_null(strstr(qf_aot_error(), "version"));
    assert_null(qf_aot_open(garbled));
    qf_aot *aot = qf_aot_open(empty);
    assert_non_null(aot);
    assert_string_equal(qf_aot_isa(aot), "c");
    qf_aot_close(aot);
    setenv("QFORGE_ISA", "teleport", 1);
    assert_null(qf_aot_open(table));
    assert_non_null(strstr(qf_aot_error(), "teleport"));
    unsetenv("QFORGE_ISA");
}

static void bad_matrices_are_refused(void **state)
{
    (void)state;
    matrix *m = calloc(1, sizeof *m);
    qf_aot *aot = qf_aot_open(table);
    assert_true(m && aot);
    fill(m, 4);
#define REFUSED(accuracy, bits, group, n, k)                                                   \
    assert_null(qf_aot_pack(aot, accuracy, bits, group, n, k, m->code, m->scale, m->offset));  \
    assert_true(*qf_aot_error())
    REFUSED("quick", 4, GROUP, N, K);
    REFUSED("fast", 5, GROUP, N, K);
    REFUSED("fast", 32, GROUP, N, K);
    REFUSED("fast", 4, 0, N, K);
    REFUSED("fast", 4, 48, N, K);
    REFUSED("fast", 4, GROUP, 0, K);
    REFUSED("fast", 4, GROUP, N, -1);
    REFUSED("fast", 4, GROUP, INT64_MAX, 1);
    REFUSED("fast", 3, GROUP, N, K); /* codes of four bits */
    m->scale[3] = INFINITY;
    REFUSED("fast", 4, GROUP, N, K);
    m->scale[3] = 1e6f; /* no number of 16 bits */
    REFUSED("fast", 4, GROUP, N, K);
    m->scale[3] = 1;
    qf_aot_weights *w = qf_aot_pack(aot, "fast", 4, GROUP, N, K, m->code, m->scale, m->offset);
    assert_non_null(w);
    assert_null(qf_aot_plan(w, 0, NULL));
    assert_null(qf_aot_plan(w, INT64_MAX, NULL));
    qf_aot_weights_free(w);
    qf_aot_close(aot);
    free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nearest_kernel_answers),
        cmocka_unit_test(adds_into),
        cmocka_unit_test(bad_tables_are_refused),
        cmocka_unit_test(bad_matrices_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
