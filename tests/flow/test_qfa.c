/* test_qfa.c -- LLM-QFA runs on a tiny model: they learn, resume to the same bits, leave
 * unsampled adapters alone, and refuse what cannot work. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "qforge/file.h"
#include "qforge/memory.h"
#include "tiny.h"
#include "train/net.h"
#include "train/qfa/qfa.h"
#include "train/qfa/supernet.h"

enum { TOKENS = 3000, VOCAB = 50 };

static char directory[] = "/tmp/qforge-qfa-XXXXXX";

static int make_directory(void **state)
{
    (void)state;
    strcpy(directory + sizeof directory - 7, "XXXXXX");
    return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", directory);
    return system(command);
}

/* ---- a run ---- */

/* A language of sorts: the next token is nearly a function of the last. */
static tr_stream make_stream(void)
{
    qf_random random = qf_random_init(6, 6);
    tr_stream stream = {.token = qf_alloc_array(TOKENS, sizeof *stream.token), .count = TOKENS};
    int last = 0;

    assert_non_null(stream.token);
    for (int i = 0; i < TOKENS; i++) {
        last = (last * 7 + 3 + (int)qf_random_below(&random, 3)) % VOCAB;
        stream.token[i] = last;
    }
    return stream;
}

typedef struct trace {
    int64_t stop_at; /* 0: never */
    int64_t steps;
    double first, last; /* mean losses of 10 steps */
} trace;

static bool watch(void *context, const tr_progress *progress)
{
    trace *t = context;
    if (progress->step <= 10) t->first += progress->loss / 10;
    if (progress->step > progress->steps - 10) t->last += progress->loss / 10;
    t->steps++;
    return progress->step != t->stop_at;
}

static tr_qfa_options options_of(const tr_stream *stream, const char *where, int64_t steps,
                                 trace *t)
{
    tr_qfa_options o = tr_qfa_paper;
    o.source = &qf_reference_source;
    o.stream = stream;
    o.batch = 3;
    o.length = 12;
    o.rank = 3;
    o.seed = 21;
    o.schedule.peak = 1e-2;
    o.schedule.steps = steps;
    o.sampler.cycle = steps;
    o.directory = where;
    o.save_every = 1000;
    o.report = watch;
    o.report_context = t;
    return o;
}

static void quantised_tiny(qf_qmodel *model)
{
    check_tiny_quantised(model, true, 9);
}

static float *copy_adapters(const qf_qmodel *model)
{
    float *copy = qf_alloc(model->adapters.used);
    assert_non_null(copy);
    memcpy(copy, model->adapters.base, model->adapters.used);
    return copy;
}

static void loss_falls(void **state)
{
    (void)state;
    tr_stream stream = make_stream();
    qf_qmodel model, saved;
    trace t = {0};
    tr_qfa_options o = options_of(&stream, directory, 150, &t);

    quantised_tiny(&model);
    assert_int_equal(tr_qfa_train(&o, &model), QF_OK);
    assert_int_equal(t.steps, 150);
    assert_true(t.last < 0.8 * t.first);
    assert_int_equal(qf_qmodel_load(directory, &saved), QF_OK);
    assert_int_equal(saved.rank, 3);
    assert_memory_equal(saved.adapters.base, model.adapters.base, model.adapters.used);
    qf_qmodel_release(&saved);
    qf_qmodel_release(&model);
    tr_stream_release(&stream);
}

/* Offsets trained themselves: the saved model has no adapters, and other offsets; a
 * width that is not drawn keeps its own. */
static void offsets_are_trained(void **state)
{
    (void)state;
    tr_stream stream = make_stream();
    qf_qmodel frozen, model, saved;
    trace t = {0};
    tr_qfa_options o = options_of(&stream, directory, 150, &t);
    const int width[] = {2, 4};

    o.rank = 0;
    o.sampler = tr_qfa_standard.sampler;
    o.sampler.cycle = 1;
    tr_sampler_take_widths(&o.sampler, width, 2);
    quantised_tiny(&frozen);
    quantised_tiny(&model);
    assert_int_equal(tr_qfa_train(&o, &model), QF_OK);
    assert_true(t.last < 0.9 * t.first);
    assert_int_equal(qf_qmodel_load(directory, &saved), QF_OK);
    assert_int_equal(saved.rank, 0);
    for (int i = 0; i < 14 * 3; i++) {
        const bool moved = saved.linear[i].offset[0] != frozen.linear[i].offset[0];
        assert_int_equal(moved, i % 3 != 1);
        assert_true(saved.linear[i].offset[0] == model.linear[i].offset[0]);
        assert_true(saved.linear[i].scale[0] == frozen.linear[i].scale[0]);
    }
    qf_qmodel_release(&saved);
    qf_qmodel_release(&model);
    qf_qmodel_release(&frozen);
    tr_stream_release(&stream);
}

/* The farthest any offset of a width went, in units of s times the rate. */
static double reach_of(const qf_qmodel *from, const qf_qmodel *to, int w, double rate)
{
    double most = 0;
    for (int i = w; i < 14 * 3; i += 3)
        for (int j = 0; j < 8; j++)
            most = fmax(most, fabs((double)to->linear[i].offset[j] -
                                   (double)from->linear[i].offset[j]));
    return most / rate / (double)tr_adapters_scale(from->group);
}

/* Adam's first step goes as far as the rate says, which halves with each bit at slope 1. */
static void rates_fall_with_width(void **state)
{
    (void)state;
    tr_stream stream = make_stream();
    trace t = {0};

    for (int w = 0; w < 3; w++) {
        const int width = w + 2;
        char where[128];
        qf_qmodel frozen, model;
        snprintf(where, sizeof where, "%s/%d", directory, width);
        tr_qfa_options o = options_of(&stream, where, 1, &t);
        o.rank = 0;
        o.slope = 1;
        o.adamw.clip = 0;
        tr_sampler_take_widths(&o.sampler, &width, 1);
        quantised_tiny(&frozen);
        quantised_tiny(&model);
        assert_int_equal(tr_qfa_train(&o, &model), QF_OK);
        const double reach = reach_of(&frozen, &model, w, o.schedule.peak);
        assert_true(fabs(reach - exp2(3 - width)) < 0.02);
        qf_qmodel_release(&model);
        qf_qmodel_release(&frozen);
    }
    tr_stream_release(&stream);
}

/* Lines of the CSV, and whether line i is of step i. */
static int64_t curve_rows(const char *where)
{
    char path[160], *text, *rest = NULL;
    int64_t rows = 0;

    snprintf(path, sizeof path, "%s/train.csv", where);
    assert_int_equal(qf_file_read(path, 1 << 20, &text, NULL), QF_OK);
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        if (rows == 0)
            assert_string_equal(line, "step,loss,rate,norm,bits");
        else
            assert_int_equal(atoi(line), rows);
        rows++;
    }
    qf_free(text);
    return rows - 1;
}

static void resuming_gives_the_same_bits(void **state)
{
    (void)state;
    char whole[128], cut[128];
    tr_stream stream = make_stream();
    qf_qmodel once, twice;
    trace t = {0};

    snprintf(whole, sizeof whole, "%s/whole", directory);
    snprintf(cut, sizeof cut, "%s/cut", directory);
    tr_qfa_options o = options_of(&stream, whole, 30, &t);
    quantised_tiny(&once);
    assert_int_equal(tr_qfa_train(&o, &once), QF_OK);

    o.directory = cut;
    t = (trace){.stop_at = 13};
    quantised_tiny(&twice);
    assert_int_equal(tr_qfa_train(&o, &twice), QF_INTERRUPTED);
    qf_qmodel_release(&twice);
    assert_int_equal(curve_rows(cut), 13);
    assert_false(qf_qmodel_is(cut)); /* not a model yet */

    quantised_tiny(&twice);
    assert_int_equal(tr_qfa_train(&o, &twice), QF_USAGE); /* not without --resume */
    qf_qmodel_release(&twice);

    o.resume = true;
    t = (trace){0};
    quantised_tiny(&twice);
    assert_int_equal(tr_qfa_train(&o, &twice), QF_OK);
    assert_int_equal(t.steps, 17);
    assert_memory_equal(once.adapters.base, twice.adapters.base, once.adapters.used);
    assert_int_equal(curve_rows(cut), 30);
    assert_int_equal(curve_rows(whole), 30);
    qf_qmodel_release(&once);
    qf_qmodel_release(&twice);
    tr_stream_release(&stream);
}

static void another_recipe_is_refused(void **state)
{
    (void)state;
    tr_stream stream = make_stream();
    qf_qmodel model;
    trace t = {.stop_at = 3};
    tr_qfa_options o = options_of(&stream, directory, 10, &t);

    quantised_tiny(&model);
    assert_int_equal(tr_qfa_train(&o, &model), QF_INTERRUPTED);
    qf_qmodel_release(&model);
    t = (trace){0};
    o.resume = true;
    for (int i = 0; i < 7; i++) {
        tr_qfa_options other = o;
        quantised_tiny(&model);
        if (i == 0) other.seed++;
        if (i == 1) other.schedule.peak *= 2;
        if (i == 2) other.sampler.mapping = TR_MAPPING_MAXENT;
        if (i == 3) other.rank = 2;
        if (i == 5) other.sharing = TR_SHARED;
        if (i == 6) other.sampler.anchors = 0.5;
        if (i == 4) model.linear[5].scale[2] *= 1.5f; /* another frozen model */
        const qf_status status = tr_qfa_train(&other, &model);
        assert_true(status == QF_USAGE || status == QF_SHAPE);
        qf_qmodel_release(&model);
    }
    tr_stream_release(&stream);
}

/* Trains a fresh model for `steps` steps of uniform draws. */
static void train_uniform(const tr_stream *stream, const char *name, int64_t steps,
                          qf_qmodel *model)
{
    char where[128];
    trace t = {0};
    snprintf(where, sizeof where, "%s/%s", directory, name);
    tr_qfa_options o = options_of(stream, where, steps, &t);
    o.sampler.kind = TR_SAMPLER_UNIFORM;
    quantised_tiny(model);
    assert_int_equal(tr_qfa_train(&o, model), QF_OK);
}

/* A step moves the adapters of its subnet and no other number: neither those never
 * sampled nor, on stale momentum, those sampled before. */
static void unsampled_adapters_rest(void **state)
{
    (void)state;
    tr_stream stream = make_stream();
    const tr_sampler sampler = {.kind = TR_SAMPLER_UNIFORM,
                                .granularity = QF_LINEAR_WISE,
                                .cycle = 1,
                                .seed = 21,
                                .widths = 3,
                                .width = {2, 3, 4},
                                .level = {2, 3, 4}};
    qf_subnet first, second;
    qf_qmodel once, twice;
    int rested = 0, moved = 0, fresh = 0;

    tr_sampler_draw(&sampler, 0, 14, &first);
    tr_sampler_draw(&sampler, 1, 14, &second);
    train_uniform(&stream, "once", 1, &once);
    train_uniform(&stream, "twice", 2, &twice);
    for (int at = 0; at < 14 * 3; at++) {
        const bool was = first.bits[at / 3] == at % 3 + 2,
                   is = second.bits[at / 3] == at % 3 + 2;
        const qf_qmatrix m = qf_qmodel_matrix(&once, at / 3, at % 3 + 2);
        const size_t a = (size_t)(3 * qf_groups(m.k, m.group)) * sizeof(float);
        const size_t b = (size_t)(m.n * 3) * sizeof(float);
        const qf_qlinear *x = &once.linear[at], *y = &twice.linear[at];
        assert_int_equal(x->lora_b[0] != 0, was); /* B starts at zero */
        const bool same = !memcmp(x->lora_a, y->lora_a, a) && !memcmp(x->lora_b, y->lora_b, b);
        assert_int_equal(same, !is);
        rested += was && !is;
        moved += was && is;
        fresh += !was && is;
    }
    assert_true(rested > 0 && moved > 0 && fresh > 0);
    qf_qmodel_release(&once);
    qf_qmodel_release(&twice);
    tr_stream_release(&stream);
}

/* Uniform draws reach every adapter: after some steps none is at rest. */
static void every_adapter_is_trained_in_time(void **state)
{
    (void)state;
    tr_stream stream = make_stream();
    qf_qmodel model;
    trace t = {0};
    tr_qfa_options o = options_of(&stream, directory, 40, &t);

    quantised_tiny(&model);
    assert_int_equal(tr_qfa_train(&o, &model), QF_OK);
    for (int at = 0; at < 14 * 3; at++) assert_true(model.linear[at].lora_b[0] != 0);
    qf_qmodel_release(&model);
    tr_stream_release(&stream);
}

static void training_goes_on_from_adapters(void **state)
{
    (void)state;
    char first[128], second[128];
    tr_stream stream = make_stream();
    qf_qmodel model;
    trace t = {0};

    snprintf(first, sizeof first, "%s/first", directory);
    snprintf(second, sizeof second, "%s/second", directory);
    tr_qfa_options o = options_of(&stream, first, 5, &t);
    quantised_tiny(&model);
    assert_int_equal(tr_qfa_train(&o, &model), QF_OK);
    float *before = copy_adapters(&model);
    o.directory = second;
    o.schedule.steps = 0;
    assert_int_equal(tr_qfa_train(&o, &model), QF_OK);
    assert_memory_equal(before, model.adapters.base, model.adapters.used);
    qf_free(before);
    qf_qmodel_release(&model);
    tr_stream_release(&stream);
}

static void impossible_runs_are_refused(void **state)
{
    (void)state;
    tr_stream stream = make_stream();
    qf_qmodel model;
    trace t = {0};
    quantised_tiny(&model);
    for (int i = 0; i < 6; i++) {
        tr_qfa_options o = options_of(&stream, directory, 5, &t);
        tr_stream brief = {.token = stream.token, .count = 8};
        if (i == 0) o.length = 17; /* beyond the context */
        if (i == 1) o.batch = 0;
        if (i == 2) o.rank = -1;
        if (i == 3) o.sampler.cycle = 0;
        if (i == 4) o.stream = &brief;
        if (i == 5) o.schedule.peak = NAN;
        assert_true(tr_qfa_train(&o, &model) != QF_OK);
        assert_true(*qf_message());
    }
    qf_qmodel_release(&model);
    tr_stream_release(&stream);
}

/* Each cut-off row of the CSV goes when a run resumes from an older checkpoint. */
static void the_curve_follows_the_checkpoint(void **state)
{
    (void)state;
    char path[160], *text;
    tr_stream stream = make_stream();
    qf_qmodel model;
    trace t = {.stop_at = 4};
    tr_qfa_options o = options_of(&stream, directory, 8, &t);

    quantised_tiny(&model);
    assert_int_equal(tr_qfa_train(&o, &model), QF_INTERRUPTED);
    qf_qmodel_release(&model);
    snprintf(path, sizeof path, "%s/train.csv", directory);
    assert_int_equal(qf_file_read(path, 1 << 20, &text, NULL), QF_OK);
    char longer[4096];
    /* killed after two more steps, in the middle of a third row */
    snprintf(longer, sizeof longer, "%s5,1,1,1,1\n6,1,1,1,1\n7,1", text);
    qf_free(text);
    assert_int_equal(qf_file_write(path, longer, strlen(longer)), QF_OK);
    o.resume = true;
    t.stop_at = 0;
    quantised_tiny(&model);
    assert_int_equal(tr_qfa_train(&o, &model), QF_OK);
    assert_int_equal(curve_rows(directory), 8);
    qf_qmodel_release(&model);
    tr_stream_release(&stream);
}

#define IN_DIRECTORY(test)                                                                     \
    cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_DIRECTORY(loss_falls),
        IN_DIRECTORY(offsets_are_trained),
        IN_DIRECTORY(rates_fall_with_width),
        IN_DIRECTORY(resuming_gives_the_same_bits),
        IN_DIRECTORY(another_recipe_is_refused),
        IN_DIRECTORY(unsampled_adapters_rest),
        IN_DIRECTORY(every_adapter_is_trained_in_time),
        IN_DIRECTORY(training_goes_on_from_adapters),
        IN_DIRECTORY(impossible_runs_are_refused),
        IN_DIRECTORY(the_curve_follows_the_checkpoint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
