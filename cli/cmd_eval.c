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
#include "qforge/memory.h"
#include "subnet_list.h"

/* One subnet's. */
typedef struct outcome {
    qf_subnet subnet; /* of a quantised model */
    qf_likelihood text;
    qf_choice_score score;
} outcome;

typedef struct evaluation {
    const char *model, *tokenizer, *subnet, *subnets, *text, *choices, *reference, *accuracy,
        *ledger;
    int64_t records, threads, shots;
    bool json;
    qf_accuracy class;
    cli_progress line;
    int64_t started; /* ns, of the pass through texts or questions */
    qf_tokenizer *pieces;
    qf_corpus corpus;
    qf_choices questions;
    cli_inference inference;
    cli_machine machine;
    qf_engine *full; /* the reference, or NULL */
    int outcomes, current;
    outcome *outcome; /* owned */
} evaluation;

/* What is left of this pass, and as much for every subnet that is still to come. */
static bool tell(evaluation *e, const char *what, int done, int total)
{
    const double each = (double)(qf_now_ns() - e->started) * 1e-9 / done;

    done += e->current * total;
    total *= e->outcomes;
    cli_progress_count(&e->line, what, done, total, each * (total - done));
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

/* ---- one subnet ---- */

static qf_status measure_text(evaluation *e, qf_engine *engine, qf_likelihood *text)
{
    e->started = qf_now_ns();
    const qf_status status =
        qf_engine_likelihood(engine, e->full, &e->corpus, tell_text, e, text);
    if (status == QF_OK && !isfinite(text->nll + text->kl))
        return qf_fail(QF_RANGE, "%s: its predictions are not numbers", e->model);
    return status;
}

static qf_status measure(evaluation *e, outcome *o)
{
    qf_engine *engine;

    if (e->inference.quantised) e->inference.subnet = o->subnet;
    QF_TRY(cli_inference_engine(&e->inference, &e->machine, e->class, longest(e), &engine));
    qf_status status = e->text ? measure_text(e, engine, &o->text) : QF_OK;
    e->started = qf_now_ns();
    if (status == QF_OK && e->choices)
        status =
            qf_choices_answer(engine, e->pieces, &e->questions, tell_question, e, &o->score);
    qf_engine_destroy(engine);
    return status;
}

static qf_status measure_all(evaluation *e)
{
    qf_status status = QF_OK;

    e->line = cli_progress_start(e->json);
    for (; status == QF_OK && e->current < e->outcomes; e->current++)
        status = measure(e, &e->outcome[e->current]);
    cli_progress_end(&e->line);
    return status;
}

/* The reference is always computed exactly. */
static qf_status with_reference(evaluation *e)
{
    cli_inference inference;

    if (!e->reference) return measure_all(e);
    QF_TRY(cli_inference_open(e->reference, NULL, &inference));
    qf_status status =
        cli_inference_engine(&inference, &e->machine, QF_EXACT, longest(e), &e->full);
    if (status == QF_OK) {
        status = measure_all(e);
        qf_engine_destroy(e->full);
    }
    cli_inference_close(&inference);
    return status;
}

/* ---- which subnets ---- */

static qf_status find_subnets(evaluation *e)
{
    subnet_list list = {.count = 1, .subnet = &e->inference.subnet};

    if (e->subnets)
        QF_TRY(subnet_list_read(e->subnets, cli_inference_config(&e->inference), &list));
    e->outcome = qf_alloc_array((size_t)list.count, sizeof *e->outcome);
    e->outcomes = e->outcome ? list.count : 0;
    for (int i = 0; i < e->outcomes; i++) e->outcome[i].subnet = list.subnet[i];
    if (e->subnets) subnet_list_release(&list);
    return e->outcome ? QF_OK : QF_MEMORY;
}

static qf_status load_texts(evaluation *e)
{
    QF_TRY(cli_inference_tokenizer(&e->inference, e->model, e->tokenizer, &e->pieces));
    if (e->text)
        QF_TRY(qf_corpus_load(e->text, e->pieces, cli_inference_config(&e->inference)->context,
                              (int)e->records, &e->corpus));
    return e->choices
               ? qf_choices_load(e->choices, (int)e->records, (int)e->shots, &e->questions)
               : QF_OK;
}

static qf_status evaluate(evaluation *e)
{
    QF_TRY(cli_inference_open(e->model, e->subnet, &e->inference));
    if (e->subnets && !e->inference.quantised)
        return qf_fail(QF_USAGE, "%s: --subnets is for quantised directories", e->model);
    QF_TRY(find_subnets(e));
    QF_TRY(load_texts(e));
    QF_TRY(cli_machine_open(e->threads, e->ledger, &e->machine));
    return with_reference(e);
}

static void release(evaluation *e)
{
    cli_machine_close(&e->machine);
    qf_choices_release(&e->questions);
    qf_tokenizer_free(e->pieces);
    qf_corpus_release(&e->corpus);
    cli_inference_close(&e->inference);
    qf_free(e->outcome);
}

/* ---- the result ---- */

static double per_token(const outcome *o, double sum)
{
    return sum / (double)o->text.tokens;
}

static double bits_per_byte(const outcome *o)
{
    return o->text.bytes ? o->text.nll / log(2) / (double)o->text.bytes : 0;
}

static void add_text(const evaluation *e, const outcome *o, json_t *root)
{
    const double nll = per_token(o, o->text.nll);
    json_object_set_new(root, "records", json_integer(e->corpus.sequences));
    json_object_set_new(root, "tokens", json_integer(o->text.tokens));
    json_object_set_new(root, "bytes", json_integer(o->text.bytes));
    json_object_set_new(root, "nll_per_token", json_real(nll));
    json_object_set_new(root, "perplexity", json_real(exp(nll)));
    json_object_set_new(root, "bits_per_byte", json_real(bits_per_byte(o)));
    if (e->reference)
        json_object_set_new(root, "kl_per_token", json_real(per_token(o, o->text.kl)));
}

static void add_questions(const qf_choice_score *s, json_t *root)
{
    json_object_set_new(root, "questions", json_integer(s->questions));
    json_object_set_new(root, "questions_too_long", json_integer(s->skipped));
    json_object_set_new(root, "accuracy", json_real((double)s->correct / s->questions));
    json_object_set_new(root, "accuracy_raw", json_real((double)s->correct_raw / s->questions));
    json_object_set_new(root, "accuracy_macro", json_real(s->macro));
    json_object_set_new(root, "chance", json_real(s->chance));
}

static json_t *outcome_json(const evaluation *e, const outcome *o)
{
    json_t *root = json_object();
    if (e->subnets) {
        char digits[QF_SUBNET_MAX + 1];
        qf_subnet_print(&o->subnet, digits);
        json_object_set_new(root, "subnet", json_string(digits));
        json_object_set_new(
            root, "bits",
            json_real(qf_subnet_bits(cli_inference_config(&e->inference), &o->subnet)));
    }
    if (e->text) add_text(e, o, root);
    if (e->choices) add_questions(&o->score, root);
    return root;
}

/* With --subnets a list of what there is without. */
static qf_status print_json(const evaluation *e)
{
    json_t *root = e->subnets ? json_object() : outcome_json(e, e->outcome);
    if (e->subnets) {
        json_t *list = json_array();
        for (int i = 0; i < e->outcomes; i++)
            json_array_append_new(list, outcome_json(e, &e->outcome[i]));
        json_object_set_new(root, "subnets", list);
    }
    const bool printed = root && json_dumpf(root, stdout, JSON_REAL_PRECISION(9)) == 0;
    json_decref(root);
    putchar('\n');
    return printed ? QF_OK : qf_fail(QF_IO, "cannot write to standard output");
}

static void print_text(const evaluation *e, const outcome *o)
{
    const double nll = per_token(o, o->text.nll);

    printf("%d texts, %lld tokens predicted, %lld bytes\n", e->corpus.sequences,
           (long long)o->text.tokens, (long long)o->text.bytes);
    printf("loss        %.4f nats per token\n", nll);
    printf("perplexity  %.4f\n", exp(nll));
    printf("bits        %.4f per byte\n", bits_per_byte(o));
    if (e->reference) printf("KL          %.5f nats per token\n", per_token(o, o->text.kl));
}

static void print_outcome(const evaluation *e, const outcome *o)
{
    const qf_choice_score *s = &o->score;

    if (e->text) print_text(e, o);
    if (e->choices)
        printf("accuracy    %.1f %% of %d questions (chance %.1f %%, %d too long)\n",
               100.0 * s->correct / s->questions, s->questions, 100 * s->chance, s->skipped);
}

/* A line per subnet. */
static void print_table(const evaluation *e)
{
    char digits[QF_SUBNET_MAX + 1];

    printf("%6s%s%s  %s\n", "bits", e->text ? "     loss" : "", e->choices ? " accuracy" : "",
           "subnet");
    for (int i = 0; i < e->outcomes; i++) {
        const outcome *o = &e->outcome[i];
        qf_subnet_print(&o->subnet, digits);
        printf("%6.3f", qf_subnet_bits(cli_inference_config(&e->inference), &o->subnet));
        if (e->text) printf(" %8.4f", per_token(o, o->text.nll));
        if (e->choices) printf(" %8.4f", (double)o->score.correct / o->score.questions);
        printf("  %s\n", digits);
    }
}

static qf_status print_result(const evaluation *e)
{
    if (e->json) return print_json(e);
    if (e->subnets)
        print_table(e);
    else
        print_outcome(e, e->outcome);
    return QF_OK;
}

static qf_status check(evaluation *e)
{
    QF_TRY(cli_need("eval", "--model", e->model));
    if (!e->choices) QF_TRY(cli_need("eval", "--text", e->text));
    if (e->subnet && e->subnets)
        return qf_fail(QF_USAGE, "eval: --subnet or --subnets, not both");
    QF_TRY(cli_check_int("records", e->records, 0, INT_MAX));
    QF_TRY(cli_check_int("threads", e->threads, 0, 256));
    QF_TRY(cli_check_int("shots", e->shots, 0, 100));
    return cli_accuracy_parse(e->accuracy, &e->class);
}

qf_status cli_cmd_eval(int argc, char **argv)
{
    evaluation e = {.accuracy = "exact"};
    const cli_option options[] = {
        {"model", 'm', CLI_TEXT, &e.model, "PATH", "llama2.c file or model directory"},
        {"tokenizer", 0, CLI_TEXT, &e.tokenizer, "PATH", "default: the model's own"},
        {"subnet", 's', CLI_TEXT, &e.subnet, "DIGITS", "widths; default: the largest"},
        {"subnets", 0, CLI_TEXT, &e.subnets, "FILE", "several, one a line: a result for each"},
        {"text", 0, CLI_TEXT, &e.text, "FILE", "records between <|endoftext|>"},
        {"choices", 0, CLI_TEXT, &e.choices, "PATH",
         "multiple-choice questions: lines of ours, ARC, HellaSwag or PIQA, or MMLU's "
         "directory"},
        {"shots", 0, CLI_INT, &e.shots, "N", "solved examples before each question of MMLU"},
        {"records", 'n', CLI_INT, &e.records, "N", "the first N of each; default: all"},
        {"reference", 0, CLI_TEXT, &e.reference, "PATH", "model to measure KL against"},
        {"accuracy", 0, CLI_TEXT, &e.accuracy, "CLASS",
         "exact, fine, fast or table; default: exact"},
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
    release(&e);
    return status;
}
