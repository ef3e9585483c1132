/* test_supernet.c -- adapters: gradients against finite differences through the whole
 * network, folding against the explicit path y + s B (A X), merging, switching subnets. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gradient.h"
#include "qforge/memory.h"
#include "tiny.h"
#include "train/net.h"
#include "train/qfa/adapters.h"
#include "train/qfa/supernet.h"

enum { B = 2, T = 7, N = B * T, RANK = 3, VOCAB = 50 };

static const char mixed[] = "23443224332342";

/* ---- a network over a supernet ---- */
typedef struct fixture {
    qf_qmodel model;
    qf_subnet subnet;
    tr_supernet *supernet;
    tr_net *net;
    int token[N], target[N];
} fixture;

static void open_net(fixture *f, qf_pool *pool, const char *digits)
{
    const tr_net_options options = {.source = &qf_reference_source,
                                    .pool = pool,
                                    .batch = B,
                                    .length = T,
                                    .backward = true};
    qf_random random = qf_random_init(5, 5);

    assert_int_equal(qf_subnet_parse(&f->model.base.config, digits, &f->subnet), QF_OK);
    assert_int_equal(
        tr_supernet_create(&qf_reference_source, pool, N, &f->model, true, &f->supernet),
        QF_OK);
    assert_int_equal(tr_supernet_choose(f->supernet, &f->subnet), QF_OK);
    assert_int_equal(
        tr_net_create(&options, &f->model.base, tr_supernet_linears(f->supernet), &f->net),
        QF_OK);
    for (int i = 0; i < N; i++) f->token[i] = (int)qf_random_below(&random, VOCAB);
    for (int i = 0; i < N; i++) f->target[i] = (int)qf_random_below(&random, VOCAB);
}

static void setup(fixture *f, qf_pool *pool, const char *digits)
{
    check_tiny_quantised(&f->model, false, 11);
    check_tiny_adapters(&f->model, RANK, 12);
    open_net(f, pool, digits);
}

static void teardown(fixture *f)
{
    tr_net_destroy(f->net);
    tr_supernet_destroy(f->supernet);
    qf_qmodel_release(&f->model);
}

static double loss_of(fixture *f)
{
    double loss;
    assert_int_equal(tr_supernet_choose(f->supernet, &f->subnet), QF_OK); /* folds anew */
    assert_int_equal(tr_net_loss(f->net, f->token, f->target, B, T, &loss), QF_OK);
    return loss;
}

static double loss_value(void *context)
{
    return loss_of(context);
}

static void gradient_of(fixture *f)
{
    double loss;
    assert_int_equal(tr_supernet_choose(f->supernet, &f->subnet), QF_OK);
    assert_int_equal(tr_net_gradient(f->net, f->token, f->target, B, T, NULL, &loss), QF_OK);
}

static void adapter_gradients_are_slopes(void **state)
{
    (void)state;
    fixture f;
    setup(&f, NULL, mixed);
    for (int i = 0; i < f.subnet.count; i++) {
        gradient_of(&f); /* the slopes' folding clears it */
        const tr_adapter own =
            tr_supernet_adapter(f.supernet, i, tr_supernet_chosen(f.supernet, i));
        float *da = qf_alloc((size_t)own.a_size * sizeof(float));
        float *db = qf_alloc((size_t)own.b_size * sizeof(float));
        memcpy(da, own.da, (size_t)own.a_size * sizeof(float));
        memcpy(db, own.db, (size_t)own.b_size * sizeof(float));
        check_gradient("dA", own.a, da, own.a_size, 2e-2, 2e-2, loss_value, &f);
        check_gradient("dB", own.b, db, own.b_size < 12 ? own.b_size : 12, 2e-2, 2e-2,
                       loss_value, &f);
        qf_free(da);
        qf_free(db);
    }
    teardown(&f);
}

/* A slope that is not 0: the test above would pass on dead adapters. */
static void gradients_are_alive(void **state)
{
    (void)state;
    fixture f;
    setup(&f, NULL, mixed);
    gradient_of(&f);
    for (int i = 0; i < f.subnet.count; i++) {
        const tr_adapter own =
            tr_supernet_adapter(f.supernet, i, tr_supernet_chosen(f.supernet, i));
        double a = 0, b = 0;
        for (int64_t j = 0; j < own.a_size; j++) a += fabs((double)own.da[j]);
        for (int64_t j = 0; j < own.b_size; j++) b += fabs((double)own.db[j]);
        assert_true(a > 1e-4 && b > 1e-4);
    }
    teardown(&f);
}

static void unchosen_adapters_get_nothing(void **state)
{
    (void)state;
    fixture f;
    setup(&f, NULL, mixed);
    gradient_of(&f);
    for (int i = 0; i < f.subnet.count * 3; i++) {
        const tr_adapter other = tr_supernet_adapter(f.supernet, i / 3, i % 3);
        if (i % 3 == tr_supernet_chosen(f.supernet, i / 3)) continue;
        for (int64_t j = 0; j < other.a_size; j++) assert_true(other.da[j] == 0);
        for (int64_t j = 0; j < other.b_size; j++) assert_true(other.db[j] == 0);
    }
    teardown(&f);
}

/* y = W x + s B (A X), in double, against one product with folded offsets. */
static void folding_is_the_explicit_path(void **state)
{
    (void)state;
    fixture f;
    qf_random random = qf_random_init(8, 8);

    setup(&f, NULL, mixed);
    for (int i = 0; i < QF_LINEARS; i++) {
        const int bits = f.subnet.bits[i], rank = f.model.rank;
        const qf_qmatrix m = qf_qmodel_matrix(&f.model, i, bits);
        const qf_qlinear *linear = qf_qmodel_linear(&f.model, i, bits);
        const int64_t groups = qf_groups(m.k, m.group);
        float *x = qf_alloc((size_t)(N * m.k) * sizeof(float));
        float *y = qf_alloc((size_t)(N * m.n) * sizeof(float));
        float *w = qf_alloc((size_t)(m.n * m.k) * sizeof(float));
        float *sums = qf_alloc((size_t)(N * groups) * sizeof(float));
        const tr_linears linears = tr_supernet_linears(f.supernet);

        check_fill(&random, x, N * m.k, 1);
        qf_qmatrix_dequantise(&m, w);
        tr_group_sums(x, N, m.k, m.group, sums, NULL);
        linears.forward(linears.self, i, x, y, N);
        for (int64_t at = 0; at < N * m.n; at++) {
            const int64_t row = at / m.n, n = at % m.n;
            double want = 0, size = 0;
            for (int64_t k = 0; k < m.k; k++) {
                const double term = (double)w[n * m.k + k] * (double)x[row * m.k + k];
                want += term;
                size += fabs(term);
            }
            for (int r = 0; r < rank; r++) {
                double inner = 0;
                for (int64_t g = 0; g < groups; g++)
                    inner +=
                        (double)linear->lora_a[r * groups + g] * (double)sums[row * groups + g];
                const double term = 0.125 * (double)linear->lora_b[n * rank + r] * inner;
                want += term;
                size += fabs(term);
            }
            assert_true(fabs(want - (double)y[at]) <= 2e-5 * size + 1e-6);
        }
        qf_free(x);
        qf_free(y);
        qf_free(w);
        qf_free(sums);
    }
    teardown(&f);
}

static void merging_keeps_the_logits(void **state)
{
    (void)state;
    fixture f;
    float *before = qf_alloc(N * VOCAB * sizeof(float));
    float *after = qf_alloc(N * VOCAB * sizeof(float));

    setup(&f, NULL, mixed);
    assert_int_equal(tr_net_logits(f.net, f.token, B, T, before), QF_OK);
    tr_net_destroy(f.net);
    tr_supernet_destroy(f.supernet);
    assert_int_equal(tr_adapters_merge(&f.model), QF_OK);
    assert_int_equal(f.model.rank, 0);
    open_net(&f, NULL, mixed);
    assert_int_equal(tr_net_logits(f.net, f.token, B, T, after), QF_OK);
    for (int i = 0; i < N * VOCAB; i++) assert_true(before[i] == after[i]);
    assert_int_equal(tr_adapters_merge(&f.model), QF_RANGE);
    teardown(&f);
    qf_free(before);
    qf_free(after);
}

static void subnets_switch_back_and_forth(void **state)
{
    (void)state;
    fixture f;
    setup(&f, NULL, mixed);
    const qf_subnet first = f.subnet;
    const double a = loss_of(&f);

    f.subnet = qf_subnet_uniform(&f.model.base.config, 2);
    const double b = loss_of(&f);
    f.subnet = first;
    assert_true(a != b);
    assert_true(loss_of(&f) == a);
    f.subnet.bits[3] = 8;
    assert_int_equal(tr_supernet_choose(f.supernet, &f.subnet), QF_USAGE);
    f.subnet.bits[3] = 2;
    f.subnet.count = 7;
    assert_int_equal(tr_supernet_choose(f.supernet, &f.subnet), QF_SHAPE);
    teardown(&f);
}

/* B = 0 at first: training starts at the frozen model. */
static void fresh_adapters_change_nothing(void **state)
{
    (void)state;
    fixture f;
    check_tiny_quantised(&f.model, true, 11);
    open_net(&f, NULL, mixed);
    const double frozen = loss_of(&f);
    tr_net_destroy(f.net);
    tr_supernet_destroy(f.supernet);
    assert_int_equal(tr_adapters_init(&f.model, RANK, 1), QF_OK);
    open_net(&f, NULL, mixed);
    assert_true(loss_of(&f) == frozen);
    assert_true(fabsf(f.model.adapter_scale - 0.1767767f) < 1e-6f); /* 1 / sqrt(32) */
    assert_true(f.model.linear[0].lora_a[0] != 0);
    assert_true(f.model.linear[0].lora_a[0] != f.model.linear[1].lora_a[0]);
    teardown(&f);
}

static void threads_give_the_same_gradients(void **state)
{
    (void)state;
    fixture one, three;
    qf_pool *pool;

    assert_int_equal(qf_pool_create(3, &pool), QF_OK);
    setup(&one, NULL, mixed);
    setup(&three, pool, mixed);
    gradient_of(&one);
    gradient_of(&three);
    for (int i = 0; i < one.subnet.count; i++) {
        const tr_adapter a =
            tr_supernet_adapter(one.supernet, i, tr_supernet_chosen(one.supernet, i));
        const tr_adapter b =
            tr_supernet_adapter(three.supernet, i, tr_supernet_chosen(three.supernet, i));
        for (int64_t j = 0; j < a.b_size; j++)
            assert_true(fabsf(a.db[j] - b.db[j]) <= 1e-5f * (1 + fabsf(a.db[j])));
    }
    teardown(&one);
    teardown(&three);
    qf_pool_destroy(pool);
}

static void group_sums_end_where_the_row_does(void **state)
{
    (void)state;
    float x[2 * 70], sums[2 * 3];
    for (int i = 0; i < 140; i++) x[i] = 1;
    tr_group_sums(x, 2, 70, 32, sums, NULL);
    for (int i = 0; i < 6; i++) assert_true(sums[i] == (i % 3 == 2 ? 6 : 32));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adapter_gradients_are_slopes),
        cmocka_unit_test(gradients_are_alive),
        cmocka_unit_test(unchosen_adapters_get_nothing),
        cmocka_unit_test(folding_is_the_explicit_path),
        cmocka_unit_test(merging_keeps_the_logits),
        cmocka_unit_test(subnets_switch_back_and_forth),
        cmocka_unit_test(fresh_adapters_change_nothing),
        cmocka_unit_test(threads_give_the_same_gradients),
        cmocka_unit_test(group_sums_end_where_the_row_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
