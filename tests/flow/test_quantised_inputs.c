/* test_quantised_inputs.c -- calibration behind quantised blocks: whose inputs they are, that
 * widths do not meet, and that methods gain by it. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "qforge/memory.h"
#include "tiny.h"
#include "train/quant/quantise.h"

enum { TOKENS = 4000, VOCAB = 50, B = 4, T = 16, WIDE = 48 };

static int stream_tokens[TOKENS];
static const tr_stream stream = {.token = stream_tokens, .count = TOKENS};

static int fill_stream(void **state)
{
    qf_random random = qf_random_init(3, 3);
    (void)state;
    for (int i = 0; i < TOKENS; i++) stream_tokens[i] = (int)qf_random_below(&random, VOCAB);
    return 0;
}

static tr_quantise_options options_of(tr_method method, bool quantised_inputs)
{
    return (tr_quantise_options){.method = method,
                                 .group = 32,
                                 .params = QF_PARAMS_F32,
                                 .widths = 3,
                                 .width = {2, 3, 4},
                                 .calibration = {.source = &qf_reference_source,
                                                 .stream = &stream,
                                                 .samples = 48,
                                                 .length = T,
                                                 .batch = B,
                                                 .seed = 1},
                                 .quantised_inputs = quantised_inputs,
                                 .damping = 0.01};
}

static bool same_block(const qf_qmodel *a, const qf_qmodel *b, int block, int bits)
{
    bool same = true;
    for (int kind = 0; kind < QF_LINEARS; kind++) {
        const qf_qmatrix x = qf_qmodel_matrix(a, block * QF_LINEARS + kind, bits);
        const qf_qmatrix y = qf_qmodel_matrix(b, block * QF_LINEARS + kind, bits);
        same &= memcmp(x.code, y.code, (size_t)(x.n * x.k)) == 0;
    }
    return same;
}

static void the_first_block_reads_the_same(void **state)
{
    (void)state;
    tr_quantise_options o = options_of(TR_METHOD_GPTQ, false);
    qf_qmodel full, behind, compared;
    qf_model model;

    check_tiny_model(&model, true, 2);
    assert_int_equal(tr_quantise(&o, &model, &full, NULL), QF_OK);
    assert_string_equal(full.recipe, "");
    o.quantised_inputs = true;
    assert_int_equal(tr_quantise(&o, &model, &behind, NULL), QF_OK);
    assert_string_equal(behind.recipe, "calibrate-on=quantised");
    o.method = TR_METHOD_GPTAQ;
    assert_int_equal(tr_quantise(&o, &model, &compared, NULL), QF_OK);
    assert_string_equal(compared.recipe, "");
    for (int bits = 2; bits <= 4; bits++) {
        assert_true(same_block(&full, &behind, 0, bits));
        assert_true(same_block(&full, &compared, 0, bits)); /* nothing has drifted yet */
        assert_false(same_block(&full, &behind, 1, bits));
        assert_false(same_block(&behind, &compared, 1, bits));
    }
    qf_qmodel_release(&full);
    qf_qmodel_release(&behind);
    qf_qmodel_release(&compared);
    qf_model_release(&model);
}

static void widths_do_not_meet(void **state)
{
    (void)state;
    const tr_method methods[] = {TR_METHOD_GPTQ, TR_METHOD_GPTAQ};
    qf_model model;

    check_tiny_model(&model, true, 2);
    for (int m = 0; m < 2; m++) {
        tr_quantise_options o = options_of(methods[m], true);
        qf_qmodel all, alone;
        assert_int_equal(tr_quantise(&o, &model, &all, NULL), QF_OK);
        for (int bits = 2; bits <= 4; bits++) {
            o.widths = 1;
            o.width[0] = bits;
            assert_int_equal(tr_quantise(&o, &model, &alone, NULL), QF_OK);
            assert_true(same_block(&all, &alone, 0, bits));
            assert_true(same_block(&all, &alone, 1, bits));
            qf_qmodel_release(&alone);
        }
        qf_qmodel_release(&all);
    }
    qf_model_release(&model);
}

/* ---- |Q x - W y|^2 of the last block, from second moments ---- */
typedef struct moments {
    hessian own, full, cross; /* x x^T; y y^T; (y - x) x^T */
} moments;

static double error_of(const moments *m, const float *q, const float *w, int64_t n)
{
    const int64_t k = m->own.k;
    double sum = 0;

    for (int64_t row = 0; row < n; row++)
        for (int64_t i = 0; i < k; i++)
            for (int64_t j = 0; j < k; j++) {
                const double qi = (double)q[row * k + i], qj = (double)q[row * k + j];
                const double wi = (double)w[row * k + i], wj = (double)w[row * k + j];
                const double own = m->own.sum[i * k + j];
                sum += qi * qj * own + wi * wj * m->full.sum[i * k + j] -
                       2 * wi * qj * (m->cross.sum[i * k + j] + own);
            }
    return sum / (double)m->own.tokens;
}

static void measure(const tr_calibration *c, const qf_model *model, const qf_qmodel *quantised,
                    int bits, hessian *own, hessian *full, hessian *cross)
{
    float *weight[QF_LINEARS];
    tr_walk *walk;

    for (int kind = 0; kind < QF_LINEARS; kind++) {
        const qf_qmatrix matrix = qf_qmodel_matrix(quantised, kind, bits);
        weight[kind] = qf_alloc((size_t)(matrix.n * matrix.k) * sizeof **weight);
        qf_qmatrix_dequantise(&matrix, weight[kind]);
    }
    const tr_step steps[] = {
        {.stream = 0, .block = 0, .weight = (const float *const *)weight, .advance = true},
        {.stream = 1, .block = 0, .advance = true},
        {.stream = 0, .block = 1, .h = own, .drift = cross, .other = 1},
        {.stream = 1, .block = 1, .h = full}};
    assert_int_equal(tr_walk_create(c, model, 2, &walk), QF_OK);
    for (int i = 0; i < 4; i++)
        assert_int_equal(tr_walk_step(walk, &steps[i], NULL, NULL), QF_OK);
    tr_walk_destroy(walk);
    for (int kind = 0; kind < QF_LINEARS; kind++) qf_free(weight[kind]);
}

/* Of all linears of block 1, each against the size of what it should give. */
static double block_error(const tr_calibration *c, const qf_model *model,
                          const qf_qmodel *quantised, int bits)
{
    hessian own[TR_INPUTS], full[TR_INPUTS], cross[TR_INPUTS], *all[] = {own, full, cross};
    double sum = 0;

    for (int i = 0; i < 3 * TR_INPUTS; i++)
        assert_int_equal(hessian_init(&all[i / TR_INPUTS][i % TR_INPUTS], &qf_reference_source,
                                      NULL, B * T,
                                      tr_input_width(&model->config, i % TR_INPUTS)),
                         QF_OK);
    measure(c, model, quantised, bits, own, full, cross);
    for (int kind = 0; kind < QF_LINEARS; kind++) {
        const int input = tr_input_of((qf_linear_kind)kind), index = QF_LINEARS + kind;
        const moments m = {own[input], full[input], cross[input]};
        const qf_qmatrix matrix = qf_qmodel_matrix(quantised, index, bits);
        float *q = qf_alloc((size_t)(matrix.n * matrix.k) * sizeof *q);
        float *none = qf_alloc((size_t)(matrix.n * matrix.k) * sizeof *none);
        qf_qmatrix_dequantise(&matrix, q);
        sum += error_of(&m, q, model->linear[index], matrix.n) /
               error_of(&m, none, model->linear[index], matrix.n);
        qf_free(q);
        qf_free(none);
    }
    for (int i = 0; i < 3 * TR_INPUTS; i++) hessian_release(&all[i / TR_INPUTS][i % TR_INPUTS]);
    return sum;
}

/* C = (y - x) x^T of one stream against the other and C' = (x - y) y^T the other way round:
 * C - C'^T = y y^T - x x^T, whatever x and y are. */
static void drift_is_what_is_missing(void **state)
{
    (void)state;
    const tr_quantise_options o = options_of(TR_METHOD_GPTQ, true);
    hessian own[TR_INPUTS], full[TR_INPUTS], there[TR_INPUTS], back[TR_INPUTS];
    hessian *all[] = {own, full, there, back};
    float *none[QF_LINEARS];
    qf_model model;
    tr_walk *walk;

    check_tiny_model(&model, true, 2);
    for (int i = 0; i < 4 * TR_INPUTS; i++)
        assert_int_equal(hessian_init(&all[i / TR_INPUTS][i % TR_INPUTS], &qf_reference_source,
                                      NULL, B * T,
                                      tr_input_width(&model.config, i % TR_INPUTS)),
                         QF_OK);
    /* Stream 0 passes block 0 as if it gave nothing. */
    for (int kind = 0; kind < QF_LINEARS; kind++) none[kind] = qf_alloc(WIDE * WIDE * 4);
    const tr_step steps[] = {
        {.stream = 0, .block = 0, .weight = (const float *const *)none, .advance = true},
        {.stream = 1, .block = 0, .advance = true},
        {.stream = 0, .block = 1, .h = own, .drift = there, .other = 1},
        {.stream = 1, .block = 1, .h = full, .drift = back, .other = 0}};
    assert_int_equal(tr_walk_create(&o.calibration, &model, 2, &walk), QF_OK);
    for (int i = 0; i < 4; i++)
        assert_int_equal(tr_walk_step(walk, &steps[i], NULL, NULL), QF_OK);
    tr_walk_destroy(walk);
    for (int input = 0; input < TR_INPUTS; input++) {
        const int64_t k = own[input].k;
        for (int64_t i = 0; i < k * k; i++) {
            const int64_t across = i % k * k + i / k;
            const double drift = there[input].sum[i] - back[input].sum[across];
            const double size = full[input].sum[i / k * (k + 1)] + 1;
            assert_true(fabs(drift - full[input].sum[i] + own[input].sum[i]) < 1e-3 * size);
        }
    }
    for (int i = 0; i < 4 * TR_INPUTS; i++) hessian_release(&all[i / TR_INPUTS][i % TR_INPUTS]);
    for (int kind = 0; kind < QF_LINEARS; kind++) qf_free(none[kind]);
    qf_model_release(&model);
}

static void comparing_comes_nearer(void **state)
{
    (void)state;
    qf_model model;

    check_tiny_model(&model, true, 2);
    for (int searched = 0; searched < 2; searched++) {
        tr_quantise_options o = options_of(TR_METHOD_GPTQ, true);
        qf_qmodel gptq, gptaq;
        o.options.grid = searched ? QUANT_GRID_SEARCH : QUANT_GRID_MINMAX;
        assert_int_equal(tr_quantise(&o, &model, &gptq, NULL), QF_OK);
        o.method = TR_METHOD_GPTAQ;
        assert_int_equal(tr_quantise(&o, &model, &gptaq, NULL), QF_OK);
        for (int bits = 2; bits <= 4; bits++) {
            const double before = block_error(&o.calibration, &model, &gptq, bits);
            const double here = block_error(&o.calibration, &model, &gptaq, bits);
            assert_true(here <= before);
        }
        qf_qmodel_release(&gptq);
        qf_qmodel_release(&gptaq);
    }
    qf_model_release(&model);
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
    qf_qmodel quantised;
    qf_model model;

    check_tiny_model(&model, true, 2);
    for (int compares = 0; compares < 2; compares++) {
        tr_quantise_options o =
            options_of(compares ? TR_METHOD_GPTAQ : TR_METHOD_GPTQ, !compares);
        counter c = {0};
        o.progress = count;
        o.progress_context = &c;
        assert_int_equal(tr_quantise(&o, &model, &quantised, NULL), QF_OK);
        qf_qmodel_release(&quantised);
        assert_int_equal(c.last, c.total);
        for (int stop = 2; stop < c.calls; stop += 40) {
            const size_t live = qf_memory_live();
            counter stopped = {.stop = stop};
            o.progress_context = &stopped;
            assert_int_equal(tr_quantise(&o, &model, &quantised, NULL), QF_INTERRUPTED);
            assert_int_equal(qf_memory_live(), live);
        }
    }
    qf_model_release(&model);
}

static void wild_models_are_refused(void **state)
{
    (void)state;
    const tr_quantise_options o = options_of(TR_METHOD_GPTAQ, true);
    qf_qmodel quantised;
    qf_model model;

    check_tiny_model(&model, true, 2);
    model.mlp_norm[WIDE + 3] = INFINITY; /* block 1's MLP */
    assert_int_equal(tr_quantise(&o, &model, &quantised, NULL), QF_RANGE);
    assert_non_null(strstr(qf_message(), "model.layers.1.mlp.gate_proj"));
    qf_model_release(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_block_reads_the_same),
        cmocka_unit_test(widths_do_not_meet),
        cmocka_unit_test(drift_is_what_is_missing),
        cmocka_unit_test(comparing_comes_nearer),
        cmocka_unit_test(progress_runs_to_the_end),
        cmocka_unit_test(wild_models_are_refused),
    };
    return cmocka_run_group_tests(tests, fill_stream, NULL);
}
