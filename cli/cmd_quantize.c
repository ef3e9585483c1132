/* cmd_quantize.c -- qforge quantize: a model's linears at several widths. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "command.h"
#include "interrupt.h"
#include "machine.h"
#include "options.h"
#include "paths.h"
#include "progress.h"
#include "qforge/clock.h"
#include "qforge/file.h"
#include "qforge/memory.h"
#include "qforge/tokenizer.h"
#include "train.h"
#include "train/quant/quantise.h"

typedef struct command {
    const char *model, *tokenizer, *method, *grid, *inputs, *bits, *params, *calib, *out,
        *ledger;
    int64_t group, samples, length, seed, threads;
    double damping;
    bool json, resume;
    tr_quantise_options options;
} command;

/* ---- the command line ---- */

/* "2,3,4" in any order. */
static qf_status parse_bits(const char *text, tr_quantise_options *o)
{
    bool wanted[9] = {false};

    for (const char *at = text; *at; at++) {
        if (*at < '2' || *at > '8' || (at[1] && at[1] != ',') || (at[1] && !at[2]))
            return qf_fail(QF_USAGE, "--bits: '%s' is no list of widths such as 2,3,4", text);
        wanted[*at - '0'] = true;
        if (at[1]) at++;
    }
    o->widths = 0;
    for (int bits = 2; bits <= 8; bits++) {
        if (!wanted[bits]) continue;
        if (qf_quant_of_bits(bits) == QF_QUANT_COUNT || o->widths == QF_WIDTHS_MAX)
            return qf_fail(QF_USAGE, "--bits: %d is no width of ours (2, 3, 4, 8)", bits);
        o->width[o->widths++] = bits;
    }
    return o->widths ? QF_OK : qf_fail(QF_USAGE, "--bits: no width");
}

static qf_status parse_params(const char *text, qf_params *params)
{
    const bool half = strcmp(text, "f16") == 0;
    if (!half && strcmp(text, "f32") != 0)
        return qf_fail(QF_USAGE, "--params: '%s' is neither f16 nor f32", text);
    *params = half ? QF_PARAMS_F16 : QF_PARAMS_F32;
    return QF_OK;
}

static qf_status check_numbers(const command *c)
{
    if (!qf_group_valid((int)c->group) || c->group > 128)
        return qf_fail(QF_USAGE, "--group: %lld is none of 32, 64, 128", (long long)c->group);
    if (c->samples < 1 || c->samples > 1 << 20)
        return qf_fail(QF_USAGE, "--samples: %lld windows of text", (long long)c->samples);
    if (c->length < 0 || c->length > 1 << 20)
        return qf_fail(QF_USAGE, "--length: %lld tokens", (long long)c->length);
    if (!(c->damping >= 0 && c->damping <= 10))
        return qf_fail(QF_USAGE, "--damp: %g is not 0 to 10", c->damping);
    return QF_OK;
}

static qf_status check_order(const command *c)
{
    const quant_options *o = &c->options.options;
    if (tr_method_walks(c->options.method) || !(o->act_order || o->static_groups)) return QF_OK;
    return qf_fail(QF_USAGE, "--%s: %s does not round column after column",
                   o->act_order ? "act-order" : "static-groups", c->method);
}

static qf_status parse_inputs(command *c)
{
    const bool quantised = c->inputs && strcmp(c->inputs, "quantised") == 0;

    if (!c->inputs) return QF_OK;
    if (!quantised && strcmp(c->inputs, "full") != 0)
        return qf_fail(QF_USAGE, "--calibrate-on: '%s' is neither full nor quantised",
                       c->inputs);
    if (!tr_method_needs_inputs(c->options.method))
        return qf_fail(QF_USAGE, "--calibrate-on: %s does not look at inputs", c->method);
    if (!quantised && tr_method_compares(c->options.method))
        return qf_fail(QF_USAGE, "--calibrate-on: %s compares quantised inputs with full ones",
                       c->method);
    c->options.quantised_inputs = quantised;
    return QF_OK;
}

static qf_status understand(command *c)
{
    QF_TRY(cli_need("quantize", "--model", c->model));
    QF_TRY(cli_need("quantize", "-o", c->out));
    QF_TRY(tr_method_named(c->method, &c->options.method));
    if (c->grid) QF_TRY(tr_grid_named(c->grid, &c->options.options.grid));
    QF_TRY(check_order(c));
    QF_TRY(parse_inputs(c));
    QF_TRY(parse_bits(c->bits, &c->options));
    QF_TRY(parse_params(c->params, &c->options.params));
    QF_TRY(check_numbers(c));
    if (tr_method_needs_inputs(c->options.method))
        QF_TRY(cli_need("quantize", "--calib", c->calib));
    return cli_distinct(c->model, c->out);
}

/* ---- the work ---- */

typedef struct teller {
    cli_progress line;
    int64_t began, work; /* all of it, and what the line tells of */
} teller;

static bool tell(teller *t, const char *what, int done, int total)
{
    if (done > 0)
        cli_progress_count(&t->line, what, done, total, cli_seconds_left(t->work, done, total));
    return !cli_interrupted();
}

static bool tell_reading(void *context, int done, int total)
{
    teller *t = context;
    const bool go_on = tell(t, "reading the model", done, total);
    if (done == total) t->work = qf_now_ns();
    return go_on;
}

static bool tell_quantising(void *context, int done, int total)
{
    return tell(context, "quantising", done, total);
}

static qf_status load_stream(const command *c, const qf_tokenizer *tokenizer,
                             tr_calibration *calibration, tr_stream *stream)
{
    QF_TRY(tr_stream_load(c->calib, tokenizer, stream));
    calibration->stream = stream;
    const qf_status status = tr_stream_check(stream, calibration->length, c->calib);
    if (status != QF_OK) tr_stream_release(stream);
    return status;
}

static qf_status print_result(const command *c, const qf_qmodel *model,
                              const tr_quantise_report *report, double seconds)
{
    const qf_config *config = &model->base.config;

    if (c->json) {
        json_t *bytes = json_object();
        for (int i = 0; bytes && i < model->widths; i++) {
            const qf_subnet subnet = qf_subnet_uniform(config, model->width[i]);
            char width[4];
            snprintf(width, sizeof width, "%d", model->width[i]);
            json_object_set_new(bytes, width,
                                json_integer(qf_subnet_bytes(config, &subnet, model->group)));
        }
        json_t *root =
            json_pack("{s:s, s:s, s:s, s:i, s:f, s:i, s:f, s:o}", "directory", c->out, "method",
                      model->method, "recipe", model->recipe, "group", model->group, "damping",
                      report->damping, "resumed_blocks", report->resumed, "seconds", seconds,
                      "bytes", bytes);
        if (!root) return qf_fail(QF_MEMORY, "no memory for the result");
        json_dumpf(root, stdout, JSON_REAL_PRECISION(6));
        putchar('\n');
        json_decref(root);
        return QF_OK;
    }
    printf("%s: %s, groups of %d, %d linears", c->out, model->method, model->group,
           config->layers * QF_LINEARS);
    for (int i = 0; i < model->widths; i++) {
        const qf_subnet subnet = qf_subnet_uniform(config, model->width[i]);
        printf("%s %d bits (%.2f MB)", i ? "," : " at", model->width[i],
               (double)qf_subnet_bytes(config, &subnet, model->group) * 1e-6);
    }
    printf(", %.1f s\n", seconds);
    return QF_OK;
}

/* Finished blocks are kept in OUT.partial. */
static qf_status name_partial(command *c, char **partial)
{
    static const char suffix[] = ".partial";
    size_t length = strlen(c->out);

    while (length > 1 && c->out[length - 1] == '/') length--;
    *partial = qf_alloc(length + sizeof suffix);
    if (!*partial) return QF_MEMORY;
    memcpy(*partial, c->out, length);
    memcpy(*partial + length, suffix, sizeof suffix);
    if (!c->resume && tr_quantise_begun(*partial))
        return qf_fail(QF_USAGE,
                       "%s: a run was begun here; --resume goes on with it, removing the "
                       "directory starts anew",
                       *partial);
    c->options.partial = *partial;
    c->options.frugal = true;
    return QF_OK;
}

static void hint_at_damping(const command *c, const tr_quantise_report *report)
{
    if (report->damping > c->damping)
        fprintf(stderr,
                "hint: the Hessians needed a damping of %g; more calibration text "
                "(--samples) would help\n",
                report->damping);
}

static qf_status save(const command *c, const qf_tokenizer *tokenizer,
                      const tr_quantise_report *report, const qf_qmodel *quantised)
{
    QF_TRY(qf_directory_make(c->out));
    QF_TRY(qf_tokenizer_save(tokenizer, c->out));
    return tr_quantise_save(&c->options, report, quantised, c->out);
}

static qf_status quantise(command *c, const qf_model *model, const qf_tokenizer *tokenizer)
{
    tr_quantise_options *o = &c->options;
    const int64_t now = qf_now_ns();
    teller t = {cli_progress_start(c->json), now, now};
    tr_stream stream = {0};
    tr_quantise_report report;
    qf_qmodel quantised;

    if (tr_method_needs_inputs(o->method))
        QF_TRY(load_stream(c, tokenizer, &o->calibration, &stream));
    o->reading = tell_reading;
    o->progress = tell_quantising;
    o->progress_context = &t;
    qf_status status = tr_quantise(o, model, &quantised, &report);
    cli_progress_end(&t.line);
    tr_stream_release(&stream);
    QF_TRY(status);
    hint_at_damping(c, &report);
    status = save(c, tokenizer, &report, &quantised);
    if (status == QF_OK)
        status = print_result(c, &quantised, &report, (double)(qf_now_ns() - t.began) * 1e-9);
    qf_qmodel_release(&quantised);
    return status;
}

static qf_status with_model(command *c, const cli_machine *machine)
{
    qf_tokenizer *tokenizer = NULL;
    qf_model model;

    QF_TRY(qf_model_open(c->model, &model));
    const int context = model.config.context;
    const int64_t length = c->length ? c->length : 256;
    c->options.group = (int)c->group;
    c->options.damping = c->damping;
    c->options.calibration =
        (tr_calibration){.source = machine->source,
                         .pool = machine->pool,
                         .samples = (int)c->samples,
                         .length = length < context ? (int)length : context,
                         .batch = 8,
                         .seed = (uint64_t)c->seed};
    qf_status status = qf_tokenizer_load(c->tokenizer ? c->tokenizer : c->model,
                                         model.config.vocab, &tokenizer);
    char *partial = NULL;
    if (status == QF_OK) status = name_partial(c, &partial);
    if (status == QF_OK) status = quantise(c, &model, tokenizer);
    qf_free(partial);
    qf_tokenizer_free(tokenizer);
    qf_model_release(&model);
    return status;
}

/* "gptq (default: later columns make up for rounding), rtn (round to nearest), …" */
static const char *list_methods(void)
{
    static char text[512];

    for (int i = 0; i < TR_METHODS; i++) {
        const size_t used = i ? strlen(text) : 0;
        snprintf(text + used, sizeof text - used, "%s%s (%s%s)", i ? ", " : "",
                 tr_method_name((tr_method)i),
                 i ? "" : "default: ", tr_method_summary((tr_method)i));
    }
    return text;
}

qf_status cli_cmd_quantize(int argc, char **argv)
{
    command c = {.method = tr_method_name((tr_method)0),
                 .bits = "2,3,4",
                 .params = "f16",
                 .group = 32,
                 .samples = 128,
                 .seed = 1,
                 .damping = 0.01};
    const cli_option options[] = {
        {"model", 'm', CLI_TEXT, &c.model, "FILE|DIR", "full-precision model"},
        {"tokenizer", 0, CLI_TEXT, &c.tokenizer, "FILE", "default: the model directory's"},
        {"method", 0, CLI_TEXT, &c.method, "NAME", list_methods()},
        {"grid", 0, CLI_TEXT, &c.grid, "minmax|search",
         "a group's extremes are on its grid (default), or least error"},
        {"act-order", 0, CLI_FLAG, &c.options.options.act_order, NULL,
         "columns with the largest inputs first; groups are static"},
        {"static-groups", 0, CLI_FLAG, &c.options.options.static_groups, NULL,
         "grids are fitted before any correction"},
        {"bits", 'b', CLI_TEXT, &c.bits, "LIST", "widths, default 2,3,4"},
        {"group", 'g', CLI_INT, &c.group, "N", "32 (default), 64 or 128"},
        {"params", 0, CLI_TEXT, &c.params, "f16|f32",
         "precision scales and offsets are rounded to, default f16"},
        {"calib", 0, CLI_TEXT, &c.calib, "FILE",
         "calibration text, for methods that look at inputs"},
        {"calibrate-on", 0, CLI_TEXT, &c.inputs, "full|quantised",
         "inputs of the full-precision network (default), or behind quantised blocks"},
        {"samples", 0, CLI_INT, &c.samples, "N", "windows of text, default 128"},
        {"length", 0, CLI_INT, &c.length, "N", "tokens of each, default 256"},
        {"damp", 0, CLI_REAL, &c.damping, "X", "of the Hessian's mean diagonal, default 0.01"},
        {"seed", 0, CLI_INT, &c.seed, "N", "of the windows, default 1"},
        {"threads", 't', CLI_INT, &c.threads, "N", "default: all"},
        {"db", 0, CLI_TEXT, &c.ledger, "FILE", "tuning ledger; none: the prior alone"},
        {"resume", 0, CLI_FLAG, &c.resume, NULL,
         "go on behind the finished blocks of DIR.partial"},
        {"json", 0, CLI_FLAG, &c.json, NULL, "print the result as JSON"},
        {"out", 'o', CLI_TEXT, &c.out, "DIR", "directory to write"},
        {0}};
    cli_machine machine;
    int rest;
    bool help;

    QF_TRY(cli_parse(argc, argv, "qforge quantize --model M --calib TEXT -o DIR [options]",
                     options, &rest, &help));
    if (help) return QF_OK;
    QF_TRY(cli_no_operands(argc, argv, rest));
    QF_TRY(understand(&c));
    cli_interrupt_catch();
    QF_TRY(cli_machine_open(c.threads, c.ledger, &machine));
    const qf_status status = with_model(&c, &machine);
    cli_machine_close(&machine);
    return status;
}
