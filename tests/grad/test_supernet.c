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
#include "train/qfa/group_sums.h"
#include "train/qfa/fold.h"
#include "train/qfa/supernet.h"

enum { B = 2, T = 7, N = B * T, RANK = 3, VOCAB = 50 };

static const char mixed[] = "23443224332342";

/* ---- a network over a supernet ---- */
typedef struct fixture {
    qf_qmodel model;
    qf_subnet subnet;
    tr_adapters *adapters;
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
    assert_int_equal(tr_supernet_create(&qf_reference_source, pool, N, &f->model, f->adapters,
                                        true, &f->supernet),
                     QF_OK);
    assert_int_equal(tr_supernet_choose(f->supernet, &f->subnet), QF_OK);
    assert_int_equal(
        tr_net_create(&options, &f->model.base, tr_supernet_linears(f->supernet), &f->net),
        QF_OK);
    for (int i = 0; i < N; i++) f->token[i] = (int)qf_random_below(&random, VOCAB);
    for (int i = 0; i < N; i++) f->target[i] = (int)qf_random_below(&random, VOCAB);
}

/* Adapters that the model has, imported. */
static void setup(fixture *f, qf_pool *pool, const char *digits)
{
    *f = (fixture){0};
    check_tiny_quantised(&f->model, false, 11);
    check_tiny_adapters(&f->model, RANK, 12);
    const tr_adapters_options options = {
        .rank = RANK, .scale = f->model.adapter_scale, .seed = 1};
    assert_int_equal(tr_adapters_create(&options, &f->model, &f->adapters), QF_OK);
    open_net(f, pool, digits);
}

/* New ones of any kind, moved away from zero. */
static void setup_kind(fixture *f, tr_sharing sharing, int rank)
{
    const tr_adapters_options options = {
        .sharing = sharing, .rank = rank, .scale = 0.125f, .seed = 1};
    qf_random random = qf_random_init(15, 15);
    int64_t count;

    *f = (fixture){0};
    check_tiny_quantised(&f->model, false, 11);
    assert_int_equal(tr_adapters_create(&options, &f->model, &f->adapters), QF_OK);
    float *value = tr_adapters_values(f->adapters, &count);
    check_fill(&random, value, count, 0.3f);
    open_net(f, NULL, mixed);
}

static void close_net(fixture *f)
{
    tr_net_destroy(f->net);
    tr_supernet_destroy(f->supernet);
    tr_adapters_destroy(f->adapters);
    f->adapters = NULL;
}

static void teardown(fixture *f)
{
    close_net(f);
    qf_qmodel_release(&f->model);
}

/* The component that the current width of a linear has for itself (decoupled). */
static tr_adapter own_of(const fixture *f, int index)
{
    return tr_adapters_at(f->adapters, index, tr_supernet_chosen(f->supernet, index));
}

static void clear(fixture *f)
{
    int64_t count;
    float *gradient = tr_adapters_gradients(f->adapters, &count);
    memset(gradient, 0, (size_t)count * sizeof *gradient);
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
    clear(f);
    assert_int_equal(tr_supernet_choose(f->supernet, &f->subnet), QF_OK);
    assert_int_equal(tr_net_gradient(f->net, f->token, f->target, B, T, NULL, &loss), QF_OK);
}

/* Both gradients of one component against differences of the loss. */
static void check_component(fixture *f, const tr_adapter *adapter)
{
    const int64_t some = adapter->b_size < 12 ? adapter->b_size : 12;
    float *da = qf_alloc((size_t)adapter->a_size * sizeof(float) + 1);
    float *db = qf_alloc((size_t)adapter->b_size * sizeof(float));

    memcpy(db, adapter->db, (size_t)adapter->b_size * sizeof(float));
    if (adapter->a) {
        memcpy(da, adapter->da, (size_t)adapter->a_size * sizeof(float));
        check_gradient("dA", adapter->a, da, adapter->a_size, 2e-2, 2e-2, loss_value, f);
    }
    check_gradient("dB", adapter->b, db, some, 2e-2, 2e-2, loss_value, f);
    qf_free(da);
    qf_free(db);
}

static void adapter_gradients_are_slopes(void **state)
{
    (void)state;
    fixture f;
    setup(&f, NULL, mixed);
    gradient_of(&f);
    for (int i = 0; i < f.subnet.count; i++) {
        const tr_adapter own = own_of(&f, i);
        check_component(&f, &own);
    }
    teardown(&f);
}

/* An unused component may be anything. */
static void check_indifference(fixture *f, const tr_adapter *adapter)
{
    const double before = loss_of(f);
    adapter->b[0] += 5;
    assert_true(loss_of(f) == before);
    adapter->b[0] -= 5;
}

/* Every sharing, low-rank and direct. */
static void gradients_of_every_kind_are_slopes(void **state)
{
    (void)state;
    for (int kind = 0; kind < 2 * TR_SHARINGS; kind++) {
        fixture f;
        setup_kind(&f, (tr_sharing)(kind / 2), kind % 2 ? RANK : 0);
        gradient_of(&f);
        for (int i = kind % 3; i < f.subnet.count; i += 3) /* in turns: all take long */
            for (int c = 0; c < tr_adapters_components(f.adapters); c++) {
                const tr_adapter adapter = tr_adapters_at(f.adapters, i, c);
                const int width = tr_supernet_chosen(f.supernet, i);
                const bool used = tr_adapters_uses(f.adapters, c, width);
                double size = 0;
                for (int64_t j = 0; j < adapter.b_size; j++)
                    size += fabs((double)adapter.db[j]);
                assert_int_equal(size > 0, used);
                if (used)
                    check_component(&f, &adapter);
                else
                    check_indifference(&f, &adapter);
            }
        teardown(&f);
    }
}

/* Which widths share what. */
static void sharings_are_what_they_say(void **state)
{
    (void)state;
    static const struct {
        tr_sharing sharing;
        int components, uses[3]; /* bits of components, of the narrowest width first */
    } want[] = {
        {TR_DECOUPLED, 3, {1, 2, 4}}, {TR_SHARED, 1, {1, 1, 1}}, {TR_CASCADED, 3, {7, 3, 1}}};
    for (int i = 0; i < 3; i++) {
        fixture f;
        setup_kind(&f, want[i].sharing, 2);
        assert_int_equal(tr_adapters_components(f.adapters), want[i].components);
        for (int w = 0; w < 3; w++)
            for (int c = 0; c < want[i].components; c++)
                assert_int_equal(tr_adapters_uses(f.adapters, c, w), want[i].uses[w] >> c & 1);
        teardown(&f);
    }
    tr_sharing sharing;
    assert_int_equal(tr_sharing_named("cascaded", &sharing), QF_OK);
    assert_int_equal(sharing, TR_CASCADED);
    assert_int_equal(tr_sharing_named("tied", &sharing), QF_USAGE);
    assert_non_null(strstr(qf_message(), "decoupled, shared, cascaded"));
}

/* A model given its adapters runs as the training did. */
static void exporting_keeps_the_loss(void **state)
{
    (void)state;
    for (int kind = 0; kind < 2 * TR_SHARINGS; kind++) {
        fixture f;
        setup_kind(&f, (tr_sharing)(kind / 2), kind % 2 ? RANK : 0);
        const double trained = loss_of(&f);
        assert_int_equal(tr_adapters_export(f.adapters, &f.model), QF_OK);
        assert_int_equal(f.model.rank, kind % 2 == 0             ? 0
                                       : kind / 2 == TR_CASCADED ? 3 * RANK
                                                                 : RANK);
        close_net(&f);
        open_net(&f, NULL, mixed);
        assert_true(fabs(loss_of(&f) - trained) < 1e-5);
        teardown(&f);
    }
}

static void foreign_adapters_are_no_start(void **state)
{
    (void)state;
    fixture f;
    setup(&f, NULL, mixed);
    for (int i = 0; i < 3; i++) {
        tr_adapters_options o = *tr_adapters_options_of(f.adapters);
        tr_adapters *other;
        if (i == 0) o.sharing = TR_SHARED;
        if (i == 1) o.rank = RANK + 1;
        if (i == 2) o.scale *= 2;
        assert_int_equal(tr_adapters_create(&o, &f.model, &other), QF_USAGE);
        assert_null(other);
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
        const tr_adapter own = own_of(&f, i);
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
        const tr_adapter other = tr_adapters_at(f.adapters, i / 3, i % 3);
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
    close_net(&f);
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
    fixture f = {0};
    check_tiny_quantised(&f.model, true, 11);
    open_net(&f, NULL, mixed);
    const double frozen = loss_of(&f);
    close_net(&f);
    const tr_adapters_options options = {
        .rank = RANK, .scale = tr_adapters_scale(f.model.group), .seed = 1};
    assert_int_equal(tr_adapters_create(&options, &f.model, &f.adapters), QF_OK);
    open_net(&f, NULL, mixed);
    assert_true(loss_of(&f) == frozen);
    assert_true(fabsf(options.scale - 0.1767767f) < 1e-6f); /* 1 / sqrt(32) */
    const tr_adapter first = tr_adapters_at(f.adapters, 0, 0);
    assert_true(first.a[0] != 0);
    assert_true(first.a[0] != tr_adapters_at(f.adapters, 0, 1).a[0]);
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
        const tr_adapter a = own_of(&one, i), b = own_of(&three, i);
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
        cmocka_unit_test(gradients_of_every_kind_are_slopes),
        cmocka_unit_test(sharings_are_what_they_say),
        cmocka_unit_test(exporting_keeps_the_loss),
        cmocka_unit_test(foreign_adapters_are_no_start),
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
