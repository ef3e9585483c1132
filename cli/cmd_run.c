/* cmd_run.c -- qforge run: text from a model. */
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "generation.h"
#include "inference.h"
#include "interrupt.h"
#include "options.h"
#include "paths.h"

typedef struct run {
    const char *model, *tokenizer, *subnet, *prompt, *accuracy, *ledger;
    int64_t tokens, seed, threads;
    double temperature, top_p;
    bool json;
    qf_accuracy class;
} run;

static qf_status with_engine(const run *r, qf_engine *engine, const qf_tokenizer *tokenizer,
                             const int *prompt, int count)
{
    const cli_generation generation = {
        .engine = engine,
        .tokenizer = tokenizer,
        .prompt = prompt,
        .prompt_count = count,
        .tokens = (int)r->tokens,
        .sampling = {(float)r->temperature, (float)r->top_p, (uint64_t)r->seed},
        .json = r->json};
    return cli_generate(&generation);
}

/* Room for the prompt and what follows it, at most what the model was made for. */
static qf_status fit(const run *r, const qf_config *config, int prompt, int *context)
{
    if (prompt < 1)
        return qf_fail(QF_USAGE, "run: an empty prompt, and the tokenizer has no begin token");
    if (prompt > config->context)
        return qf_fail(QF_USAGE, "run: a prompt of %d tokens, %s takes %d", prompt, r->model,
                       config->context);
    const int64_t wanted = prompt + r->tokens;
    *context = wanted < config->context ? (int)wanted : config->context;
    return QF_OK;
}

static qf_status with_prompt(const run *r, const cli_inference *inference,
                             const qf_tokenizer *tokenizer, const int *prompt, int count)
{
    cli_machine machine = {0};
    qf_engine *engine;
    int context = 0;

    QF_TRY(fit(r, cli_inference_config(inference), count, &context));
    qf_status status = cli_machine_open(r->threads, r->ledger, &machine);
    if (status == QF_OK)
        status = cli_inference_engine(inference, &machine, r->class, context, &engine);
    if (status == QF_OK) {
        status = with_engine(r, engine, tokenizer, prompt, count);
        qf_engine_destroy(engine);
    }
    cli_machine_close(&machine);
    return status;
}

static qf_status generate(const run *r)
{
    cli_inference inference;
    qf_tokenizer *tokenizer = NULL;
    int *prompt = NULL, count;

    QF_TRY(cli_inference_open(r->model, r->subnet, &inference));
    qf_status status = cli_inference_tokenizer(&inference, r->model, r->tokenizer, &tokenizer);
    if (status == QF_OK)
        status =
            qf_tokenizer_encode(tokenizer, r->prompt, strlen(r->prompt), 1, &prompt, &count);
    if (status == QF_OK) status = with_prompt(r, &inference, tokenizer, prompt, count);
    qf_free(prompt);
    qf_tokenizer_free(tokenizer);
    cli_inference_close(&inference);
    return status;
}

static qf_status check(run *r)
{
    QF_TRY(cli_need("run", "--model", r->model));
    QF_TRY(cli_check_int("tokens", r->tokens, 1, INT_MAX / 2));
    QF_TRY(cli_check_int("seed", r->seed, 0, INT64_MAX));
    QF_TRY(cli_check_int("threads", r->threads, 0, 256));
    if (!(r->temperature >= 0 && isfinite(r->temperature)))
        return qf_fail(QF_USAGE, "--temperature: %g is not 0 or more", r->temperature);
    if (!(r->top_p > 0 && r->top_p <= 1))
        return qf_fail(QF_USAGE, "--top-p: %g is not above 0 and at most 1", r->top_p);
    return cli_accuracy_parse(r->accuracy, &r->class);
}

qf_status cli_cmd_run(int argc, char **argv)
{
    run r = {.prompt = "", .accuracy = "fast", .tokens = 256, .temperature = 1, .top_p = 0.9};
    const cli_option options[] = {
        {"model", 'm', CLI_TEXT, &r.model, "PATH", "llama2.c file or model directory"},
        {"tokenizer", 0, CLI_TEXT, &r.tokenizer, "PATH", "default: the model's own"},
        {"subnet", 's', CLI_TEXT, &r.subnet, "DIGITS", "widths; default: the largest"},
        {"prompt", 'p', CLI_TEXT, &r.prompt, "TEXT", "what the text starts with"},
        {"tokens", 'n', CLI_INT, &r.tokens, "N", "most tokens to add; default: 256"},
        {"temperature", 0, CLI_REAL, &r.temperature, "T", "0 is greedy; default: 1"},
        {"top-p", 0, CLI_REAL, &r.top_p, "P", "mass to draw from; default: 0.9"},
        {"seed", 0, CLI_INT, &r.seed, "S", "same seed, same text; default: 0"},
        {"accuracy", 0, CLI_TEXT, &r.accuracy, "CLASS",
         "exact, fine, fast or table; default: fast"},
        {"threads", 't', CLI_INT, &r.threads, "N", "default: all"},
        {"db", 0, CLI_TEXT, &r.ledger, "FILE", "tuning ledger; none: the prior alone"},
        {"json", 0, CLI_FLAG, &r.json, NULL, "print one JSON object at the end"},
        {0}};
    int rest;
    bool help;

    QF_TRY(cli_parse(argc, argv, "qforge run --model PATH --prompt TEXT [options]", options,
                     &rest, &help));
    if (help) return QF_OK;
    QF_TRY(cli_no_operands(argc, argv, rest));
    QF_TRY(check(&r));
    cli_interrupt_catch();
    return generate(&r);
}
