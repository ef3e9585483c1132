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
#include "qforge/choice.h"
#include "qforge/clock.h"

typedef struct evaluation {
    const char *model, *tokenizer, *subnet, *text, *choices, *reference, *accuracy, *ledger;
    int64_t records, threads;
    bool json;
    qf_accuracy class;
    cli_progress line;
    int64_t started; /* ns */
    qf_tokenizer *pieces;
    qf_corpus corpus;
    qf_likelihood result;
    qf_choices questions;
    qf_choice_score score;
} evaluation;

static bool tell(evaluation *e, const char *what, int done, int total)
{
    const double spent = (double)(qf_now_ns() - e->started) * 1e-9;
    char left[24];

    cli_duration(spent / done * (total - done), left);
    cli_progress_show(&e->line, "%s %d of %d, %s left", what, done, total, left);
    return !cli_interrupted();
}

static bool tell_text(void *context, int done, int total)
{
    return tell(context, "text", done, total);
}

static bool tell_question(void *context, int done, int total)
{
    return tell(context, "question", done, total);
}

/* Positions of cache the texts need; questions may need all (0). */
static int longest(const evaluation *e)
{
    const qf_corpus *corpus = &e->corpus;
    int most = 0;
    if (e->choices) return 0;
    for (int i = 0; i < corpus->sequences; i++)
        most = corpus->length[i] > most ? corpus->length[i] : most;
    return most;
}

static qf_status measure_text(evaluation *e, qf_engine *engine, qf_engine *reference)
{
    e->line = cli_progress_start();
    e->started = qf_now_ns();
    const qf_status status =
        qf_engine_likelihood(engine, reference, &e->corpus, tell_text, e, &e->result);
    cli_progress_end(&e->line);
    if (status == QF_OK && !isfinite(e->result.nll + e->result.kl))
        return qf_fail(QF_RANGE, "%s: its predictions are not numbers", e->model);
    return status;
}

static qf_status measure(evaluation *e, qf_engine *engine, qf_engine *reference)
{
    if (e->text) QF_TRY(measure_text(e, engine, reference));
    if (!e->choices) return QF_OK;
    e->line = cli_progress_start();
    e->started = qf_now_ns();
    const qf_status status =
        qf_choices_answer(engine, e->pieces, &e->questions, tell_question, e, &e->score);
    cli_progress_end(&e->line);
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
        cli_inference_engine(&inference, machine, QF_EXACT, longest(e), &reference);
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
        status = cli_inference_engine(inference, &machine, e->class, longest(e), &engine);
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

    QF_TRY(cli_inference_open(e->model, e->subnet, &inference));
    qf_status status = cli_inference_tokenizer(&inference, e->model, e->tokenizer, &e->pieces);
    if (status == QF_OK && e->text)
        status = qf_corpus_load(e->text, e->pieces, cli_inference_config(&inference)->context,
                                (int)e->records, &e->corpus);
    if (status == QF_OK && e->choices)
        status = qf_choices_load(e->choices, (int)e->records, &e->questions);
    if (status == QF_OK) status = with_corpus(e, &inference);
    qf_choices_release(&e->questions);
    qf_tokenizer_free(e->pieces);
    cli_inference_close(&inference);
    return status;
}

static double per_token(const evaluation *e, double sum)
{
    return sum / (double)e->result.tokens;
}

static double bits_per_byte(const evaluation *e)
{
    return e->result.bytes ? e->result.nll / log(2) / (double)e->result.bytes : 0;
}

static void add_text(const evaluation *e, json_t *root)
{
    const double nll = per_token(e, e->result.nll);
    json_object_set_new(root, "records", json_integer(e->corpus.sequences));
    json_object_set_new(root, "tokens", json_integer(e->result.tokens));
    json_object_set_new(root, "bytes", json_integer(e->result.bytes));
    json_object_set_new(root, "nll_per_token", json_real(nll));
    json_object_set_new(root, "perplexity", json_real(exp(nll)));
    json_object_set_new(root, "bits_per_byte", json_real(bits_per_byte(e)));
    if (e->reference)
        json_object_set_new(root, "kl_per_token", json_real(per_token(e, e->result.kl)));
}

static void add_questions(const evaluation *e, json_t *root)
{
    const qf_choice_score *s = &e->score;
    json_object_set_new(root, "questions", json_integer(s->questions));
    json_object_set_new(root, "questions_too_long", json_integer(s->skipped));
    json_object_set_new(root, "accuracy", json_real((double)s->correct / s->questions));
    json_object_set_new(root, "accuracy_raw", json_real((double)s->correct_raw / s->questions));
    json_object_set_new(root, "chance", json_real(s->chance));
}

static qf_status print_json(const evaluation *e)
{
    json_t *root = json_object();
    if (e->text) add_text(e, root);
    if (e->choices) add_questions(e, root);
    const bool printed = root && json_dumpf(root, stdout, JSON_REAL_PRECISION(9)) == 0;
    json_decref(root);
    putchar('\n');
    return printed ? QF_OK : qf_fail(QF_IO, "cannot write to standard output");
}

static void print_text(const evaluation *e)
{
    const qf_likelihood *r = &e->result;
    const double nll = per_token(e, r->nll);

    printf("%d texts, %lld tokens predicted, %lld bytes\n", e->corpus.sequences,
           (long long)r->tokens, (long long)r->bytes);
    printf("loss        %.4f nats per token\n", nll);
    printf("perplexity  %.4f\n", exp(nll));
    printf("bits        %.4f per byte\n", bits_per_byte(e));
    if (e->reference) printf("KL          %.5f nats per token\n", per_token(e, r->kl));
}

static qf_status print_result(const evaluation *e)
{
    const qf_choice_score *s = &e->score;

    if (e->json) return print_json(e);
    if (e->text) print_text(e);
    if (e->choices)
        printf("accuracy    %.1f %% of %d questions (chance %.1f %%, %d too long)\n",
               100.0 * s->correct / s->questions, s->questions, 100 * s->chance, s->skipped);
    return QF_OK;
}

static qf_status check(evaluation *e)
{
    QF_TRY(cli_need("eval", "--model", e->model));
    if (!e->choices) QF_TRY(cli_need("eval", "--text", e->text));
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
        {"choices", 0, CLI_TEXT, &e.choices, "FILE", "lines of multiple-choice questions"},
        {"records", 'n', CLI_INT, &e.records, "N", "the first N of each; default: all"},
        {"reference", 0, CLI_TEXT, &e.reference, "PATH", "model to measure KL against"},
        {"accuracy", 0, CLI_TEXT, &e.accuracy, "CLASS", "exact, fine or fast; default: exact"},
        {"threads", 't', CLI_INT, &e.threads, "N", "default: all"},
        {"db", 0, CLI_TEXT, &e.ledger, "FILE", "tuning ledger; none: the prior alone"},
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
