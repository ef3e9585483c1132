/* cmd_eval.c -- qforge eval: how probable a text is under a model. */
#include <jansson.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "inference.h"
#include "interrupt.h"
#include "options.h"
#include "paths.h"
#include "progress.h"
#include "qforge/clock.h"

typedef struct evaluation {
    const char *model, *tokenizer, *subnet, *text, *reference, *accuracy, *ledger;
    int64_t records, threads;
    bool json;
    qf_accuracy class;
    cli_progress line;
    int64_t started; /* ns */
    qf_corpus corpus;
    qf_likelihood result;
} evaluation;

static bool tell(void *context, int done, int total)
{
    evaluation *e = context;
    const double spent = (double)(qf_now_ns() - e->started) * 1e-9;
    char left[24];

    cli_duration(spent / done * (total - done), left);
    cli_progress_show(&e->line, "text %d of %d, %s left", done, total, left);
    return !cli_interrupted();
}

static int longest(const qf_corpus *corpus)
{
    int most = 0;
    for (int i = 0; i < corpus->sequences; i++)
        most = corpus->length[i] > most ? corpus->length[i] : most;
    return most;
}

static qf_status measure(evaluation *e, qf_engine *engine, qf_engine *reference)
{
    e->line = cli_progress_start();
    e->started = qf_now_ns();
    const qf_status status =
        qf_engine_likelihood(engine, reference, &e->corpus, tell, e, &e->result);
    cli_progress_end(&e->line);
    if (status == QF_OK && !isfinite(e->result.nll + e->result.kl))
        return qf_fail(QF_RANGE, "%s: its predictions are not numbers", e->model);
    return status;
}

/* The reference is always computed exactly. */
static qf_status with_reference(evaluation *e, const cli_machine *machine, qf_engine *engine)
{
    cli_inference inference;
    qf_engine *reference;

    if (!e->reference) return measure(e, engine, NULL);
    QF_TRY(cli_inference_open(e->reference, NULL, &inference));
    qf_status status =
        cli_inference_engine(&inference, machine, QF_EXACT, longest(&e->corpus), &reference);
    if (status == QF_OK) {
        status = measure(e, engine, reference);
        qf_engine_destroy(reference);
    }
    cli_inference_close(&inference);
    return status;
}

static qf_status with_corpus(evaluation *e, const cli_inference *inference)
{
    cli_machine machine = {0};
    qf_engine *engine;

    qf_status status = cli_machine_open(e->threads, e->ledger, &machine);
    if (status == QF_OK)
        status =
            cli_inference_engine(inference, &machine, e->class, longest(&e->corpus), &engine);
    if (status == QF_OK) {
        status = with_reference(e, &machine, engine);
        qf_engine_destroy(engine);
    }
    cli_machine_close(&machine);
    return status;
}

static qf_status evaluate(evaluation *e)
{
    cli_inference inference;
    qf_tokenizer *tokenizer = NULL;

    QF_TRY(cli_inference_open(e->model, e->subnet, &inference));
    qf_status status = cli_inference_tokenizer(&inference, e->model, e->tokenizer, &tokenizer);
    if (status == QF_OK)
        status = qf_corpus_load(e->text, tokenizer, cli_inference_config(&inference)->context,
                                (int)e->records, &e->corpus);
    if (status == QF_OK) status = with_corpus(e, &inference);
    qf_tokenizer_free(tokenizer);
    cli_inference_close(&inference);
    return status;
}

static qf_status print_json(const evaluation *e, double nll, double bits)
{
    const qf_likelihood *r = &e->result;
    json_t *root =
        json_pack("{s:i, s:I, s:I, s:f, s:f, s:f}", "records", e->corpus.sequences, "tokens",
                  (json_int_t)r->tokens, "bytes", (json_int_t)r->bytes, "nll_per_token", nll,
                  "perplexity", exp(nll), "bits_per_byte", bits);
    if (root && e->reference)
        json_object_set_new(root, "kl_per_token", json_real(r->kl / (double)r->tokens));
    const bool printed = root && json_dumpf(root, stdout, JSON_REAL_PRECISION(9)) == 0;
    json_decref(root);
    putchar('\n');
    return printed ? QF_OK : qf_fail(QF_IO, "cannot write to standard output");
}

static qf_status print_result(const evaluation *e)
{
    const qf_likelihood *r = &e->result;
    const double nll = r->nll / (double)r->tokens;
    const double bits = r->bytes ? r->nll / log(2) / (double)r->bytes : 0;

    if (e->json) return print_json(e, nll, bits);
    printf("%d texts, %lld tokens predicted, %lld bytes\n", e->corpus.sequences,
           (long long)r->tokens, (long long)r->bytes);
    printf("loss        %.4f nats per token\n", nll);
    printf("perplexity  %.4f\n", exp(nll));
    printf("bits        %.4f per byte\n", bits);
    if (e->reference) printf("KL          %.5f nats per token\n", r->kl / (double)r->tokens);
    return QF_OK;
}

static qf_status check(evaluation *e)
{
    QF_TRY(cli_need("eval", "--model", e->model));
    QF_TRY(cli_need("eval", "--text", e->text));
    QF_TRY(cli_check_int("records", e->records, 0, INT_MAX));
    QF_TRY(cli_check_int("threads", e->threads, 0, 256));
    return cli_accuracy_parse(e->accuracy, &e->class);
}

qf_status cli_cmd_eval(int argc, char **argv)
{
    evaluation e = {.accuracy = "exact"};
    const cli_option options[] = {
        {"model", 'm', CLI_TEXT, &e.model, "PATH", "llama2.c file or model directory"},
        {"tokenizer", 0, CLI_TEXT, &e.tokenizer, "PATH", "default: the model's own"},
        {"subnet", 's', CLI_TEXT, &e.subnet, "DIGITS", "widths; default: the largest"},
        {"text", 0, CLI_TEXT, &e.text, "FILE", "records between <|endoftext|>"},
        {"records", 'n', CLI_INT, &e.records, "N", "the first N only; default: all"},
        {"reference", 0, CLI_TEXT, &e.reference, "PATH", "model to measure KL against"},
        {"accuracy", 0, CLI_TEXT, &e.accuracy, "CLASS", "exact or fast; default: exact"},
        {"threads", 't', CLI_INT, &e.threads, "N", "default: all"},
        {"ledger", 0, CLI_TEXT, &e.ledger, "FILE", "tuning database"},
        {"json", 0, CLI_FLAG, &e.json, NULL, "print one JSON object"},
        {0}};
    int rest;
    bool help;

    QF_TRY(cli_parse(argc, argv, "qforge eval --model PATH --text FILE [options]", options,
                     &rest, &help));
    if (help) return QF_OK;
    QF_TRY(cli_no_operands(argc, argv, rest));
    QF_TRY(check(&e));
    cli_interrupt_catch();
    qf_status status = evaluate(&e);
    if (status == QF_OK) status = print_result(&e);
    qf_corpus_release(&e.corpus);
    return status;
}
