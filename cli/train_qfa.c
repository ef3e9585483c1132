/* train_qfa.c -- the LLM-QFA mode of qforge train. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "interrupt.h"
#include "paths.h"
#include "qforge/file.h"
#include "train.h"
#include "train/qfa/qfa.h"

enum { DEFAULT_CYCLE_MAX = 8000 }; /* the paper's, for runs as long as its own */

static qf_status parse_dtype(const char *name, qf_dtype *dtype)
{
    *dtype = strcmp(name, "bf16") == 0 ? QF_DTYPE_BF16 : QF_DTYPE_F32;
    if (*dtype == QF_DTYPE_BF16 || strcmp(name, "f32") == 0) return QF_OK;
    return qf_fail(QF_USAGE, "--adapters: '%s' is neither f32 nor bf16", name);
}

static qf_status parse_names(const cli_train *t, tr_qfa_options *o)
{
    tr_sampler *sampler = &o->sampler;
    if (t->sampler) QF_TRY(tr_sampler_named(t->sampler, &sampler->kind));
    if (t->mapping) QF_TRY(tr_mapping_named(t->mapping, &sampler->mapping));
    if (t->choice) QF_TRY(qf_granularity_named(t->choice, &sampler->granularity));
    if (t->adapters) QF_TRY(parse_dtype(t->adapters, &o->adapter_dtype));
    return t->sharing ? tr_sharing_named(t->sharing, &o->sharing) : QF_OK;
}

static int ascending(const void *a, const void *b)
{
    const int *x = a, *y = b;
    return *x - *y;
}

static qf_status parse_widths(const cli_train *t, const qf_qmodel *model, tr_sampler *sampler)
{
    int width[QF_WIDTHS_MAX];
    const int count = t->widths.count;

    if (count > QF_WIDTHS_MAX)
        return qf_fail(QF_USAGE, "--widths: %d of them; a model has at most %d", count,
                       QF_WIDTHS_MAX);
    for (int i = 0; i < count; i++) {
        const double asked = t->widths.item[i];
        if (!(asked >= 1 && asked <= 32) || asked != floor(asked))
            return qf_fail(QF_USAGE, "--widths: %g is no width", asked);
        width[i] = (int)asked;
    }
    qsort(width, (size_t)count, sizeof *width, ascending);
    if (count)
        tr_sampler_take_widths(sampler, width, count);
    else
        tr_sampler_take_widths(sampler, model->width, model->widths);
    return QF_OK;
}

/* "333,362.5,401": one number for each width drawn from. */
static qf_status parse_levels(const char *text, tr_sampler *sampler)
{
    const char *at = text;
    int count = 0;

    for (char *end; count < QF_WIDTHS_MAX; at = end + 1) {
        const double level = strtod(at, &end);
        if (end == at || !(level > 0) || !isfinite(level) || (*end && *end != ',')) break;
        sampler->level[count++] = level;
        if (*end) continue;
        if (count == sampler->widths) return QF_OK;
        break;
    }
    return qf_fail(QF_USAGE,
                   "--balance: '%s' is neither bits nor bytes nor %d numbers, one a "
                   "width",
                   text, sampler->widths);
}

/* What each width takes of the resource to be balanced. */
static qf_status parse_balance(const cli_train *t, const qf_qmodel *model, tr_sampler *sampler)
{
    const qf_config *config = &model->base.config;

    if (!t->balance || strcmp(t->balance, "bits") == 0) return QF_OK;
    if (strcmp(t->balance, "bytes") != 0) return parse_levels(t->balance, sampler);
    for (int i = 0; i < sampler->widths; i++) {
        const qf_subnet subnet = qf_subnet_uniform(config, sampler->width[i]);
        sampler->level[i] = (double)qf_subnet_bytes(config, &subnet, model->group);
    }
    return QF_OK;
}

static qf_status parse_recipe(const cli_train *t, tr_qfa_options *o)
{
    const bool paper = t->recipe && strcmp(t->recipe, "paper") == 0;

    if (t->recipe && !paper && strcmp(t->recipe, "standard") != 0)
        return qf_fail(QF_USAGE, "--recipe: '%s' is neither standard nor paper", t->recipe);
    *o = paper ? tr_qfa_paper : tr_qfa_standard;
    return QF_OK;
}

static qf_status parse_schedule(const cli_train *t, tr_schedule *schedule)
{
    if (t->schedule) QF_TRY(tr_decay_named(t->schedule, &schedule->decay));
    schedule->peak = cli_or_real(t->rate, schedule->peak);
    schedule->warmup = cli_or(t->warmup, 0);
    schedule->steps = t->steps;
    return tr_schedule_check(schedule);
}

static qf_status check_numbers(const cli_train *t, const qf_config *config)
{
    const int64_t length = cli_or(t->length, 1);

    if (t->batch == 0 || t->batch > 1 << 16)
        return qf_fail(QF_USAGE, "--batch: %lld sequences", (long long)t->batch);
    if (length < 1 || length > config->context)
        return qf_fail(QF_USAGE, "--length: %lld tokens; the model's context is %d",
                       (long long)length, config->context);
    if (t->accumulate == 0 || t->accumulate > 1 << 16)
        return qf_fail(QF_USAGE, "--accumulate: %lld batches", (long long)t->accumulate);
    if (t->rank > 4096)
        return qf_fail(QF_USAGE, "--rank: %lld is not 0 to 4096", (long long)t->rank);
    if (t->cycle == 0) return qf_fail(QF_USAGE, "--cycle: a wave takes one step or more");
    return QF_OK;
}

static qf_status understand(const cli_train *t, const qf_qmodel *model, tr_qfa_options *o)
{
    const qf_config *config = &model->base.config;
    const int64_t most = t->steps < DEFAULT_CYCLE_MAX ? t->steps : DEFAULT_CYCLE_MAX;

    QF_TRY(parse_recipe(t, o));
    QF_TRY(check_numbers(t, config));
    QF_TRY(parse_names(t, o));
    QF_TRY(parse_widths(t, model, &o->sampler));
    QF_TRY(parse_balance(t, model, &o->sampler));
    o->sampler.anchors = cli_or_real(t->anchors, o->sampler.anchors);
    QF_TRY(parse_schedule(t, &o->schedule));
    o->sampler.cycle = cli_or(t->cycle, most > 0 ? most : 1);
    o->batch = (int)cli_or(t->batch, o->batch);
    o->length =
        (int)cli_or(t->length, o->length < config->context ? o->length : config->context);
    o->rank = (int)cli_or(t->rank, o->rank);
    o->accumulate = (int)cli_or(t->accumulate, 1);
    o->slope = cli_or_real(t->slope, o->slope);
    o->adamw.clip = cli_or_real(t->clip, o->adamw.clip);
    o->adamw.weight_decay = cli_or_real(t->weight_decay, o->adamw.weight_decay);
    o->seed = (uint64_t)cli_or(t->seed, 1);
    o->directory = t->out;
    QF_TRY(tr_sampler_check(&o->sampler, model));
    o->resume = t->resume;
    o->save_every = cli_or(t->save_every, 0);
    return QF_OK;
}

static qf_status prepare(const cli_train *t, const qf_tokenizer *tokenizer)
{
    QF_TRY(qf_directory_make(t->out));
    return qf_tokenizer_save(tokenizer, t->out);
}

static qf_status with_stream(const cli_train *t, tr_qfa_options *o, qf_qmodel *model,
                             const qf_tokenizer *tokenizer)
{
    cli_train_report report = {.line = cli_progress_start(t->json), .log = t->log};
    tr_stream stream;

    QF_TRY(tr_stream_load(t->data, tokenizer, &stream));
    o->stream = &stream;
    o->team = t->team;
    report.silent = t->team.member > 0;
    o->report = cli_train_tell;
    o->report_context = &report;
    qf_status status = cli_train_windows(t, &stream, o->length);
    if (status == QF_OK && t->team.member == 0) status = prepare(t, tokenizer);
    if (status == QF_OK) status = tr_qfa_train(o, model);
    cli_progress_end(&report.line);
    tr_stream_release(&stream);
    QF_TRY(status);
    return cli_train_finish(t, &report);
}

static qf_status with_tokenizer(const cli_train *t, tr_qfa_options *o, qf_qmodel *model)
{
    qf_tokenizer *tokenizer;
    cli_machine machine;

    QF_TRY(qf_tokenizer_load(t->tokenizer ? t->tokenizer : t->model, model->base.config.vocab,
                             &tokenizer));
    qf_status status = cli_machine_open(cli_or(t->threads, 0), t->ledger, &machine);
    if (status == QF_OK) {
        o->source = machine.source;
        o->pool = machine.pool;
        status = with_stream(t, o, model, tokenizer);
        cli_machine_close(&machine);
    }
    qf_tokenizer_free(tokenizer);
    return status;
}

/* Before anything is written. */
static qf_status check_teacher(const cli_train *t, const tr_qfa_options *o,
                               const qf_qmodel *model)
{
    const int theirs = o->teacher->config.vocab, ours = model->base.config.vocab;

    if (!(o->share >= 0 && o->share <= 1))
        return qf_fail(QF_USAGE, "--distill: a share is 0 to 1, not %g", o->share);
    if (theirs == ours) return QF_OK;
    return qf_fail(QF_SHAPE, "%s: has a vocabulary of %d, %s one of %d", t->teacher, theirs,
                   t->model, ours);
}

static qf_status with_model(const cli_train *t, tr_qfa_options *o, qf_qmodel *model)
{
    qf_model teacher;

    QF_TRY(understand(t, model, o));
    if (!t->teacher && t->distill >= 0)
        return qf_fail(QF_USAGE, "train: --distill is the share of a --teacher");
    if (!t->teacher) return with_tokenizer(t, o, model);
    QF_TRY(qf_model_load(t->teacher, &teacher));
    o->teacher = &teacher;
    o->share = cli_or_real(t->distill, o->share);
    qf_status status = check_teacher(t, o, model);
    if (status == QF_OK) status = with_tokenizer(t, o, model);
    qf_model_release(&teacher);
    return status;
}

qf_status cli_train_qfa(const cli_train *train)
{
    tr_qfa_options options;
    qf_qmodel model;

    QF_TRY(cli_need("train", "--model", train->model));
    QF_TRY(cli_distinct(train->model, train->out));
    QF_TRY(qf_qmodel_open(train->model, &model));
    const qf_status status = with_model(train, &options, &model);
    qf_qmodel_release(&model);
    return status;
}
