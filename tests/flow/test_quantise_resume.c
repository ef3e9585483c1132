/* test_quantise_resume.c -- runs stopped at every moment and resumed: the bits of a run never
 * stopped, whatever the method. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "qforge/file.h"
#include "qforge/memory.h"
#include "scratch.h"
#include "tiny.h"
#include "train/quant/quantise.h"

enum { TOKENS = 2000, VOCAB = 50, B = 4, T = 16 };

static int stream_tokens[TOKENS];
static const tr_stream stream = {.token = stream_tokens, .count = TOKENS};

static int setup(void **state)
{
    qf_random random = qf_random_init(3, 3);
    for (int i = 0; i < TOKENS; i++) stream_tokens[i] = (int)qf_random_below(&random, VOCAB);
    return check_scratch_make(state);
}

static int told_done, told_total; /* the last time */

static bool stop(void *context, int done, int total)
{
    int *left = context;
    assert_true(done >= 0 && done <= total);
    told_done = done, told_total = total;
    return --*left > 0;
}

static tr_quantise_options options_of(tr_method method, int *left)
{
    return (tr_quantise_options){.method = method,
                                 .group = 32,
                                 .params = QF_PARAMS_F16,
                                 .widths = 2,
                                 .width = {2, 3},
                                 .calibration = {.source = &qf_reference_source,
                                                 .stream = &stream,
                                                 .samples = 6,
                                                 .length = T,
                                                 .batch = B,
                                                 .seed = 1},
                                 .damping = 0.01,
                                 .partial = check_scratch_path("partial"),
                                 .progress = stop,
                                 .progress_context = left};
}

static void assert_same(const qf_qmodel *a, const qf_qmodel *b)
{
    for (int at = 0; at < 2 * QF_LINEARS * 2; at++) {
        const qf_qmatrix m = qf_qmodel_matrix(a, at / 2, a->width[at % 2]);
        const size_t groups = (size_t)(m.n * qf_groups(m.k, 32)) * sizeof(float);
        assert_memory_equal(a->linear[at].code, b->linear[at].code, (size_t)(m.n * m.k));
        assert_memory_equal(a->linear[at].scale, b->linear[at].scale, groups);
        assert_memory_equal(a->linear[at].offset, b->linear[at].offset, groups);
    }
}

static void resumed_runs_give_the_same_bits(void **state)
{
    (void)state;
    qf_model model;

    check_tiny_model(&model, true, 2);
    for (int method = 0; method < TR_METHODS; method++)
        for (int after = 1;; after += 3) {
            int left = 1 << 30;
            tr_quantise_options o = options_of((tr_method)method, &left);
            tr_quantise_report report;
            qf_qmodel whole, again;
            o.partial = NULL;
            assert_int_equal(tr_quantise(&o, &model, &whole, NULL), QF_OK);
            const int work = told_total;
            assert_int_equal(told_done, work);
            left = after;
            o.partial = check_scratch_path("partial");
            const qf_status status = tr_quantise(&o, &model, &again, NULL);
            const bool begun = tr_quantise_begun(o.partial);
            if (status == QF_OK) { /* not even stopped */
                qf_qmodel_release(&again);
                qf_qmodel_release(&whole);
                assert_int_equal(tr_quantise_forget(o.partial), QF_OK);
                break;
            }
            assert_int_equal(status, QF_INTERRUPTED);
            assert_int_equal(strstr(qf_message(), "--resume goes on") != NULL, begun);
            left = 1 << 30;
            assert_int_equal(tr_quantise(&o, &model, &again, &report), QF_OK);
            assert_int_equal(report.resumed, begun ? 1 : 0);
            assert_int_equal(told_done, told_total);
            assert_true(begun ? told_total < work : told_total == work);
            assert_same(&whole, &again);
            qf_qmodel_release(&again);
            /* and with everything there */
            assert_int_equal(tr_quantise(&o, &model, &again, &report), QF_OK);
            assert_int_equal(report.resumed, 2);
            assert_true(told_done == told_total && told_total < work / 2);
            assert_same(&whole, &again);
            qf_qmodel_release(&again);
            qf_qmodel_release(&whole);
            assert_int_equal(tr_quantise_forget(o.partial), QF_OK);
            assert_false(tr_quantise_begun(o.partial));
            assert_false(qf_directory_exists(o.partial));
        }
    qf_model_release(&model);
}

/* The model is read to be known again: that is told, and may be stopped. */
static void reading_is_told(void **state)
{
    (void)state;
    int left;
    tr_quantise_options o = options_of(TR_METHOD_RTN, &left);
    tr_quantise_report report;
    qf_qmodel q;
    qf_model model;

    check_tiny_model(&model, true, 2);
    o.reading = stop;
    o.progress = NULL;
    for (int reads = 1; reads <= 2; reads++) {
        left = reads;
        assert_int_equal(tr_quantise(&o, &model, &q, &report), QF_INTERRUPTED);
        assert_int_equal(left, 0);
        assert_false(tr_quantise_begun(o.partial));
    }
    left = 3; /* two blocks are two calls */
    assert_int_equal(tr_quantise(&o, &model, &q, &report), QF_OK);
    assert_int_equal(left, 1);
    assert_int_equal(tr_quantise_forget(o.partial), QF_OK);
    qf_qmodel_release(&q);
    qf_model_release(&model);
}

/* Blocks that leave memory come back from where they were kept: the same files. */
static void frugal_runs_save_the_same(void **state)
{
    (void)state;
    static const char *const files[] = {"model.safetensors", "config.json"};
    int left = 1 << 30;
    tr_quantise_options o = options_of(TR_METHOD_GPTQ, &left);
    tr_quantise_report report;
    qf_qmodel whole, frugal;
    qf_model model;

    check_tiny_model(&model, true, 2);
    o.partial = NULL;
    assert_int_equal(tr_quantise(&o, &model, &whole, &report), QF_OK);
    assert_int_equal(tr_quantise_save(&o, &report, &whole, check_scratch_path("plain")), QF_OK);
    o.partial = check_scratch_path("partial");
    o.frugal = true;
    assert_int_equal(tr_quantise(&o, &model, &frugal, &report), QF_OK);
    assert_int_equal(tr_quantise_save(&o, &report, &frugal, check_scratch_path("spare")),
                     QF_OK);
    assert_false(qf_directory_exists(o.partial));
    for (int i = 0; i < 2; i++) {
        char plain[64], spare[64];
        size_t a_size, b_size;
        snprintf(plain, sizeof plain, "plain/%s", files[i]);
        snprintf(spare, sizeof spare, "spare/%s", files[i]);
        char *a = check_scratch_read(check_scratch_path(plain), &a_size);
        char *b = check_scratch_read(check_scratch_path(spare), &b_size);
        assert_int_equal(a_size, b_size);
        assert_memory_equal(a, b, a_size);
        qf_free(a);
        qf_free(b);
    }
    /* A block that is gone is no block of zeros. */
    assert_int_equal(tr_quantise_save(&o, &report, &frugal, check_scratch_path("lost")), QF_IO);
    assert_non_null(strstr(qf_message(), "block 0 is gone"));
    qf_qmodel_release(&frugal);
    qf_qmodel_release(&whole);
    qf_model_release(&model);
}

/* What a run depends on is compared. */
static void other_runs_are_refused(void **state)
{
    (void)state;
    int left = 1 << 30;
    const tr_quantise_options o = options_of(TR_METHOD_GPTQ, &left);
    tr_quantise_options other = o;
    qf_qmodel quantised;
    qf_model model;

    check_tiny_model(&model, true, 2);
    assert_int_equal(tr_quantise(&o, &model, &quantised, NULL), QF_OK);
    qf_qmodel_release(&quantised);
#define REFUSED(change)                                                                        \
    do {                                                                                       \
        other = o;                                                                             \
        change;                                                                                \
        assert_int_equal(tr_quantise(&other, &model, &quantised, NULL), QF_USAGE);             \
        assert_non_null(strstr(qf_message(), "made by another run"));                          \
    } while (0)
    REFUSED(other.method = TR_METHOD_RTN);
    REFUSED(other.options.grid = QUANT_GRID_SEARCH);
    REFUSED(other.options.act_order = true);
    REFUSED(other.quantised_inputs = true);
    REFUSED(other.group = 64);
    REFUSED(other.params = QF_PARAMS_F32);
    REFUSED(other.width[1] = 4);
    REFUSED(other.calibration.seed = 2);
    REFUSED(other.calibration.samples = 7);
    REFUSED(other.damping = 0.02);
    stream_tokens[5] ^= 1;
    REFUSED(;);
    stream_tokens[5] ^= 1;
    model.linear[9][3] += 0.5f;
    REFUSED(;);
    qf_model_release(&model);
    assert_int_equal(tr_quantise_forget(o.partial), QF_OK);
}

static void damaged_blocks_are_refused(void **state)
{
    (void)state;
    int left = 1 << 30;
    const tr_quantise_options o = options_of(TR_METHOD_RTN, &left);
    qf_random random = qf_random_init(1, 1);
    qf_qmodel quantised;
    qf_model model;
    size_t size;
    char path[512];
    int refused = 0;

    check_tiny_model(&model, true, 2);
    assert_int_equal(tr_quantise(&o, &model, &quantised, NULL), QF_OK);
    qf_qmodel_release(&quantised);
    snprintf(path, sizeof path, "%s/block-000.safetensors", o.partial);
    char *original = check_scratch_read(path, &size);
    for (int i = 0; i < 200; i++) {
        check_scratch_damage(&random, "partial/block-000.safetensors", original, size, size);
        const qf_status status = tr_quantise(&o, &model, &quantised, NULL);
        refused += status != QF_OK;
        if (status == QF_OK) qf_qmodel_release(&quantised);
    }
    assert_true(refused > 50); /* the rest is other numbers that are in range */
    assert_int_equal(qf_file_write(path, original, size / 2), QF_OK);
    assert_int_not_equal(tr_quantise(&o, &model, &quantised, NULL), QF_OK);
    assert_non_null(strstr(qf_message(), "block-000.safetensors"));
    qf_free(original);
    qf_model_release(&model);
    assert_int_equal(tr_quantise_forget(o.partial), QF_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resumed_runs_give_the_same_bits),
        cmocka_unit_test(other_runs_are_refused),
        cmocka_unit_test(reading_is_told),
        cmocka_unit_test(frugal_runs_save_the_same),
        cmocka_unit_test(damaged_blocks_are_refused),
    };
    return cmocka_run_group_tests(tests, setup, check_scratch_remove);
}
