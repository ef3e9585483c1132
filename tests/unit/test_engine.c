/* test_engine.c -- inference of tiny models: every way of cutting a text into steps,
 * against the training network; subnets; likelihood. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "qforge/engine.h"
#include "qforge/memory.h"
#include "qforge/tokenizer.h"
#include "scratch.h"
#include "tiny.h"
#include "train/linear_f32.h"
#include "train/net.h"

enum { VOCAB = 50, LENGTH = 16 }; /* of the tiny model */

static const int text[LENGTH] = {1, 7, 49, 0, 12, 12, 3, 44, 9, 30, 21, 2, 5, 8, 13, 40};

static qf_pool *pool;

static qf_engine *make_engine(const qf_model *model, int chunk, qf_pool *team)
{
    const qf_engine_options options = {
        .source = &qf_reference_source, .pool = team, .chunk = chunk};
    qf_engine *engine;
    assert_int_equal(qf_engine_create(&options, model, &engine), QF_OK);
    return engine;
}

static void assert_close(const float *got, const float *want, int64_t count, double tolerance)
{
    for (int64_t i = 0; i < count; i++)
        if (!(fabs((double)got[i] - want[i]) <= tolerance))
            fail_msg("logit %d: %g, wants %g", (int)i, (double)got[i], (double)want[i]);
}

/* What the training network says of the whole text at once. */
static void net_logits(const qf_model *model, float *logits)
{
    const tr_net_options options = {
        .source = &qf_reference_source, .batch = 1, .length = LENGTH};
    tr_linear_f32 *linear;
    tr_net *net;

    assert_int_equal(
        tr_linear_f32_create(&qf_reference_source, NULL, LENGTH, model, NULL, false, &linear),
        QF_OK);
    assert_int_equal(tr_net_create(&options, model, tr_linear_f32_linears(linear), &net),
                     QF_OK);
    assert_int_equal(tr_net_logits(net, text, 1, LENGTH, logits), QF_OK);
    tr_net_destroy(net);
    tr_linear_f32_destroy(linear);
}

static void every_cut_agrees(void **state)
{
    static const int chunks[] = {1, 2, 3, 5, 16, 0};
    static float want[LENGTH * VOCAB], got[LENGTH * VOCAB];
    (void)state;

    for (int tied = 0; tied < 2; tied++) {
        qf_model model;
        check_tiny_model(&model, tied, 21);
        model.config.rope_theta = tied ? 10000 : 31.5f;
        net_logits(&model, want);
        for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++) {
            qf_engine *engine = make_engine(&model, chunks[i], i % 2 ? pool : NULL);
            assert_int_equal(qf_engine_step(engine, text, LENGTH, 0, true, got), QF_OK);
            assert_close(got, want, LENGTH * VOCAB, 2e-5);

            /* The last alone; then token by token over the same cache. */
            assert_int_equal(qf_engine_step(engine, text, 9, 0, false, got), QF_OK);
            assert_close(got, want + 8 * VOCAB, VOCAB, 2e-5);
            for (int at = 9; at < LENGTH; at++) {
                assert_int_equal(qf_engine_step(engine, text + at, 1, at, false, got), QF_OK);
                assert_close(got, want + at * VOCAB, VOCAB, 2e-5);
            }
            /* Back to the middle: what follows is overwritten. */
            assert_int_equal(qf_engine_step(engine, text + 4, 3, 4, false, got), QF_OK);
            assert_close(got, want + 6 * VOCAB, VOCAB, 2e-5);
            qf_engine_destroy(engine);
        }
        qf_model_release(&model);
    }
}

/* The same bits again, and from a fresh engine. */
static void same_bits(void **state)
{
    static float first[LENGTH * VOCAB], second[LENGTH * VOCAB];
    qf_model model;
    (void)state;

    check_tiny_model(&model, true, 22);
    for (int i = 0; i < 2; i++) {
        qf_engine *engine = make_engine(&model, 4, pool);
        float *into = i ? second : first;
        assert_int_equal(qf_engine_step(engine, text, LENGTH, 0, true, into), QF_OK);
        assert_int_equal(qf_engine_step(engine, text, LENGTH, 0, true, into), QF_OK);
        qf_engine_destroy(engine);
    }
    assert_memory_equal(first, second, sizeof first);
    qf_model_release(&model);
}

static void refused_steps(void **state)
{
    const qf_engine_options few = {.source = &qf_reference_source, .context = 4};
    const qf_engine_options negative = {.source = &qf_reference_source, .context = -1};
    static float logits[LENGTH * VOCAB];
    qf_engine *engine;
    qf_model model;
    (void)state;

    check_tiny_model(&model, true, 23);
    assert_int_equal(qf_engine_create(&negative, &model, &engine), QF_RANGE);
    assert_null(engine);
    assert_int_equal(qf_engine_create(&few, &model, &engine), QF_OK);
    assert_int_equal(qf_engine_step(engine, text, 0, 0, false, logits), QF_SHAPE);
    assert_int_equal(qf_engine_step(engine, text, 5, 0, false, logits), QF_SHAPE);
    assert_int_equal(qf_engine_step(engine, text, 1, 1, false, logits), QF_SHAPE);
    assert_int_equal(qf_engine_step(engine, text, 1, -1, false, logits), QF_SHAPE);
    assert_int_equal(qf_engine_step(engine, text, 4, 0, false, logits), QF_OK);
    assert_int_equal(qf_engine_step(engine, text, 1, 4, false, logits), QF_SHAPE);
    assert_int_equal(qf_engine_step(engine, text, 2, 3, false, logits), QF_SHAPE);
    assert_int_equal(qf_engine_step(engine, (int[]){VOCAB}, 1, 0, false, logits), QF_SHAPE);
    assert_int_equal(qf_engine_step(engine, (int[]){-1}, 1, 0, false, logits), QF_SHAPE);
    qf_engine_destroy(engine);
    qf_model_release(&model);
}

/* ---- subnets ---- */

/* A full-precision model whose linears are what the subnet's kernels see. */
static void dequantised(const qf_qmodel *copies, const qf_subnet *subnet, qf_model *model)
{
    const qf_config *c = &copies->base.config;
    static float offset[4096];

    check_tiny_model(model, c->tied, 31);
    for (int i = 0; i < subnet->count; i++) {
        qf_qmatrix matrix = qf_qmodel_matrix(copies, i, subnet->bits[i]);
        assert_true(matrix.n * qf_groups(matrix.k, matrix.group) <= 4096);
        qf_qmodel_merged_offsets(copies, i, subnet->bits[i], offset);
        matrix.offset = offset;
        qf_qmatrix_dequantise(&matrix, model->linear[i]);
    }
}

static double spread(const float *x, int count)
{
    double sum = 0;
    for (int i = 0; i < count; i++) sum += (double)x[i] * x[i];
    return sqrt(sum / count);
}

static void subnets(void **state)
{
    static float want[LENGTH * VOCAB], got[LENGTH * VOCAB];
    qf_engine_options options = {.source = &qf_reference_source, .chunk = 6};
    qf_qmodel copies;
    qf_subnet subnet;
    qf_engine *engine;
    qf_model model;
    (void)state;

    check_tiny_quantised(&copies, true, 31);
    check_tiny_adapters(&copies, 3, 32);
    assert_int_equal(qf_subnet_parse(&copies.base.config, "23442344323342", &subnet), QF_OK);
    dequantised(&copies, &subnet, &model);
    qf_engine *plain = make_engine(&model, 0, NULL);
    assert_int_equal(qf_engine_step(plain, text, LENGTH, 0, true, want), QF_OK);

    assert_int_equal(qf_engine_create_subnet(&options, &copies, &subnet, &engine), QF_OK);
    assert_int_equal(qf_engine_step(engine, text, LENGTH, 0, true, got), QF_OK);
    assert_close(got, want, LENGTH * VOCAB, 5e-5);
    assert_true(qf_engine_weight_bytes(engine) < qf_engine_weight_bytes(plain) / 2);
    qf_engine_destroy(engine);

    /* int8 activations and fp16 scales: near, not equal. */
    options.accuracy = QF_FAST;
    assert_int_equal(qf_engine_create_subnet(&options, &copies, &subnet, &engine), QF_OK);
    assert_int_equal(qf_engine_step(engine, text, LENGTH, 0, true, got), QF_OK);
    for (int i = 0; i < LENGTH * VOCAB; i++) got[i] -= want[i];
    const double error = spread(got, LENGTH * VOCAB), size = spread(want, LENGTH * VOCAB);
    assert_true(error > 0 && error < 0.05 * size);
    qf_engine_destroy(engine);

    subnet.bits[3] = 8;
    assert_int_equal(qf_engine_create_subnet(&options, &copies, &subnet, &engine), QF_USAGE);
    assert_null(engine);
    subnet.bits[3] = 2;
    subnet.count--;
    assert_int_equal(qf_engine_create_subnet(&options, &copies, &subnet, &engine), QF_SHAPE);
    qf_engine_destroy(plain);
    qf_model_release(&model);
    qf_qmodel_release(&copies);
}

/* ---- likelihood ---- */

static double log_sum(const float *x)
{
    double sum = 0;
    for (int i = 0; i < VOCAB; i++) sum += exp((double)x[i]);
    return log(sum);
}

static void likelihood(void **state)
{
    static float p[LENGTH * VOCAB], q[LENGTH * VOCAB];
    int lengths[2] = {LENGTH, 5};
    int *tokens[2] = {(int *)(uintptr_t)text, (int *)(uintptr_t)(text + 3)};
    int64_t bytes[2] = {40, 10};
    const qf_corpus corpus = {2, lengths, tokens, bytes};
    double nll = 0, kl = 0;
    qf_likelihood result;
    qf_model model, other;
    (void)state;

    check_tiny_model(&model, true, 24);
    check_tiny_model(&other, true, 25);
    qf_engine *engine = make_engine(&model, 7, pool), *reference = make_engine(&other, 0, NULL);
    for (int s = 0; s < 2; s++) {
        assert_int_equal(qf_engine_step(engine, tokens[s], lengths[s], 0, true, q), QF_OK);
        assert_int_equal(qf_engine_step(reference, tokens[s], lengths[s], 0, true, p), QF_OK);
        for (int i = 0; i + 1 < lengths[s]; i++) {
            const float *x = q + i * VOCAB, *r = p + i * VOCAB;
            nll += log_sum(x) - (double)x[tokens[s][i + 1]];
            for (int t = 0; t < VOCAB; t++) {
                const double log_r = (double)r[t] - log_sum(r);
                kl += exp(log_r) * (log_r - ((double)x[t] - log_sum(x)));
            }
        }
    }
    assert_int_equal(qf_engine_likelihood(engine, reference, &corpus, NULL, NULL, &result),
                     QF_OK);
    assert_int_equal(result.tokens, LENGTH - 1 + 4);
    assert_int_equal(result.bytes, 50);
    assert_true(fabs(result.nll - nll) < 1e-4 * nll);
    assert_true(fabs(result.kl - kl) < 1e-4 * kl);
    assert_int_equal(qf_engine_likelihood(engine, engine, &corpus, NULL, NULL, &result), QF_OK);
    assert_true(fabs(result.kl) < 1e-5);
    qf_engine_destroy(engine);
    qf_engine_destroy(reference);
    qf_model_release(&model);
    qf_model_release(&other);
}

static bool stop_at_once(void *context, int done, int total)
{
    assert_int_equal(total, 2);
    *(int *)context = done;
    return false;
}

static void likelihood_stops(void **state)
{
    int lengths[2] = {4, 4};
    int *tokens[2] = {(int *)(uintptr_t)text, (int *)(uintptr_t)text};
    int64_t bytes[2] = {4, 4};
    const qf_corpus corpus = {2, lengths, tokens, bytes};
    qf_likelihood result;
    qf_model model;
    int done = 0;
    (void)state;

    check_tiny_model(&model, true, 26);
    qf_engine *engine = make_engine(&model, 0, NULL);
    assert_int_equal(qf_engine_likelihood(engine, NULL, &corpus, stop_at_once, &done, &result),
                     QF_INTERRUPTED);
    assert_int_equal(done, 1);
    qf_engine_destroy(engine);
    qf_model_release(&model);
}

/* ---- corpora ---- */

static void records(void **state)
{
    const char *path = check_scratch_path("records.txt");
    qf_tokenizer *bytes;
    qf_corpus corpus;
    (void)state;

    assert_int_equal(qf_tokenizer_load(QF_TOKENIZER_BYTES, 258, &bytes), QF_OK);
    check_scratch_text("records.txt", "\n  one\n<|endoftext|>\n\n<|endoftext|>two more\n"
                                      "<|endoftext|>\nthree<|endoftext|>");
    assert_int_equal(qf_corpus_load(path, bytes, 6, 0, &corpus), QF_OK);
    assert_int_equal(corpus.sequences, 3);
    assert_int_equal(corpus.length[0], 4); /* begin, o, n, e */
    assert_int_equal(corpus.token[0][0], 256);
    assert_int_equal(corpus.token[0][1], 'o');
    assert_int_equal(corpus.bytes[0], 3);
    assert_int_equal(corpus.length[1], 6); /* cut */
    assert_int_equal(corpus.bytes[1], 5);
    assert_int_equal(corpus.length[2], 6);
    qf_corpus_release(&corpus);

    assert_int_equal(qf_corpus_load(path, bytes, 6, 2, &corpus), QF_OK);
    assert_int_equal(corpus.sequences, 2);
    qf_corpus_release(&corpus);

    check_scratch_text("records.txt", " \n<|endoftext|>\n");
    assert_int_equal(qf_corpus_load(path, bytes, 6, 0, &corpus), QF_FORMAT);
    check_scratch_text("records.txt", "");
    assert_int_equal(qf_corpus_load(path, bytes, 6, 0, &corpus), QF_FORMAT);
    assert_int_equal(qf_corpus_load(check_scratch_path("none.txt"), bytes, 6, 0, &corpus),
                     QF_IO);
    assert_int_equal(qf_corpus_load(path, bytes, 1, 0, &corpus), QF_RANGE);
    qf_tokenizer_free(bytes);
}

static int set_up(void **state)
{
    return qf_pool_create(2, &pool) == QF_OK ? check_scratch_make(state) : -1;
}

static int tear_down(void **state)
{
    qf_pool_destroy(pool);
    return check_scratch_remove(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cut_agrees), cmocka_unit_test(same_bits),
        cmocka_unit_test(refused_steps),    cmocka_unit_test(subnets),
        cmocka_unit_test(likelihood),       cmocka_unit_test(likelihood_stops),
        cmocka_unit_test(records),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
