/* train.h -- what the two modes of `qforge train` share. */
#ifndef QF_CLI_TRAIN_H
#define QF_CLI_TRAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "machine.h"
#include "options.h"
#include "progress.h"
#include "qforge/tokenizer.h"
#include "train/batches.h"
#include "train/loop.h"
#include "train/qfa/micro_batches.h"

/* The command line.  Text is NULL and a number negative where nothing was said: each mode
 * has its own defaults. */
typedef struct cli_train {
    const char *data, *out, *ledger, *schedule, *log;
    int64_t steps, batch, length, warmup, seed, threads, save_every;
    double rate, clip, weight_decay;
    bool resume, align, json;
    /* from scratch */
    bool full;
    const char *config, *tokenizer;
    /* LLM-QFA */
    const char *model, *recipe, *sampler, *mapping, *choice, *sharing, *balance, *teacher,
        *adapters;
    cli_list widths;
    int64_t cycle, rank, accumulate;
    double anchors, distill, slope;
    tr_team team;
} cli_train;

qf_status cli_train_full(const cli_train *train);
qf_status cli_train_qfa(const cli_train *train);

static inline int64_t cli_or(int64_t given, int64_t otherwise)
{
    return given < 0 ? otherwise : given;
}
static inline double cli_or_real(double given, double otherwise)
{
    return given < 0 ? otherwise : given;
}

/* Where windows of `length` tokens may begin: anywhere, or at records (--align). */
static inline qf_status cli_train_windows(const cli_train *train, tr_stream *stream, int length)
{
    return train->align ? tr_stream_align(stream, length, train->data)
                        : tr_stream_check(stream, length, train->data);
}

/* ---- telling how the run goes ---- */
enum { CLI_RECENT_LOSSES = 50, CLI_CURVE = 16 };
typedef struct cli_train_report {
    cli_progress line;
    tr_progress last; /* step 0: no step was taken */
    double recent[CLI_RECENT_LOSSES];
    /* The loss so far, for the terminal: sums and counts of equal stretches of the run. */
    double curve[CLI_CURVE];
    int64_t curve_steps[CLI_CURVE];
    bool silent;     /* another member of the team tells */
    const char *log; /* every step adds a line to it: step, loss, rate, norm; NULL: none */
} cli_train_report;

/* A tr_report; context is a cli_train_report.  Stops the run after Ctrl-C. */
bool cli_train_tell(void *context, const tr_progress *progress);
/* Mean loss of the last steps of this run, at most 50. */
double cli_train_recent_loss(const cli_train_report *report);
/* The result on stdout, in words or as one JSON object. */
qf_status cli_train_finish(const cli_train *train, cli_train_report *report);

#endif
