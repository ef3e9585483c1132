/* test_net.c -- gradients of the whole network against central finite differences: a
 * small LLaMA with grouped queries, tied and untied; the thread count changes no bit; a
 * forward-only network computes the same loss. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gradient.h"
#include "qforge/memory.h"
#include "train/linear_f32.h"
#include "train/net.h"

enum { B = 2, T = 7, N = B * T, VOCAB = 19, LAYERS = 2 };

struct net {
    qf_model model, gradient;
    tr_linear_f32 *linear;
    tr_net *net;
    qf_pool *pool;
    int token[N], target[N];
};

static qf_config config_of(bool tied)
{
    return (qf_config){.dim = 16,
                       .hidden = 23,
                       .layers = LAYERS,
                       .heads = 4,
                       .kv_heads = 2,
                       .head_dim = 4,
                       .vocab = VOCAB,
                       .context = 8,
                       .rope_theta = 10000,
                       .norm_eps = 1e-5f,
                       .tied = tied,
                       .bos = 1,
                       .eos = 2};
}

static void setup(struct net *t, bool tied, int threads, bool backward)
{
    const qf_config config = config_of(tied);
    qf_random random = qf_random_init(3, 3);

    assert_int_equal(qf_pool_create(threads, &t->pool), QF_OK);
    assert_int_equal(qf_model_create(&config, QF_LINEARS_ALL, &t->model), QF_OK);
    assert_int_equal(qf_model_create(&config, QF_LINEARS_ALL, &t->gradient), QF_OK);
    check_fill(&random, t->model.embedding, VOCAB * 16, 0.5);
    if (!tied) check_fill(&random, t->model.head, VOCAB * 16, 0.5);
    check_fill(&random, t->model.attention_norm, LAYERS * 16, 1);
    check_fill(&random, t->model.mlp_norm, LAYERS * 16, 1);
    check_fill(&random, t->model.final_norm, 16, 1);
    for (int i = 0; i < LAYERS * QF_LINEARS; i++) {
        int64_t n, k;
        qf_linear_shape(&config, (qf_linear_kind)(i % QF_LINEARS), &n, &k);
        check_fill(&random, t->model.linear[i], n * k, 0.4);
    }
    for (int i = 0; i < N; i++) {
        t->token[i] = (int)qf_random_below(&random, VOCAB);
        t->target[i] = i % 5 == 3 ? -1 : (int)qf_random_below(&random, VOCAB);
    }
    const tr_net_options options = {.source = &qf_reference_source,
                                    .pool = t->pool,
                                    .batch = B,
                                    .length = T,
                                    .backward = backward};
    assert_int_equal(tr_linear_f32_create(&qf_reference_source, t->pool, N, &t->model,
                                          &t->gradient, backward, &t->linear),
                     QF_OK);
    assert_int_equal(
        tr_net_create(&options, &t->model, tr_linear_f32_linears(t->linear), &t->net), QF_OK);
}

static void teardown(struct net *t)
{
    tr_net_destroy(t->net);
    tr_linear_f32_destroy(t->linear);
    qf_model_release(&t->model);
    qf_model_release(&t->gradient);
    qf_pool_destroy(t->pool);
}

static double value(void *context)
{
    struct net *t = context;
    double loss;
    assert_int_equal(tr_net_loss(t->net, t->token, t->target, B, T, &loss), QF_OK);
    return loss;
}

static tr_gradients gradients_of(const qf_model *g)
{
    return (tr_gradients){g->embedding, g->attention_norm, g->mlp_norm, g->final_norm, g->head};
}

static double take_gradient(struct net *t)
{
    const tr_gradients gradients = gradients_of(&t->gradient);
    double loss;
    assert_int_equal(tr_net_gradient(t->net, t->token, t->target, B, T, &gradients, &loss),
                     QF_OK);
    return loss;
}

static void check(bool tied)
{
    /* fp32 losses near 4 are known to 5e-7; over 2h = 0.01 that is 5e-5 of slope. */
    const double h = 5e-3, tolerance = 2e-3;
    struct net t;
    setup(&t, tied, 1, true);
    const double loss = take_gradient(&t);
    assert_true(fabs(loss - value(&t)) < 1e-6);
    assert_true(loss > 1 && loss < 20);
    const qf_model *g = &t.gradient;
    check_gradient("embedding", t.model.embedding, g->embedding, VOCAB * 16, h, tolerance,
                   value, &t);
    if (!tied)
        check_gradient("head", t.model.head, g->head, VOCAB * 16, h, tolerance, value, &t);
    check_gradient("attention norm", t.model.attention_norm, g->attention_norm, LAYERS * 16, h,
                   tolerance, value, &t);
    check_gradient("mlp norm", t.model.mlp_norm, g->mlp_norm, LAYERS * 16, h, tolerance, value,
                   &t);
    check_gradient("final norm", t.model.final_norm, g->final_norm, 16, h, tolerance, value,
                   &t);
    for (int i = 0; i < LAYERS * QF_LINEARS; i++) {
        int64_t n, k;
        qf_linear_shape(&t.model.config, (qf_linear_kind)(i % QF_LINEARS), &n, &k);
        check_gradient(qf_linear_name((qf_linear_kind)(i % QF_LINEARS)), t.model.linear[i],
                       g->linear[i], n * k, h, tolerance, value, &t);
    }
    teardown(&t);
}

static void test_untied(void **state)
{
    (void)state;
    check(false);
}

static void test_tied(void **state)
{
    (void)state;
    check(true);
}

/* Gradients nobody asked for are left out without disturbing the others. */
static void test_partial(void **state)
{
    (void)state;
    struct net all, some;
    double loss;
    setup(&all, false, 1, true);
    setup(&some, false, 1, true);
    take_gradient(&all);
    assert_int_equal(tr_net_gradient(some.net, some.token, some.target, B, T, NULL, &loss),
                     QF_OK);
    for (int i = 0; i < LAYERS * QF_LINEARS; i++)
        assert_memory_equal(all.gradient.linear[i], some.gradient.linear[i],
                            16 * 8 * sizeof(float)); /* the smallest linear's size */
    for (int i = 0; i < VOCAB * 16; i++) assert_true(some.gradient.embedding[i] == 0);
    teardown(&all);
    teardown(&some);
}

static void test_threads(void **state)
{
    (void)state;
    struct net one, three;
    setup(&one, true, 1, true);
    setup(&three, true, 3, true);
    assert_true(take_gradient(&one) == take_gradient(&three));
    assert_memory_equal(one.gradient.embedding, three.gradient.embedding,
                        VOCAB * 16 * sizeof(float));
    assert_memory_equal(one.gradient.mlp_norm, three.gradient.mlp_norm,
                        LAYERS * 16 * sizeof(float));
    for (int i = 0; i < LAYERS * QF_LINEARS; i++) {
        int64_t n, k;
        qf_linear_shape(&one.model.config, (qf_linear_kind)(i % QF_LINEARS), &n, &k);
        assert_memory_equal(one.gradient.linear[i], three.gradient.linear[i],
                            (size_t)(n * k) * sizeof(float));
    }
    teardown(&one);
    teardown(&three);
}

static void test_forward_only(void **state)
{
    (void)state;
    struct net with, without;
    setup(&with, false, 1, true);
    setup(&without, false, 1, false);
    assert_true(value(&with) == value(&without));
    assert_true(tr_net_bytes(without.net) < tr_net_bytes(with.net));

    /* the loss of every token is that of its logits */
    static float logits[N * VOCAB];
    assert_int_equal(tr_net_logits(without.net, without.token, B, T, logits), QF_OK);
    const float *losses = tr_net_token_losses(without.net);
    for (int n = 0; n < N; n++) {
        double sum = 0;
        for (int v = 0; v < VOCAB; v++) sum += exp((double)logits[n * VOCAB + v]);
        const int target = without.target[n];
        const double want = target < 0 ? 0 : log(sum) - (double)logits[n * VOCAB + target];
        assert_true(fabs(want - (double)losses[n]) < 1e-5);
    }
    teardown(&with);
    teardown(&without);
}

/* A token sees only what stands before it. */
static void test_causal(void **state)
{
    (void)state;
    struct net t;
    static float before[N * VOCAB], after[N * VOCAB];
    setup(&t, true, 1, false);
    assert_int_equal(tr_net_logits(t.net, t.token, B, T, before), QF_OK);
    t.token[4] = (t.token[4] + 1) % VOCAB;
    assert_int_equal(tr_net_logits(t.net, t.token, B, T, after), QF_OK);
    assert_memory_equal(before, after, 4 * VOCAB * sizeof(float));
    assert_memory_not_equal(before + 4 * VOCAB, after + 4 * VOCAB, VOCAB * sizeof(float));
    assert_memory_not_equal(before + 6 * VOCAB, after + 6 * VOCAB, VOCAB * sizeof(float));
    assert_memory_equal(before + T * VOCAB, after + T * VOCAB, T * VOCAB * sizeof(float));
    teardown(&t);
}

/* Logits a slice at a time, the last one short, sum up to the same gradients. */
static void test_slices(void **state)
{
    (void)state;
    struct net whole, cut;
    setup(&whole, false, 1, true);
    setup(&cut, false, 1, true);
    tr_net_destroy(cut.net);
    const tr_net_options options = {
        .source = &qf_reference_source, .batch = B, .length = T, .backward = true, .slice = 4};
    assert_int_equal(
        tr_net_create(&options, &cut.model, tr_linear_f32_linears(cut.linear), &cut.net),
        QF_OK);
    assert_true(take_gradient(&whole) == take_gradient(&cut));
    for (int i = 0; i < VOCAB * 16; i++) {
        const double head = (double)whole.gradient.head[i],
                     other = (double)cut.gradient.head[i];
        assert_true(fabs(head - other) <= 1e-6 * (1 + fabs(head)));
        assert_true(whole.gradient.embedding[i] == cut.gradient.embedding[i]);
    }
    teardown(&whole);
    teardown(&cut);
}

/* Distillation: gradients towards a mixture of targets and another network's predictions;
 * logits a slice at a time, so that both networks' slices must agree. */
static void test_teacher(void **state)
{
    (void)state;
    const double h = 5e-3, tolerance = 2e-3;
    struct net teacher, t;
    double without;

    setup(&teacher, false, 1, false);
    setup(&t, false, 1, true);
    without = value(&t);
    qf_random random = qf_random_init(8, 8); /* another network than its teacher */
    check_fill(&random, teacher.model.head, VOCAB * 16, 0.5);
    tr_net_destroy(t.net);
    tr_net_options options = {.source = &qf_reference_source,
                              .batch = B,
                              .length = T,
                              .backward = true,
                              .slice = 4,
                              .teacher = teacher.net,
                              .share = 0.75f};
    assert_int_equal(tr_net_create(&options, &t.model, tr_linear_f32_linears(t.linear), &t.net),
                     QF_OK);
    const double loss = take_gradient(&t);
    assert_true(fabs(loss - value(&t)) < 1e-6 && fabs(loss - without) > 1e-2);
    check_gradient("head", t.model.head, t.gradient.head, VOCAB * 16, h, tolerance, value, &t);
    check_gradient("gate", t.model.linear[4], t.gradient.linear[4], 23 * 16, h, tolerance,
                   value, &t);
    tr_net_destroy(t.net);
    options.slice = N + 1; /* more rows at once than the teacher was made for */
    options.batch = B + 1;
    assert_int_equal(tr_net_create(&options, &t.model, tr_linear_f32_linears(t.linear), &t.net),
                     QF_SHAPE);
    teardown(&t);
    teardown(&teacher);
}

static int64_t seen[LAYERS * QF_LINEARS];

static void see(void *context, int index, const float *x, int64_t n, int64_t k)
{
    assert_non_null(x);
    assert_ptr_equal(context, seen);
    seen[index] += n * k;
}

static void test_observe(void **state)
{
    (void)state;
    struct net t;
    tr_net *net;
    double loss;
    setup(&t, true, 1, false);
    const tr_net_options options = {.source = &qf_reference_source,
                                    .batch = B,
                                    .length = T,
                                    .observe = see,
                                    .observe_context = seen};
    assert_int_equal(tr_net_create(&options, &t.model, tr_linear_f32_linears(t.linear), &net),
                     QF_OK);
    assert_int_equal(tr_net_loss(net, t.token, t.target, B, T, &loss), QF_OK);
    for (int layer = 0; layer < LAYERS; layer++) {
        const int64_t *own = seen + layer * QF_LINEARS;
        assert_int_equal(own[QF_LINEAR_QUERY], N * 16);
        assert_int_equal(own[QF_LINEAR_KEY], 0);
        assert_int_equal(own[QF_LINEAR_OUTPUT], N * 16);
        assert_int_equal(own[QF_LINEAR_GATE], N * 16);
        assert_int_equal(own[QF_LINEAR_DOWN], N * 23);
    }
    tr_net_destroy(net);
    teardown(&t);
}

static void test_bad_tokens(void **state)
{
    (void)state;
    struct net t;
    double loss;
    setup(&t, true, 1, false);
    t.token[3] = VOCAB;
    assert_int_equal(tr_net_loss(t.net, t.token, t.target, B, T, &loss), QF_RANGE);
    t.token[3] = -1;
    assert_int_equal(tr_net_loss(t.net, t.token, t.target, B, T, &loss), QF_RANGE);
    t.token[3] = 0;
    t.target[2] = VOCAB;
    assert_int_equal(tr_net_loss(t.net, t.token, t.target, B, T, &loss), QF_RANGE);
    assert_int_equal(tr_net_loss(t.net, t.token, t.target, B + 1, T, &loss), QF_SHAPE);
    teardown(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_untied),       cmocka_unit_test(test_tied),
        cmocka_unit_test(test_partial),      cmocka_unit_test(test_threads),
        cmocka_unit_test(test_forward_only), cmocka_unit_test(test_causal),
        cmocka_unit_test(test_observe),      cmocka_unit_test(test_bad_tokens),
        cmocka_unit_test(test_slices),       cmocka_unit_test(test_teacher),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
