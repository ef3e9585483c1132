/* test_peer_error.c -- that a peer computes something else does not go unnoticed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "cli/peer.h"
#include "qforge/random.h"

enum { M = 7, N = 24, K = 96 };
static float w[N * K], x[M * K], y[M * K];

/* As bench gemm makes them: weights all positive, activations normal. */
static qf_problem product(qf_op op)
{
    qf_random random = qf_random_init(5, 0);
    const qf_problem problem = {.op = op, .quant = QF_F32, .m = M, .n = N, .k = K};

    for (int i = 0; i < N * K; i++) w[i] = 0.01f + 0.01f * (float)qf_random_unit(&random);
    for (int i = 0; i < M * K; i++) x[i] = (float)qf_random_normal(&random);
    cli_plain_product(&problem, w, x, y);
    return problem;
}

static double error(const qf_problem *problem)
{
    return cli_peer_error(problem, &(cli_operands){w, x, y});
}

static void test_right(void **state)
{
    (void)state;
    for (int op = 0; op < QF_OP_COUNT; op++) {
        const qf_problem problem = product((qf_op)op);
        const int64_t columns = op == QF_FORWARD ? N : K;
        assert_float_equal(error(&problem), 0, 1e-12);
        for (int64_t i = 0; i < M * columns; i++) y[i] *= 1.001f;
        assert_in_range(error(&problem) * 1e6, 100, 5000);
    }
}

/* A rotation of the columns, which weights of the same sign nearly hide. */
static void test_columns_in_another_order(void **state)
{
    (void)state;
    const qf_problem problem = product(QF_FORWARD);
    for (int i = 0; i < M; i++) {
        const float first = y[i * N];
        memmove(y + i * N, y + i * N + 1, (N - 1) * sizeof *y);
        y[i * N + N - 1] = first;
    }
    assert_true(error(&problem) > 0.1);
}

static void test_not_written(void **state)
{
    (void)state;
    const qf_problem problem = product(QF_FORWARD);
    y[M * N - 1] = NAN;
    assert_true(isinf(error(&problem)));
    memset(y, 0, sizeof y);
    assert_true(error(&problem) > 0.1);
}

static void test_one_row(void **state)
{
    (void)state;
    qf_problem problem = product(QF_FORWARD);
    problem.m = 1;
    assert_float_equal(error(&problem), 0, 1e-12);
    y[3] = -y[3];
    assert_true(error(&problem) > 0.01);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_right),
        cmocka_unit_test(test_columns_in_another_order),
        cmocka_unit_test(test_not_written),
        cmocka_unit_test(test_one_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
