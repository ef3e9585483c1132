/* test_accuracy.c -- how far the classes of accuracy are from the product of the same weights
 * and unrounded activations, for activations as models have them and for even ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>

#include "problem.h"
#include "qforge/codegen.h"
#include "qforge/cpu.h"
#include "qforge/memory.h"
#include "qforge/source.h"

enum { N = 48, K = 1024 };

static qf_pool *pool;

/* What must hold, as shares: of the Frobenius norm a product of independent factors has (one
 * row's own may be small by chance), for normal and for even activations; and of the largest
 * activation of a group for every one of them, where classes round those. */
typedef struct bounds {
    qf_accuracy accuracy;
    double normal, even, each;
} bounds;

/* Half a step of 16 bits is 1.53e-5 of the largest; evenly spread over the step that is
 * 0.88e-5 in the mean, and the largest of 64 normal ones is 2.4 times the mean, of even ones
 * 1.7 times. */
static const bounds classes[] = {
    {QF_EXACT, 2e-6, 2e-6, 0}, {QF_FINE, 3e-5, 2.1e-5, 1.56e-5}, {QF_FAST, 8e-3, 6e-3, 4.0e-3}};

static double largest_of(const float *x, int64_t count)
{
    double most = 0;
    for (int64_t i = 0; i < count; i++) most = fmax(most, fabs((double)x[i]));
    return most;
}

/* sum over groups of max |x| times sum |w| */
static double reach_of(const float *x, const float *w, int group)
{
    double reach = 0;
    for (int64_t i = 0; i < K; i += group) {
        double sum = 0;
        for (int64_t t = i; t < i + group; t++) sum += fabs((double)w[t]);
        reach += largest_of(x + i, group) * sum;
    }
    return reach;
}

/* Returns the error over the product, by Frobenius norms; the product's as expected. */
static double error_of(const bounds *b, const float *x, const check_weights *weights,
                       const float *y, int64_t m)
{
    double error = 0, whole = 0;

    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < N; j++) {
            const float *a = x + i * K, *w = weights->w + j * K;
            double value = 0, magnitude = 0, aa = 0, ww = 0;
            for (int64_t t = 0; t < K; t++) {
                value += (double)a[t] * w[t];
                magnitude += fabs((double)a[t] * w[t]);
                aa += (double)a[t] * a[t], ww += (double)w[t] * w[t];
            }
            const double off = fabs(y[i * N + j] - value);
            const double allowed = b->each * reach_of(a, w, weights->matrix.group);
            if (b->each > 0 && off > allowed + 2e-6 * magnitude)
                fail_msg("%s: off by %g, allowed %g", qf_accuracy_of(b->accuracy)->name, off,
                         allowed);
            error += off * off, whole += aa * ww / K;
        }
    return sqrt(error / whole);
}

static void check_class(const qf_kernel_source *source, const bounds *b, qf_quant quant,
                        int group, int64_t m, qf_random *random)
{
    const qf_layout layout = qf_source_layout(source, b->accuracy, quant, group);
    check_weights weights;
    qf_packed packed;
    qf_gemm gemm;

    check_weights_init(&weights, random, quant, group, N, K);
    check_weights_pack(&weights, &layout, &packed);
    float *x = qf_alloc_array((size_t)(m * K), sizeof *x), *y = qf_alloc((size_t)(m * N) * 4);
    assert_int_equal(qf_gemm_plan(source, &packed, b->accuracy, QF_FORWARD, m, pool, &gemm),
                     QF_OK);
    void *workspace = qf_alloc(qf_gemm_workspace(&gemm));
    for (int even = 0; even < 2; even++) {
        for (int64_t i = 0; i < m * K; i++)
            x[i] = (float)(even ? 2 * qf_random_unit(random) - 1 : qf_random_normal(random));
        qf_gemm_run(&gemm, x, K, y, N, m, false, workspace);
        /* Weights have a mean, by which a row's errors add up: one row says little. */
        const double most = (m == 1 ? 2 : 1) * (even ? b->even : b->normal);
        const double error = error_of(b, x, &weights, y, m);
        if (!(error <= most))
            fail_msg("%s, %s, group %d, %d rows, %s: %.3g of the product, at most %.3g",
                     qf_accuracy_of(b->accuracy)->name, qf_quant_of(quant)->name, group, (int)m,
                     even ? "even" : "normal", error, most);
        if (m == 32 && quant == QF_Q4 && group == 64)
            print_message("%s, %s activations: %.3g\n", qf_accuracy_of(b->accuracy)->name,
                          even ? "even" : "normal", error);
    }
    qf_free(workspace);
    qf_free(x);
    qf_free(y);
    qf_packed_release(&packed);
    check_weights_release(&weights);
}

static void check_source(const qf_kernel_source *source)
{
    static const int groups[] = {32, 64, 128};
    static const int64_t rows[] = {1, 8, 32};
    qf_random random = qf_random_init(21, 0);

    for (size_t c = 0; c < sizeof classes / sizeof *classes; c++)
        for (int q = 0; q < QF_QUANT_COUNT; q++)
            for (int g = 0; q != QF_F32 && g < 3; g++)
                for (int r = 0; r < 3; r++)
                    check_class(source, &classes[c], (qf_quant)q, groups[g], rows[r], &random);
}

static void the_reference_is_as_accurate_as_told(void **state)
{
    (void)state;
    check_source(&qf_reference_source);
}

static void kernels_are_as_accurate_as_told(void **state)
{
    qf_cpu cpu;
    qf_jit *jit;
    qf_tuned *tuned;

    (void)state;
    if (qf_cpu_detect(&cpu) != QF_OK) fail_msg("%s", qf_message());
    if (qf_cpu_best_isa(&cpu) == QF_ISA_C) skip();
    assert_int_equal(qf_jit_create(NULL, &jit), QF_OK);
    assert_int_equal(qf_tuned_create(&cpu, jit, NULL, &tuned), QF_OK);
    check_source(qf_tuned_source(tuned));
    qf_tuned_destroy(tuned);
    qf_jit_destroy(jit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_reference_is_as_accurate_as_told),
        cmocka_unit_test(kernels_are_as_accurate_as_told),
    };
    if (qf_pool_create(1, &pool) != QF_OK) return 1;
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    qf_pool_destroy(pool);
    return failed;
}
