/* test_quantise.c -- whole models: calibration passes, methods, interruption, bad input. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "qforge/memory.h"
#include "tiny.h"
#include "train/linear_f32.h"
#include "train/net.h"
#include "train/qfa/supernet.h"
#include "train/quant/quantise.h"

enum { TOKENS = 2000, VOCAB = 50, B = 4, T = 16 };

static int stream_tokens[TOKENS];
static const tr_stream stream = {.token = stream_tokens, .count = TOKENS};

static int fill_stream(void **state)
{
    qf_random random = qf_random_init(3, 3);
    (void)state;
    for (int i = 0; i < TOKENS; i++) stream_tokens[i] = (int)qf_random_below(&random, VOCAB);
    return 0;
}

static tr_quantise_options options_of(tr_method method)
{
    return (tr_quantise_options){.method = method,
                                 .group = 32,
                                 .params = QF_PARAMS_F32,
                                 .widths = 3,
                                 .width = {2, 3, 4},
                                 .calibration = {.source = &qf_reference_source,
                                                 .stream = &stream,
                                                 .samples = 10,
                                                 .length = T,
                                                 .batch = B,
                                                 .seed = 1},
                                 .damping = 0.01};
}

/* ---- what a quantised model does to the network's output ---- */
static void logits_of(const qf_model *model, tr_linears linears, float *logits)
{
    const tr_net_options options = {
        .source = &qf_reference_source, .batch = B, .length = T, .backward = false};
    tr_net *net;

    assert_int_equal(tr_net_create(&options, model, linears, &net), QF_OK);
    assert_int_equal(tr_net_logits(net, stream_tokens, B, T, logits), QF_OK);
    tr_net_destroy(net);
}

static double deviation(const qf_model *model, const qf_qmodel *quantised, int bits)
{
    const qf_subnet subnet = qf_subnet_uniform(&model->config, bits);
    float *want = qf_alloc(B * T * VOCAB * sizeof(float));
    float *have = qf_alloc(B * T * VOCAB * sizeof(float));
    tr_linear_f32 *plain;
    tr_supernet *supernet;
    double square = 0;

    assert_int_equal(
        tr_linear_f32_create(&qf_reference_source, NULL, B * T, model, NULL, false, &plain),
        QF_OK);
    logits_of(model, tr_linear_f32_linears(plain), want);
    assert_int_equal(tr_supernet_create(&qf_reference_source, NULL, B * T, quantised, NULL,
                                        false, &supernet),
                     QF_OK);
    assert_int_equal(tr_supernet_choose(supernet, &subnet), QF_OK);
    logits_of(&quantised->base, tr_supernet_linears(supernet), have);
    for (int i = 0; i < B * T * VOCAB; i++)
        square += ((double)have[i] - (double)want[i]) * ((double)have[i] - (double)want[i]);
    tr_linear_f32_destroy(plain);
    tr_supernet_destroy(supernet);
    qf_free(want);
    qf_free(have);
    return sqrt(square / (B * T * VOCAB));
}

static void more_bits_are_better_and_gptq_than_rtn(void **state)
{
    (void)state;
    tr_quantise_options o = options_of(TR_METHOD_RTN);
    qf_qmodel rtn, gptq;
    qf_model model;

    check_tiny_model(&model, true, 2);
    o.calibration.samples = 120;
    assert_int_equal(tr_quantise(&o, &model, &rtn, NULL), QF_OK);
    o.method = TR_METHOD_GPTQ;
    assert_int_equal(tr_quantise(&o, &model, &gptq, NULL), QF_OK);
    assert_string_equal(gptq.method, "gptq");
    assert_string_equal(rtn.method, "rtn");
    double last = 1e9;
    for (int bits = 2; bits <= 4; bits++) {
        const double rounded = deviation(&model, &rtn, bits);
        assert_true(rounded < 0.8 * last);
        assert_true(deviation(&model, &gptq, bits) < rounded);
        last = rounded;
    }
    qf_qmodel_release(&rtn);
    qf_qmodel_release(&gptq);
    qf_model_release(&model);
}

/* Whatever the row of the table: it works, and two more bits help. */
static void every_method_gains_by_bits(void **state)
{
    (void)state;
    qf_model model;

    check_tiny_model(&model, true, 2);
    for (int method = 0; method < TR_METHODS; method++) {
        tr_quantise_options o = options_of((tr_method)method);
        qf_qmodel quantised;
        assert_int_equal(tr_quantise(&o, &model, &quantised, NULL), QF_OK);
        assert_string_equal(quantised.method, tr_method_name((tr_method)method));
        assert_true(deviation(&model, &quantised, 4) < 0.6 * deviation(&model, &quantised, 2));
        qf_qmodel_release(&quantised);
    }
    qf_model_release(&model);
}

static void eight_bits_are_nearly_exact(void **state)
{
    (void)state;
    tr_quantise_options o = options_of(TR_METHOD_GPTQ);
    qf_qmodel quantised;
    qf_model model;

    o.widths = 1;
    o.width[0] = 8;
    check_tiny_model(&model, true, 2);
    assert_int_equal(tr_quantise(&o, &model, &quantised, NULL), QF_OK);
    /* logits of this model have a deviation of about 7 */
    assert_true(deviation(&model, &quantised, 8) < 0.1);
    qf_qmodel_release(&quantised);
    qf_model_release(&model);
}

/* ---- calibration ---- */
static void hessians_sum_the_inputs(void **state)
{
    (void)state;
    const tr_quantise_options o = options_of(TR_METHOD_GPTQ);
    hessian h[2 * TR_INPUTS];
    tr_walk *walk;
    qf_model model;

    check_tiny_model(&model, true, 2);
    assert_int_equal(tr_walk_create(&o.calibration, &model, 1, &walk), QF_OK);
    for (int i = 0; i < 2 * TR_INPUTS; i++)
        assert_int_equal(hessian_init(&h[i], &qf_reference_source, NULL, B * T,
                                      tr_input_width(&model.config, i % TR_INPUTS)),
                         QF_OK);
    for (int block = 0; block < 2; block++) {
        const tr_step step = {.block = block, .advance = true, .h = h + block * TR_INPUTS};
        assert_int_equal(tr_walk_step(walk, &step, NULL, NULL), QF_OK);
    }
    tr_walk_destroy(walk);
    for (int i = 0; i < 2 * TR_INPUTS; i++) {
        assert_int_equal(h[i].tokens, 10 * T); /* the last batch is a short one */
        assert_int_equal(h[i].k, i % TR_INPUTS == 3 ? 44 : 48);
        for (int64_t j = 0; j < h[i].k; j++) assert_true(h[i].sum[j * h[i].k + j] > 0);
        for (int64_t j = 0; j < h[i].k; j++)
            assert_true(fabs(h[i].sum[j] - h[i].sum[j * h[i].k]) < 1e-4);
    }
    /* The first block's attention reads normed embeddings: sum of squares, by hand. */
    double want = 0;
    for (int batch = 0; batch < 3; batch++) {
        const int rows = batch < 2 ? B : 2;
        int token[B * T], target[B * T];
        tr_batch_draw(&stream, 1, batch, rows, T, token, target);
        for (int i = 0; i < rows * T; i++) {
            const float *x = model.embedding + token[i] * 48;
            double square = 0;
            for (int j = 0; j < 48; j++) square += (double)x[j] * (double)x[j];
            const double root = 1 / sqrt(square / 48 + 1e-5);
            want += pow((double)x[5] * root * (double)model.attention_norm[5], 2);
        }
    }
    assert_true(fabs(h[0].sum[5 * 48 + 5] - want) < 1e-4 * want);
    for (int i = 0; i < 2 * TR_INPUTS; i++) hessian_release(&h[i]);
    qf_model_release(&model);
}

static void each_linear_has_its_input(void **state)
{
    (void)state;
    static const int input[QF_LINEARS] = {0, 0, 0, 1, 2, 2, 3};
    for (int kind = 0; kind < QF_LINEARS; kind++)
        assert_int_equal(tr_input_of((qf_linear_kind)kind), input[kind]);
}

/* ---- progress and failure ---- */
typedef struct counter {
    int calls, last, total, stop;
} counter;

static bool count(void *context, int done, int total)
{
    counter *c = context;
    c->calls++;
    assert_true(done > c->last);
    c->last = done;
    c->total = total;
    return c->calls != c->stop;
}

static void progress_runs_to_the_end(void **state)
{
    (void)state;
    tr_quantise_options o = options_of(TR_METHOD_GPTQ);
    counter c = {0};
    qf_qmodel quantised;
    qf_model model;

    check_tiny_model(&model, true, 2);
    o.progress = count;
    o.progress_context = &c;
    assert_int_equal(tr_quantise(&o, &model, &quantised, NULL), QF_OK);
    assert_int_equal(c.last, c.total);
    assert_int_equal(c.calls, 2 * 3 + 14 * 3); /* batches through two blocks, matrices */
    qf_qmodel_release(&quantised);
    for (int stop = 2; stop < 30; stop += 20) {
        const size_t live = qf_memory_live();
        c = (counter){.stop = stop};
        assert_int_equal(tr_quantise(&o, &model, &quantised, NULL), QF_INTERRUPTED);
        assert_int_equal(c.calls, stop);
        assert_int_equal(qf_memory_live(), live); /* nothing is left behind */
    }
    qf_model_release(&model);
}

static void wild_models_are_refused(void **state)
{
    (void)state;
    tr_quantise_options o = options_of(TR_METHOD_RTN);
    qf_qmodel quantised;
    qf_model model;

    check_tiny_model(&model, true, 2);
    model.linear[QF_LINEARS + QF_LINEAR_UP][50] = NAN;
    assert_int_equal(tr_quantise(&o, &model, &quantised, NULL), QF_RANGE);
    assert_non_null(strstr(qf_message(), "model.layers.1.mlp.up_proj"));
    model.linear[QF_LINEARS + QF_LINEAR_UP][50] = 0;
    model.attention_norm[48 + 3] = INFINITY; /* block 1's inputs */
    o.method = TR_METHOD_GPTQ;
    assert_int_equal(tr_quantise(&o, &model, &quantised, NULL), QF_RANGE);
    assert_non_null(strstr(qf_message(), "model.layers.1.self_attn.q_proj"));
    qf_model_release(&model);
}

/* One token per window: Hessians of rank 10. */
static void scarce_text_raises_the_damping(void **state)
{
    (void)state;
    tr_quantise_options o = options_of(TR_METHOD_GPTQ);
    tr_quantise_report report;
    qf_qmodel quantised;
    qf_model model;

    check_tiny_model(&model, true, 2);
    o.calibration.length = 1;
    o.damping = 0;
    assert_int_equal(tr_quantise(&o, &model, &quantised, &report), QF_OK);
    assert_true(report.damping > 0);
    qf_qmodel_release(&quantised);
    qf_model_release(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(more_bits_are_better_and_gptq_than_rtn),
        cmocka_unit_test(every_method_gains_by_bits),
        cmocka_unit_test(eight_bits_are_nearly_exact),
        cmocka_unit_test(hessians_sum_the_inputs),
        cmocka_unit_test(each_linear_has_its_input),
        cmocka_unit_test(progress_runs_to_the_end),
        cmocka_unit_test(wild_models_are_refused),
        cmocka_unit_test(scarce_text_raises_the_damping),
    };
    return cmocka_run_group_tests(tests, fill_stream, NULL);
}
