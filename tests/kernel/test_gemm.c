/* test_gemm.c -- whole products (packing, loops, threads, kernels) against the
 * definition in double, for every format, group, class, direction and source. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "problem.h"
#include "qforge/codegen.h"
#include "qforge/cpu.h"
#include "qforge/memory.h"

static qf_pool *pool;

/* y = x w^T (forward) or x w (grad) in double, with sum |x||w| for the error bound. */
static void oracle(const float *x, const float *w, int64_t i, int64_t j, int64_t n, int64_t k,
                   qf_op op, double *value, double *magnitude)
{
    const int64_t depth = op == QF_FORWARD ? k : n;
    *value = *magnitude = 0;
    for (int64_t d = 0; d < depth; d++) {
        const double weight = op == QF_FORWARD ? w[j * k + d] : w[d * k + j];
        *value += x[i * depth + d] * weight;
        *magnitude += fabs(x[i * depth + d] * weight);
    }
}

/* The most that rounded tables can be off in all: an entry counts once for the low bits and
 * twice for the high ones, and is off by half a step. */
static double table_error(const check_weights *weights, const float *x, int64_t j, int group)
{
    const int64_t k = weights->matrix.k, groups = qf_groups(k, group);
    double error = 0;

    for (int64_t g = 0; g < groups; g++) {
        double most = 0;
        const int64_t end = (g + 1) * group < k ? (g + 1) * group : k;
        for (int64_t i = g * group; i < end; i += 4) {
            double half = 0;
            for (int64_t t = i; t < i + 4 && t < end; t++) half += 0.5 * fabs((double)x[t]);
            most = fmax(most, half);
        }
        error += 1.5 * group / 4 * most / 127 * fabs((double)weights->scale[j * groups + g]);
    }
    return 1.002 * error;
}

static void check_product(const qf_kernel_source *source, const qf_problem *problem,
                          bool accumulate, qf_random *random)
{
    check_weights weights;
    qf_packed packed;
    qf_gemm gemm;
    const int64_t m = problem->m, n = problem->n, k = problem->k;
    const bool forward = problem->op == QF_FORWARD;
    const int64_t depth = forward ? k : n, columns = forward ? n : k, ldy = columns + 3;
    const qf_layout layout =
        qf_source_layout(source, problem->accuracy, problem->quant, problem->group);
    char name[QF_NAME_MAX], kernel[QF_NAME_MAX];

    check_weights_init(&weights, random, problem->quant, problem->group, n, k);
    check_weights_pack(&weights, &layout, &packed);
    float *x = check_random_floats(random, m * depth);
    float *y = check_random_floats(random, m * ldy);
    float *before = qf_alloc_array((size_t)(m * ldy), sizeof *before);
    memcpy(before, y, (size_t)(m * ldy) * sizeof *y);
    assert_int_equal(
        qf_gemm_plan(source, &packed, problem->accuracy, problem->op, m, pool, &gemm), QF_OK);
    qf_problem_print(problem, name);
    qf_kernel_print(&gemm.kernel.id, kernel);
    void *workspace = qf_alloc(qf_gemm_workspace(&gemm));
    qf_gemm_run(&gemm, x, depth, y, ldy, m, accumulate, workspace);

    for (int64_t i = 0; gemm.problem.accuracy == QF_FAST && i < m; i++)
        check_quantise_activations(x + i * k, k, problem->group, x + i * k);
    for (int64_t i = 0; i < m; i++) {
        for (int64_t j = columns; j < ldy; j++) /* beyond the row: untouched */
            assert_memory_equal(&y[i * ldy + j], &before[i * ldy + j], sizeof *y);
        for (int64_t j = 0; j < columns; j++) {
            double value, magnitude;
            oracle(x, weights.w, i, j, n, k, problem->op, &value, &magnitude);
            if (accumulate) value += before[i * ldy + j];
            /* (depth + 4) roundings of eps = 2^-24 for the sum, the same again for the
             * weights' and the activations' own. */
            double bound = 2 * (double)(depth + 4) * 0x1p-24 *
                           (magnitude + fabs((double)before[i * ldy + j]) + 1);
            if (gemm.problem.accuracy == QF_TABLE)
                bound += table_error(&weights, x + i * k, j, problem->group);
            if (!(fabs(y[i * ldy + j] - value) <= bound))
                fail_msg("%s by %s: y[%lld][%lld] is %g, wants %g +- %g", name, kernel,
                         (long long)i, (long long)j, (double)y[i * ldy + j], value, bound);
        }
    }
    qf_free(workspace);
    qf_free(before);
    qf_free(y);
    qf_free(x);
    qf_packed_release(&packed);
    check_weights_release(&weights);
}

static void check_format(const qf_kernel_source *source, qf_problem problem, bool accumulate,
                         qf_random *random)
{
    problem.accuracy = QF_EXACT, problem.op = QF_FORWARD;
    check_product(source, &problem, accumulate, random);
    if (problem.quant == QF_F32) return;
    problem.op = QF_GRAD_INPUT;
    check_product(source, &problem, accumulate, random);
    problem.accuracy = QF_FAST, problem.op = QF_FORWARD;
    check_product(source, &problem, accumulate, random);
    if (problem.quant != QF_Q2) return;
    problem.accuracy = QF_TABLE;
    check_product(source, &problem, accumulate, random);
}

static void check_source(const qf_kernel_source *source)
{
    static const int64_t shapes[][3] = {{1, 1, 1},    {1, 17, 33},   {2, 16, 32},
                                        {3, 31, 172}, {5, 64, 64},   {7, 100, 96},
                                        {9, 48, 300}, {19, 33, 129}, {33, 80, 257}};
    qf_random random = qf_random_init(1, 0);

    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        qf_problem problem = {.m = shapes[s][0],
                              .n = shapes[s][1],
                              .k = shapes[s][2],
                              .quant = QF_F32,
                              .threads = qf_pool_threads(pool)};
        check_format(source, problem, s % 2, &random);
        for (problem.quant = 0; problem.quant < QF_F32; problem.quant++)
            for (problem.group = 32; problem.group <= 128; problem.group *= 2)
                check_format(source, problem, s % 2, &random);
    }
}

/* A tail is what a product and then another, and then a bias, would have added. */
static void check_tail(const qf_kernel_source *source, qf_problem problem, int rank, bool bias,
                       qf_random *random)
{
    const int64_t m = problem.m, n = problem.n, k = problem.k, depth = rank + bias;
    const qf_layout layout =
        qf_source_layout(source, problem.accuracy, problem.quant, problem.group);
    const qf_layout plain = qf_source_layout(source, QF_EXACT, QF_F32, 0);
    check_weights weights;
    qf_packed packed, tail_packed;
    qf_gemm gemm;

    check_weights_init(&weights, random, problem.quant, problem.group, n, k);
    check_weights_pack(&weights, &layout, &packed);
    float *w = check_random_floats(random, n * depth), *x = check_random_floats(random, m * k);
    float *tail_x = check_random_floats(random, m * (rank + 1));
    float *want = check_random_floats(random, m * n);
    float *got = qf_alloc_array((size_t)(m * n), sizeof *got);
    memcpy(got, want, (size_t)(m * n) * sizeof *got);
    assert_int_equal(qf_pack_f32(&plain, w, depth, n, depth, &tail_packed), QF_OK);
    assert_int_equal(
        qf_gemm_plan(source, &packed, problem.accuracy, QF_FORWARD, m, pool, &gemm), QF_OK);
    void *workspace = qf_alloc(qf_gemm_workspace(&gemm));
    const qf_tail tail = {&tail_packed, rank ? tail_x : NULL, rank + 1, bias,
                          qf_alloc(qf_tail_workspace(&gemm, depth))};

    qf_gemm_run(&gemm, x, k, want, n, m, true, workspace);
    qf_gemm_run_tail(&gemm, x, k, got, n, m, true, &tail, workspace);
    for (int64_t i = 0; i < m * n; i++) {
        double value = want[i], magnitude = fabs((double)want[i]) + 20;
        for (int t = 0; t < depth; t++) {
            const double product =
                (t < rank ? (double)tail_x[i / n * (rank + 1) + t] : 1) * w[i % n * depth + t];
            value += product;
            magnitude += fabs(product);
        }
        if (!(fabs(got[i] - value) <= (double)(k + depth + 8) * 0x1p-23 * magnitude))
            fail_msg("tail of %d, bias %d: y[%lld] is %g, wants %g", rank, bias, (long long)i,
                     (double)got[i], value);
    }
    qf_free(tail.workspace);
    qf_free(workspace);
    qf_free(got);
    qf_free(want);
    qf_free(tail_x);
    qf_free(x);
    qf_free(w);
    qf_packed_release(&tail_packed);
    qf_packed_release(&packed);
    check_weights_release(&weights);
}

static void check_tails(const qf_kernel_source *source)
{
    static const int64_t shapes[][3] = {{1, 1, 1}, {3, 33, 172}, {7, 100, 96}, {19, 70, 300}};
    qf_random random = qf_random_init(3, 0);

    for (size_t s = 0; s < 4; s++) {
        qf_problem problem = {.op = QF_FORWARD,
                              .quant = QF_Q3,
                              .group = 64,
                              .m = shapes[s][0],
                              .n = shapes[s][1],
                              .k = shapes[s][2],
                              .threads = qf_pool_threads(pool)};
        for (int accuracy = 0; accuracy < QF_ACCURACY_COUNT; accuracy++) {
            problem.accuracy = (qf_accuracy)accuracy;
            check_tail(source, problem, 0, true, &random);
            check_tail(source, problem, 8, false, &random);
            check_tail(source, problem, 3, true, &random);
        }
        problem.accuracy = QF_TABLE, problem.quant = QF_Q2;
        check_tail(source, problem, 3, true, &random);
        problem.accuracy = QF_EXACT, problem.quant = QF_F32, problem.group = 0;
        check_tail(source, problem, 5, true, &random);
    }
}

static void test_reference(void **state)
{
    (void)state;
    check_source(&qf_reference_source);
    check_tails(&qf_reference_source);
}

static void check_sgemm(const qf_kernel_source *source, qf_sgemm_shape shape, bool accumulate,
                        qf_random *random)
{
    const int64_t m = shape.m, n = shape.n, k = shape.k;
    qf_sgemm sgemm;

    assert_int_equal(qf_sgemm_plan(source, shape, pool, &sgemm), QF_OK);
    float *a = check_random_floats(random, m * k), *b = check_random_floats(random, k * n);
    float *c = check_random_floats(random, m * n);
    float *before = qf_alloc_array((size_t)(m * n), sizeof *before);
    memcpy(before, c, (size_t)(m * n) * sizeof *c);
    void *workspace = qf_alloc(qf_sgemm_workspace(&sgemm));
    qf_sgemm_run(&sgemm, m, n, k, a, shape.a_transposed ? m : k, b, shape.b_transposed ? k : n,
                 c, n, accumulate, workspace);
    for (int64_t i = 0; i < m; i++) {
        for (int64_t j = 0; j < n; j++) {
            double value = accumulate ? before[i * n + j] : 0, magnitude = fabs(value);
            for (int64_t d = 0; d < k; d++) {
                const double left = shape.a_transposed ? a[d * m + i] : a[i * k + d];
                const double right = shape.b_transposed ? b[j * k + d] : b[d * n + j];
                value += left * right;
                magnitude += fabs(left * right);
            }
            if (!(fabs(c[i * n + j] - value) <= (double)(k + 2) * 0x1p-24 * magnitude))
                fail_msg("%lldx%lldx%lld: c[%lld][%lld] is %g, wants %g", (long long)m,
                         (long long)n, (long long)k, (long long)i, (long long)j,
                         (double)c[i * n + j], value);
        }
    }
    qf_free(workspace);
    qf_free(before);
    qf_free(c);
    qf_free(b);
    qf_free(a);
}

static void check_plain_products(const qf_kernel_source *source)
{
    qf_random random = qf_random_init(2, 0);
    for (int round = 0; round < 48; round++) {
        const qf_sgemm_shape shape = {1 + qf_random_below(&random, 70),
                                      1 + qf_random_below(&random, 70),
                                      1 + qf_random_below(&random, 600), round & 1, round & 2};
        check_sgemm(source, shape, round & 4, &random);
    }
}

static void test_reference_sgemm(void **state)
{
    (void)state;
    check_plain_products(&qf_reference_source);
}

/* ---- emitted kernels ---- */

static qf_jit *jit;

/* The first recipe of the class, with a tile drawn from (m, n, k): over the run of the
 * test many tiles meet many shapes. */
static qf_status find_emitted(void *self, const qf_problem *problem, qf_kernel *kernel)
{
    static const qf_tile tiles[] = {{6, 16, 1, 128, 12, 0, 0}, {4, 16, 2, 256, 0, 0, 0},
                                    {3, 32, 4, 128, 6, 0, 0},  {1, 64, 1, 128, 0, 0, 0},
                                    {2, 32, 1, 384, 8, 0, 0},  {5, 16, 1, 128, 5, 0, 0}};
    const qf_isa isa = *(const qf_isa *)self;
    const size_t count = sizeof tiles / sizeof *tiles;
    const size_t first = (size_t)(problem->m * 7 + problem->n * 3 + problem->k) % count;

    for (int r = 0; r < QF_RECIPE_COUNT; r++) {
        const int recipe = (int)((r + problem->m) % QF_RECIPE_COUNT);
        const qf_recipe_row *row = qf_recipe_of((qf_recipe)recipe);
        if (row->accuracy != problem->accuracy || row->op != problem->op) continue;
        for (size_t t = 0; t < count; t++) {
            qf_kernel_id id = {(qf_recipe)recipe, problem->quant, problem->group, isa,
                               tiles[(first + t) % count]};
            if (row->depth == QF_DEPTH_WHOLE) id.tile.kc = id.tile.mc = 0;
            if (qf_codegen_check(&id) != QF_OK) continue;
            *kernel = (qf_kernel){.id = id};
            return qf_jit_get(jit, &id, &kernel->run, NULL);
        }
    }
    return QF_UNSUPPORTED;
}

static void test_emitted(void **state)
{
    qf_cpu cpu;
    (void)state;
    assert_int_equal(qf_cpu_detect(&cpu), QF_OK);
    assert_int_equal(qf_jit_create(NULL, &jit), QF_OK);
    for (int i = QF_ISA_C + 1; i < QF_ISA_COUNT; i++) {
        qf_isa isa = (qf_isa)i;
        if (!qf_cpu_runs(&cpu, isa)) continue;
        const qf_kernel_source source = {&isa, isa, find_emitted};
        check_source(&source);
        check_tails(&source);
        check_plain_products(&source);
    }
    qf_jit_destroy(jit);
}

/* Integer kernels that take depth in steps of 128. */
static qf_status find_stepped(void *self, const qf_problem *problem, qf_kernel *kernel)
{
    const qf_isa isa = *(const qf_isa *)self;

    for (int recipe = 0; recipe < QF_RECIPE_COUNT; recipe++) {
        const qf_recipe_row *row = qf_recipe_of((qf_recipe)recipe);
        if (row->accuracy != problem->accuracy || row->planes == 0) continue;
        if (row->op != problem->op || row->depth == QF_DEPTH_WHOLE) continue;
        for (int mr = 4; mr > 0; mr--) {
            const qf_tile tile = {mr, qf_isa_panel(isa), 1, 128, 0, 0, 0};
            const qf_kernel_id id = {(qf_recipe)recipe, problem->quant, problem->group, isa,
                                     tile};
            if (qf_codegen_check(&id) != QF_OK) continue;
            *kernel = (qf_kernel){.id = id};
            return qf_jit_get(jit, &id, &kernel->run, NULL);
        }
    }
    return QF_UNSUPPORTED;
}

/* Results larger than what is stepped over at once: every piece, the last narrower than the
 * others, gets every step, and a tail once. */
static void test_pieces(void **state)
{
    qf_cpu cpu;
    qf_random random = qf_random_init(4, 0);
    const qf_problem problem = {.accuracy = QF_FAST,
                                .quant = QF_Q4,
                                .group = 64,
                                .m = 130,
                                .n = 1170,
                                .k = 300,
                                .threads = qf_pool_threads(pool)};
    (void)state;
    assert_int_equal(qf_cpu_detect(&cpu), QF_OK);
    assert_int_equal(qf_jit_create(NULL, &jit), QF_OK);
    for (int i = QF_ISA_C + 1; i < QF_ISA_COUNT; i++) {
        qf_isa isa = (qf_isa)i;
        if (!qf_cpu_runs(&cpu, isa)) continue;
        const qf_kernel_source source = {&isa, isa, find_stepped};
        check_product(&source, &problem, false, &random);
        check_product(&source, &problem, true, &random);
        check_tail(&source, problem, 8, true, &random);
    }
    qf_jit_destroy(jit);
}

static int make_pool(void **state)
{
    (void)state;
    return qf_pool_create(2, &pool) != QF_OK;
}

static int drop_pool(void **state)
{
    (void)state;
    qf_pool_destroy(pool);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reference),
        cmocka_unit_test(test_reference_sgemm),
        cmocka_unit_test(test_emitted),
        cmocka_unit_test(test_pieces),
    };
    return cmocka_run_group_tests(tests, make_pool, drop_pool);
}
