/* test_ops.c -- every op of the network: forward against plain formulas in double,
 * backward against central finite differences, and no influence of the thread count. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gradient.h"
#include "qforge/memory.h"
#include "qforge/ops.h"

static const double h = 1e-2, tolerance = 1e-3;

static float *make(int64_t n)
{
    float *x = qf_alloc((size_t)n * sizeof(float));
    assert_non_null(x);
    return x;
}

static float *filled(qf_random *random, int64_t n)
{
    float *x = make(n);
    check_fill(random, x, n, 1);
    return x;
}

/* ---- rmsnorm ---- */

enum { N = 7, C = 37 };

struct norm {
    float *x, *w, *y, *r, *weight;
};

static double norm_value(void *context)
{
    struct norm *t = context;
    qf_rmsnorm_forward(t->y, t->r, t->x, t->w, N, C, 1e-5f, NULL);
    return check_weigh(t->weight, t->y, N * C);
}

static void test_rmsnorm(void **state)
{
    (void)state;
    qf_random random = qf_random_init(1, 1);
    struct norm t = {filled(&random, N * C), filled(&random, C), make(N * C), make(N),
                     filled(&random, N * C)};
    float *dx = make(N * C), *dw = make(C);

    norm_value(&t);
    for (int n = 0; n < N; n++) {
        double square = 0;
        for (int c = 0; c < C; c++) square += (double)t.x[n * C + c] * (double)t.x[n * C + c];
        const double r = 1 / sqrt(square / C + 1e-5);
        for (int c = 0; c < C; c++)
            assert_true(fabs((double)t.x[n * C + c] * r * (double)t.w[c] -
                             (double)t.y[n * C + c]) < 2e-6);
    }
    for (int i = 0; i < N * C; i++) dx[i] = 0.5f; /* added into, not overwritten */
    qf_rmsnorm_backward(dx, dw, t.weight, t.x, t.w, t.r, N, C, NULL);
    for (int i = 0; i < N * C; i++) dx[i] -= 0.5f;
    check_gradient("rmsnorm dx", t.x, dx, N * C, h, tolerance, norm_value, &t);
    check_gradient("rmsnorm dw", t.w, dw, C, h, tolerance, norm_value, &t);
    qf_free(t.x), qf_free(t.w), qf_free(t.y), qf_free(t.r), qf_free(t.weight);
    qf_free(dx), qf_free(dw);
}

/* ---- rope ---- */

enum { T = 5, H = 3, D = 8 };

struct rope {
    float *x, *y, *table, *weight;
};

static double rope_value(void *context)
{
    struct rope *t = context;
    memcpy(t->y, t->x, 2 * T * H * D * sizeof(float));
    qf_rope_forward(t->y, t->table, 2 * T, T, H, D, 2, NULL);
    return check_weigh(t->weight, t->y, 2 * T * H * D);
}

static void test_rope(void **state)
{
    (void)state;
    enum { ALL = 2 * T * H * D };
    qf_random random = qf_random_init(1, 2);
    struct rope t = {filled(&random, ALL), make(ALL), make((T + 2) * D), filled(&random, ALL)};
    float *dx = make(ALL);

    qf_rope_table(t.table, T + 2, D, 10000.0f);
    rope_value(&t);
    for (int n = 0; n < 2 * T; n++)
        for (int i = 0; i < D / 2; i++) {
            const double angle = (2 + n % T) * pow(10000.0, -2.0 * i / D);
            const float *x = t.x + n * H * D, *y = t.y + n * H * D;
            const double want = (double)x[i + D / 2] * cos(angle) + (double)x[i] * sin(angle);
            assert_true(fabs(want - (double)y[i + D / 2]) < 2e-6);
        }
    memcpy(dx, t.weight, ALL * sizeof(float));
    qf_rope_backward(dx, t.table, 2 * T, T, H, D, 2, NULL);
    check_gradient("rope dx", t.x, dx, ALL, h, tolerance, rope_value, &t);
    qf_free(t.x), qf_free(t.y), qf_free(t.table), qf_free(t.weight), qf_free(dx);
}

/* ---- swiglu ---- */

struct swiglu {
    float *gate, *up, *y, *weight;
};

static double swiglu_value(void *context)
{
    struct swiglu *t = context;
    qf_swiglu_forward(t->y, t->gate, t->up, N * C, NULL);
    return check_weigh(t->weight, t->y, N * C);
}

static void test_swiglu(void **state)
{
    (void)state;
    qf_random random = qf_random_init(1, 3);
    struct swiglu t = {filled(&random, N * C), filled(&random, N * C), make(N * C),
                       filled(&random, N * C)};
    float *dgate = make(N * C), *dup = make(N * C);

    t.gate[0] = -200, t.gate[1] = 200; /* far ends: 0 and the gate itself */
    swiglu_value(&t);
    assert_true(fabsf(t.y[0]) < 1e-30f);
    assert_true(t.y[1] == 200 * t.up[1]);
    for (int i = 2; i < N * C; i++) {
        const double g = (double)t.gate[i], want = g / (1 + exp(-g)) * (double)t.up[i];
        assert_true(fabs(want - (double)t.y[i]) <= 1e-6 * (1 + fabs(want)));
    }
    t.gate[0] = t.gate[1] = 0.3f;
    qf_swiglu_backward(dgate, dup, t.weight, t.gate, t.up, N * C, NULL);
    check_gradient("swiglu dgate", t.gate, dgate, N * C, h, tolerance, swiglu_value, &t);
    check_gradient("swiglu dup", t.up, dup, N * C, h, tolerance, swiglu_value, &t);
    qf_free(t.gate), qf_free(t.up), qf_free(t.y), qf_free(t.weight);
    qf_free(dgate), qf_free(dup);
}

/* ---- embedding and residual ---- */

enum { VOCAB = 11 };

struct embedding {
    float *table, *y, *weight;
    int token[N];
};

static double embedding_value(void *context)
{
    struct embedding *t = context;
    qf_embedding_forward(t->y, t->table, t->token, N, C, NULL);
    return check_weigh(t->weight, t->y, N * C);
}

static void test_embedding(void **state)
{
    (void)state;
    qf_random random = qf_random_init(1, 4);
    struct embedding t = {filled(&random, VOCAB * C),
                          make(N * C),
                          filled(&random, N * C),
                          {3, 0, 3, 10, 5, 3, 0}};
    float *dtable = make(VOCAB * C);

    embedding_value(&t);
    assert_memory_equal(t.y + 3 * C, t.table + 10 * C, C * sizeof(float));
    qf_embedding_backward(dtable, t.weight, t.token, N, C, NULL);
    check_gradient("embedding", t.table, dtable, VOCAB * C, h, tolerance, embedding_value, &t);
    qf_residual_forward(t.y, t.weight, N * C, NULL);
    assert_true(t.y[5] == t.table[3 * C + 5] + t.weight[5]);
    qf_free(t.table), qf_free(t.y), qf_free(t.weight), qf_free(dtable);
}

/* ---- cross entropy ---- */

enum { V = 53 };

struct entropy {
    float *logits, *work, loss[N];
    int target[N];
};

static double entropy_value(void *context)
{
    struct entropy *t = context;
    memcpy(t->work, t->logits, N * V * sizeof(float));
    qf_cross_entropy_forward(t->loss, t->work, t->target, N, V, NULL);
    return qf_cross_entropy_sum(t->loss, N) / (double)qf_cross_entropy_counted(t->target, N);
}

static void test_cross_entropy(void **state)
{
    (void)state;
    qf_random random = qf_random_init(1, 5);
    struct entropy t = {filled(&random, N * V), make(N * V), {0}, {52, 0, -1, 7, 7, -1, 30}};

    t.logits[3 * V + 9] = 500; /* a certain, wrong answer must not overflow */
    entropy_value(&t);
    assert_true(t.loss[2] == 0 && t.loss[5] == 0);
    assert_int_equal(qf_cross_entropy_counted(t.target, N), 5);
    assert_true(fabs((double)t.loss[3] - (500 - (double)t.logits[3 * V + 7])) < 1e-3);
    t.logits[3 * V + 9] = 0.25f;
    entropy_value(&t);
    for (int n = 0; n < N; n++) {
        double sum = 0;
        for (int v = 0; v < V; v++) sum += exp((double)t.logits[n * V + v]);
        const double want =
            t.target[n] < 0 ? 0 : log(sum) - (double)t.logits[n * V + t.target[n]];
        assert_true(fabs(want - (double)t.loss[n]) < 2e-6);
    }
    qf_cross_entropy_backward(t.work, t.target, 1 / 5.0f, N, V, NULL);
    float *d = make(N * V);
    memcpy(d, t.work, N * V * sizeof(float));
    check_gradient("cross entropy", t.logits, d, N * V, h, tolerance, entropy_value, &t);
    qf_free(t.logits), qf_free(t.work), qf_free(d);
}

/* ---- towards a teacher ---- */

struct taught {
    struct entropy e;
    float *teacher, *q, share;
};

static double taught_value(void *context)
{
    struct taught *t = context;
    memcpy(t->e.work, t->e.logits, N * V * sizeof(float));
    memcpy(t->q, t->teacher, N * V * sizeof(float));
    qf_taught_entropy_forward(t->e.loss, t->e.work, t->q, t->share, t->e.target, N, V, NULL);
    return qf_cross_entropy_sum(t->e.loss, N) /
           (double)qf_cross_entropy_counted(t->e.target, N);
}

/* -sum of wanted log p in doubles. */
static double taught_row(const struct taught *t, int n)
{
    const float *logits = t->e.logits + n * V, *teacher = t->teacher + n * V;
    double sum = 0, teacher_sum = 0, loss = 0;

    for (int v = 0; v < V; v++) {
        sum += exp((double)logits[v]);
        teacher_sum += exp((double)teacher[v]);
    }
    for (int v = 0; v < V; v++) {
        const double q = exp((double)teacher[v]) / teacher_sum, share = (double)t->share;
        const double wanted = share * q + (1 - share) * (v == t->e.target[n]);
        loss -= wanted * ((double)logits[v] - log(sum));
    }
    return t->e.target[n] < 0 ? 0 : loss;
}

static void test_taught_entropy(void **state)
{
    (void)state;
    qf_random random = qf_random_init(1, 15);
    struct taught t = {{filled(&random, N * V), make(N * V), {0}, {52, 0, -1, 7, 7, -1, 30}},
                       filled(&random, N * V),
                       make(N * V),
                       0};
    float *d = make(N * V);

    for (int i = 0; i < 3; i++) {
        t.share = 0.5f * (float)i;
        taught_value(&t);
        for (int n = 0; n < N; n++)
            assert_true(fabs(taught_row(&t, n) - (double)t.e.loss[n]) < 4e-6);
        qf_taught_entropy_backward(t.e.work, t.q, t.share, t.e.target, 1 / 5.0f, N, V, NULL);
        memcpy(d, t.e.work, N * V * sizeof(float));
        check_gradient("taught entropy", t.e.logits, d, N * V, h, tolerance, taught_value, &t);
    }
    qf_free(t.e.logits), qf_free(t.e.work), qf_free(t.teacher), qf_free(t.q), qf_free(d);
}

static void test_softmax(void **state)
{
    (void)state;
    qf_random random = qf_random_init(1, 6);
    for (int n = 1; n < 70; n++) {
        float *x = filled(&random, n), *y = make(n);
        for (int i = 0; i < n; i++) x[i] *= 8;
        memcpy(y, x, (size_t)n * sizeof(float));
        double sum = 0;
        for (int i = 0; i < n; i++) sum += exp((double)x[i]);
        assert_true(fabs((double)qf_softmax(y, n) - log(sum)) < 1e-5);
        for (int i = 0; i < n; i++) {
            const double want = exp((double)x[i]) / sum;
            assert_true(fabs((double)y[i] - want) <= 3e-6 * want + 1e-30);
        }
        x[n / 2] = NAN;
        assert_true(isnan(qf_softmax(x, n)));
        qf_free(x), qf_free(y);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rmsnorm),        cmocka_unit_test(test_rope),
        cmocka_unit_test(test_swiglu),         cmocka_unit_test(test_embedding),
        cmocka_unit_test(test_cross_entropy),  cmocka_unit_test(test_softmax),
        cmocka_unit_test(test_taught_entropy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
