/* test_full.c -- full training: a tiny model learns a language whose next token is nearly
 * certain although every token is equally frequent; a run stopped and resumed ends with
 * the same bits; another recipe is refused. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "qforge/file.h"
#include "qforge/memory.h"
#include "qforge/random.h"
#include "qforge/tensorfile.h"
#include "train/full.h"

enum { VOCAB = 32, COUNT = 20000 };

static int tokens[COUNT];
static const tr_stream stream = {.token = tokens, .count = COUNT};
static char root[64];

/* One token in sixteen is drawn at random, the others follow by rule: the unigram entropy
 * is ln 32 = 3.47, that of the next token given the last about 0.42. */
static void speak(void)
{
    qf_random random = qf_random_init(11, 1);
    for (int i = 1; i < COUNT; i++)
        tokens[i] = qf_random_below(&random, 16) == 0 ? (int)qf_random_below(&random, VOCAB)
                                                      : (tokens[i - 1] * 5 + 7) % VOCAB;
}

static int setup(void **state)
{
    (void)state;
    speak();
    snprintf(root, sizeof root, "/tmp/qforge-full-XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    char command[96];
    snprintf(command, sizeof command, "rm -rf %s", root);
    return system(command);
}

struct run {
    char directory[96];
    double loss; /* of the last step */
    int64_t stop_after;
    int64_t taken;
};

static bool report(void *context, const tr_progress *progress)
{
    struct run *run = context;
    run->loss = progress->loss;
    run->taken++;
    return progress->step != run->stop_after;
}

static tr_full_options options_of(struct run *run, const char *name, int64_t steps)
{
    snprintf(run->directory, sizeof run->directory, "%s/%s", root, name);
    tr_full_options options = {
        .source = &qf_reference_source,
        .config = {.dim = 32,
                   .hidden = 48,
                   .layers = 2,
                   .heads = 4,
                   .kv_heads = 2,
                   .head_dim = 8,
                   .vocab = VOCAB,
                   .context = 32,
                   .rope_theta = 10000,
                   .norm_eps = 1e-5f,
                   .tied = true,
                   .bos = 1,
                   .eos = 2},
        .stream = &stream,
        .batch = 4,
        .length = 16,
        .schedule = {TR_CONSTANT, 5e-3, 0, 5, steps},
        .adamw = tr_adamw_defaults,
        .seed = 3,
        .directory = run->directory,
        .save_every = 7,
        .report = report,
        .report_context = run,
    };
    options.adamw.clip = 1;
    return options;
}

static void same_model(const struct run *a, const struct run *b)
{
    char *data[2], path[128];
    size_t size[2];
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/model.safetensors", (i ? b : a)->directory);
        assert_int_equal(qf_file_read(path, 1 << 26, &data[i], &size[i]), QF_OK);
    }
    assert_int_equal(size[0], size[1]);
    assert_memory_equal(data[0], data[1], size[0]);
    qf_free(data[0]), qf_free(data[1]);
}

static double deviation(const float *x, int64_t n)
{
    double square = 0;
    for (int64_t i = 0; i < n; i++) square += (double)x[i] * (double)x[i];
    return sqrt(square / (double)n);
}

/* Weights start with the deviations full.h promises. */
static void check_init(const qf_model *first)
{
    const qf_config *c = &first->config;
    assert_true(fabs(deviation(first->embedding, VOCAB * c->dim) / 0.02 - 1) < 0.1);
    for (int i = 0; i < c->layers * QF_LINEARS; i++) {
        const int kind = i % QF_LINEARS;
        const bool ends = kind == QF_LINEAR_OUTPUT || kind == QF_LINEAR_DOWN;
        int64_t n, k;
        qf_linear_shape(c, (qf_linear_kind)kind, &n, &k);
        const double want = 1 / sqrt((double)k * (ends ? 2 * c->layers : 1));
        assert_true(fabs(deviation(first->linear[i], n * k) / want - 1) < 0.15);
    }
}

static void check_moved(const float *before, const float *after, int64_t n)
{
    int64_t moved = 0;
    for (int64_t i = 0; i < n; i++) moved += before[i] != after[i];
    assert_true(moved > n / 2);
}

/* Training reaches every parameter there is. */
static void check_all_trained(const qf_model *model)
{
    const qf_config *c = &model->config;
    qf_model first;
    assert_int_equal(qf_model_create(c, QF_LINEARS_ALL, &first), QF_OK);
    tr_full_init(&first, 3);
    check_init(&first);
    check_moved(first.embedding, model->embedding, VOCAB * c->dim);
    check_moved(first.attention_norm, model->attention_norm, c->layers * c->dim);
    check_moved(first.mlp_norm, model->mlp_norm, c->layers * c->dim);
    check_moved(first.final_norm, model->final_norm, c->dim);
    for (int i = 0; i < c->layers * QF_LINEARS; i++) {
        int64_t n, k;
        qf_linear_shape(c, (qf_linear_kind)(i % QF_LINEARS), &n, &k);
        check_moved(first.linear[i], model->linear[i], n * k);
    }
    qf_model_release(&first);
}

static void test_learns(void **state)
{
    (void)state;
    struct run run = {{0}, 0, -1, 0};
    const tr_full_options options = options_of(&run, "learns", 300);
    assert_int_equal(tr_full_train(&options), QF_OK);
    assert_int_equal(run.taken, 300);
    assert_true(run.loss < 1.0); /* a third of the unigram entropy */
    assert_true(run.loss > 0.1); /* and not below what the language allows */

    qf_model model;
    assert_int_equal(qf_model_load(run.directory, &model), QF_OK);
    assert_int_equal(model.config.vocab, VOCAB);
    assert_true(model.config.tied);
    check_all_trained(&model);
    qf_model_release(&model);
}

static void test_resume(void **state)
{
    (void)state;
    struct run whole = {{0}, 0, -1, 0}, parts = {{0}, 0, 11, 0};
    tr_full_options options = options_of(&whole, "whole", 20);
    assert_int_equal(tr_full_train(&options), QF_OK);

    options = options_of(&parts, "parts", 20);
    options.resume = true; /* nothing there yet: it begins */
    assert_int_equal(tr_full_train(&options), QF_INTERRUPTED);
    assert_int_equal(parts.taken, 11);
    parts.stop_after = -1;
    assert_int_equal(tr_full_train(&options), QF_OK);
    assert_int_equal(parts.taken, 20);
    assert_true(whole.loss == parts.loss);
    same_model(&whole, &parts);

    /* Nothing left to do: the model stays as it is. */
    assert_int_equal(tr_full_train(&options), QF_OK);
    assert_int_equal(parts.taken, 20);
    same_model(&whole, &parts);
}

static void test_threads(void **state)
{
    (void)state;
    struct run one = {{0}, 0, -1, 0}, two = {{0}, 0, -1, 0};
    tr_full_options options = options_of(&one, "one", 6);
    assert_int_equal(tr_full_train(&options), QF_OK);
    options = options_of(&two, "two", 6);
    assert_int_equal(qf_pool_create(2, &options.pool), QF_OK);
    assert_int_equal(tr_full_train(&options), QF_OK);
    qf_pool_destroy(options.pool);
    same_model(&one, &two);
}

static void test_refusals(void **state)
{
    (void)state;
    struct run run = {{0}, 0, 3, 0};
    tr_full_options options = options_of(&run, "refusals", 6);
    assert_int_equal(tr_full_train(&options), QF_INTERRUPTED);
    assert_int_equal(tr_full_train(&options), QF_USAGE); /* begun, and no --resume */
    options.resume = true;
    options.seed = 4;
    assert_int_equal(tr_full_train(&options), QF_USAGE);
    assert_non_null(strstr(qf_message(), "seed=3"));
    options.seed = 3;
    options.schedule.steps = 2;
    assert_int_equal(tr_full_train(&options), QF_USAGE); /* more were taken */
    options.schedule.steps = 6;
    tokens[77] ^= 1;
    assert_int_equal(tr_full_train(&options), QF_USAGE); /* other data */
    tokens[77] ^= 1;

    char path[128];
    snprintf(path, sizeof path, "%s/checkpoint.safetensors", run.directory);
    assert_int_equal(truncate(path, 5000), 0);
    assert_int_equal(tr_full_train(&options), QF_FORMAT);
    assert_non_null(strstr(qf_message(), "checkpoint.safetensors"));
}

static void test_diverged(void **state)
{
    (void)state;
    struct run run = {{0}, 0, -1, 0};
    tr_full_options options = options_of(&run, "diverged", 50);
    options.schedule.peak = 1000;
    options.adamw.clip = 0;
    options.adamw.weight_decay = 10; /* the weights grow by 10^4 a step */
    assert_int_equal(tr_full_train(&options), QF_RANGE);
    assert_non_null(strstr(qf_message(), "not finite"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_learns),   cmocka_unit_test(test_resume),
        cmocka_unit_test(test_threads),  cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_diverged),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
