/* model_speed.c -- prompts and decoded tokens, each timed. */
#include "model_speed.h"

#include <math.h>

#include "interrupt.h"
#include "qforge/clock.h"
#include "qforge/measure.h"
#include "qforge/memory.h"

enum { SAMPLES_MAX = 1 << 15, PROMPTS = 3 };

static const double least_seconds = 3;

typedef struct timing {
    qf_engine *engine;
    const cli_speed_options *options;
    cli_progress *progress;
    int *token;     /* [context] */
    float *logits;  /* [vocab] */
    double *sample; /* [2][SAMPLES_MAX], us: of tokens, of their heads */
    int64_t start;  /* of this phase, ns */
    int count;
} timing;

static double elapsed(const timing *t)
{
    return (double)(qf_now_ns() - t->start) * 1e-9;
}

/* Sorts its argument. */
static cli_speed_time time_of(double *sample, int count)
{
    int low, high;
    qf_sort(sample, count);
    qf_median_interval(count, &low, &high);
    return (cli_speed_time){qf_quantile(sample, count, 0.5), sample[low], sample[high], count};
}

static qf_status step(timing *t, const int *token, int count, int position, double *us)
{
    if (cli_interrupted()) return qf_fail(QF_INTERRUPTED, "interrupted");
    const int64_t start = qf_now_ns();
    QF_TRY(qf_engine_step(t->engine, token, count, position, false, t->logits));
    *us = (double)(qf_now_ns() - start) * 1e-3;
    return QF_OK;
}

static qf_status check_logits(const timing *t)
{
    const int vocab = qf_engine_config(t->engine)->vocab;
    for (int i = 0; i < vocab; i++)
        if (!isfinite(t->logits[i]))
            return qf_fail(QF_WRONG,
                           "the model's logits are not finite: its speed says nothing");
    return QF_OK;
}

/* ---- prompts ---- */

/* The first one warms up, unless it alone takes a tenth of the time there is. */
static qf_status read_prompts(timing *t, cli_speed_time *prefill)
{
    const cli_speed_options *o = t->options;
    double us = 0;

    cli_progress_show(t->progress, "reading %d tokens", o->prefill);
    QF_TRY(step(t, t->token, o->prefill, 0, &us));
    QF_TRY(check_logits(t));
    if (us * 1e-6 > o->seconds / 10) t->sample[t->count++] = us;
    t->start = qf_now_ns();
    while (t->count == 0 || (t->count < PROMPTS && elapsed(t) < o->seconds)) {
        QF_TRY(step(t, t->token, o->prefill, 0, &t->sample[t->count]));
        t->count++;
        cli_progress_show(t->progress, "reading %d tokens: %d of %d times", o->prefill,
                          t->count, PROMPTS);
    }
    *prefill = time_of(t->sample, t->count);
    return QF_OK;
}

/* ---- decoding ---- */

static bool enough(const timing *t)
{
    const double spent = elapsed(t);
    if (t->count == 0) return false;
    if (t->count == SAMPLES_MAX || spent >= t->options->seconds) return true;
    return t->count >= t->options->tokens && spent >= least_seconds;
}

static qf_status write_on(timing *t, cli_speed *speed)
{
    const cli_speed_options *o = t->options;
    const int room = o->context - o->prefill;
    double *head = t->sample + SAMPLES_MAX, warm_up = 0;

    QF_TRY(step(t, t->token + o->prefill, 1, o->prefill, &warm_up));
    t->count = 0;
    t->start = qf_now_ns();
    while (!enough(t)) {
        const int at = o->prefill + t->count % room;
        QF_TRY(step(t, t->token + at, 1, at, &t->sample[t->count]));
        head[t->count] = (double)qf_engine_head_ns(t->engine) * 1e-3;
        t->count++;
        cli_progress_show(t->progress, "decoding: %d tokens in %.1f s", t->count, elapsed(t));
    }
    QF_TRY(check_logits(t));
    speed->decode = time_of(t->sample, t->count);
    speed->head = time_of(head, t->count);
    return QF_OK;
}

/* Any tokens will do, as long as they are not all one row of the embedding. */
static void choose_tokens(const timing *t)
{
    const int vocab = qf_engine_config(t->engine)->vocab;
    for (int i = 0; i < t->options->context; i++)
        t->token[i] = (int)((int64_t)i * 7919 % vocab);
}

qf_status cli_speed_measure(qf_engine *engine, const cli_speed_options *options,
                            cli_progress *progress, cli_speed *speed)
{
    timing t = {.engine = engine, .options = options, .progress = progress};

    QF_ASSERT(options->prefill >= 1 && options->prefill < options->context);
    t.token = qf_alloc_array((size_t)options->context, sizeof *t.token);
    t.logits = qf_alloc_array((size_t)qf_engine_config(engine)->vocab, sizeof *t.logits);
    t.sample = qf_alloc_array(2 * SAMPLES_MAX, sizeof *t.sample);
    qf_status status = t.token && t.logits && t.sample ? QF_OK : QF_MEMORY;
    if (status == QF_OK) {
        choose_tokens(&t);
        status = read_prompts(&t, &speed->prefill);
    }
    if (status == QF_OK) status = write_on(&t, speed);
    cli_progress_end(progress);
    qf_free(t.token);
    qf_free(t.logits);
    qf_free(t.sample);
    return status;
}
