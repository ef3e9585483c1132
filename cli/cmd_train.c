/* cmd_train.c -- qforge train: options of both modes, then one of them. */
#include <stddef.h>

#include "command.h"
#include "interrupt.h"
#include "options.h"
#include "team.h"
#include "train.h"

static qf_status check(const cli_train *t)
{
    if (!t->data) return qf_fail(QF_USAGE, "train: --data is missing");
    if (!t->out) return qf_fail(QF_USAGE, "train: -o is missing");
    if (t->full == (t->model != NULL))
        return qf_fail(QF_USAGE, "train: one of --model and --full says what to train");
    if (t->steps < 1) return qf_fail(QF_USAGE, "train: --steps must be 1 or more");
    if (t->batch == 0 || t->batch > 1 << 16)
        return qf_fail(QF_USAGE, "train: --batch %lld", (long long)t->batch);
    if (t->length == 0 || t->length > 1 << 20)
        return qf_fail(QF_USAGE, "train: --length %lld", (long long)t->length);
    if (t->threads > 256)
        return qf_fail(QF_USAGE, "train: --threads %lld", (long long)t->threads);
    return QF_OK;
}

/* Where nothing is said. */
static const cli_train unsaid = {.steps = -1,
                                 .batch = -1,
                                 .length = -1,
                                 .warmup = -1,
                                 .threads = -1,
                                 .save_every = -1,
                                 .seed = 1,
                                 .rate = -1,
                                 .clip = -1,
                                 .weight_decay = -1,
                                 .cycle = -1,
                                 .anchors = -1,
                                 .accumulate = -1,
                                 .slope = -1,
                                 .distill = -1,
                                 .rank = -1};

qf_status cli_cmd_train(int argc, char **argv)
{
    cli_train t = unsaid;
    const cli_option options[] = {
        {"model", 'm', CLI_TEXT, &t.model, "DIR", "quantised model whose adapters to train"},
        {"full", 0, CLI_FLAG, &t.full, NULL, "train a small model from scratch instead"},
        {"config", 0, CLI_TEXT, &t.config, "dim=N,…",
         "its shape: dim,hidden,layers,heads,kv_heads,vocab,context"},
        {"tokenizer", 0, CLI_TEXT, &t.tokenizer, "FILE", "its tokenizer"},
        {"data", 'd', CLI_TEXT, &t.data, "FILE",
         "text to train on, or instructions (Alpaca's .json): their answers are learnt"},
        {"out", 'o', CLI_TEXT, &t.out, "DIR", "where the model goes"},
        {"steps", 'n', CLI_INT, &t.steps, "N", "optimiser steps in all"},
        {"batch", 'b', CLI_INT, &t.batch, "N", "sequences per step"},
        {"accumulate", 0, CLI_INT, &t.accumulate, "N",
         "batches whose mean gradient a step takes (LLM-QFA)"},
        {"length", 'l', CLI_INT, &t.length, "N", "tokens per sequence"},
        {"align", 0, CLI_FLAG, &t.align, NULL, "sequences begin where a record does"},
        {"lr", 0, CLI_REAL, &t.rate, "X", "learning rate"},
        {"slope", 0, CLI_REAL, &t.slope, "X", "it falls by 2^-X with each bit of width"},
        {"schedule", 0, CLI_TEXT, &t.schedule, "NAME", "constant, cosine or stable"},
        {"warmup", 0, CLI_INT, &t.warmup, "N", "steps of warm-up"},
        {"clip", 0, CLI_REAL, &t.clip, "X", "largest norm of the gradient; 0: any"},
        {"weight-decay", 0, CLI_REAL, &t.weight_decay, "X", "decoupled weight decay"},
        {"seed", 's', CLI_INT, &t.seed, "N", "of weights, batches and subnets"},
        {"recipe", 0, CLI_TEXT, &t.recipe, "NAME",
         "what is not said otherwise: standard or paper"},
        {"sampler", 0, CLI_TEXT, &t.sampler, "NAME",
         "of subnets: iid, balanced, uniform, simplex or blend"},
        {"mapping", 0, CLI_TEXT, &t.mapping, "NAME", "mean to odds: maxent or binomial"},
        {"choice", 0, CLI_TEXT, &t.choice, "NAME", "one width per linear, fused or block"},
        {"widths", 0, CLI_LIST, &t.widths, "B[,B]", "draw from these alone; one is QA-LoRA"},
        {"anchors", 0, CLI_REAL, &t.anchors, "X", "share of steps with one width everywhere"},
        {"balance", 0, CLI_TEXT, &t.balance, "WHAT",
         "resource that is balanced: bits, bytes, or what each width takes of another, as "
         "microseconds: X,X,X"},
        {"sharing", 0, CLI_TEXT, &t.sharing, "NAME",
         "of parameters by widths: decoupled, shared or cascaded"},
        {"cycle", 0, CLI_INT, &t.cycle, "N", "steps of the balanced sampler's wave"},
        {"teacher", 0, CLI_TEXT, &t.teacher, "PATH", "full-precision model to learn from too"},
        {"distill", 0, CLI_REAL, &t.distill, "X", "its share of what is wanted; default 0.5"},
        {"rank", 0, CLI_INT, &t.rank, "N", "of the adapters; 0: the offsets themselves"},
        {"adapters", 0, CLI_TEXT, &t.adapters, "TYPE", "they are saved as: f32 or bf16"},
        {"resume", 0, CLI_FLAG, &t.resume, NULL, "go on from the checkpoint in DIR"},
        {"save-every", 0, CLI_INT, &t.save_every, "N", "steps between checkpoints"},
        {"log", 0, CLI_TEXT, &t.log, "FILE", "append step, loss, rate, norm of every step"},
        {"threads", 't', CLI_INT, &t.threads, "N", "0: one per CPU"},
        {"db", 0, CLI_TEXT, &t.ledger, "FILE", "tuning ledger; none: the prior alone"},
        {"json", 0, CLI_FLAG, &t.json, NULL, "print one JSON object"},
        {0}};
    int rest;
    bool help;

    QF_TRY(cli_parse(argc, argv, "qforge train --model DIR | --full … --data TEXT -o DIR",
                     options, &rest, &help));
    if (help) return QF_OK;
    QF_TRY(cli_no_operands(argc, argv, rest));
    QF_TRY(check(&t));
    QF_TRY(t.full ? cli_team_refuse("train --full") : cli_team_join(argv, &t.team));
    cli_interrupt_catch();
    return t.full ? cli_train_full(&t) : cli_train_qfa(&t);
}
