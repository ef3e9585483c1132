/* model_speed.h -- how fast a model reads a prompt and how fast it writes on from there. */
#ifndef QF_CLI_MODEL_SPEED_H
#define QF_CLI_MODEL_SPEED_H

#include "progress.h"
#include "qforge/engine.h"

typedef struct cli_speed_options {
    int prefill;    /* tokens of the prompt, >= 1, less than the context */
    int context;    /* positions of the engine */
    int tokens;     /* decode at least as many, and for at least 3 s, */
    double seconds; /* but prompts and decoding no longer than this each */
} cli_speed_options;

/* Microseconds: the median of the samples with its 95 % interval. */
typedef struct cli_speed_time {
    double median, low, high;
    int samples;
} cli_speed_time;

typedef struct cli_speed {
    cli_speed_time prefill; /* of the whole prompt */
    cli_speed_time decode;  /* of one token */
    cli_speed_time head;    /* its final norm and head */
} cli_speed;

/* The whole prompt again and again, three times when there is time; then tokens from the
 * position after it to the end of the context, and again from there.  QF_INTERRUPTED on
 * Ctrl-C, QF_WRONG when a logit is not finite. */
QF_MUST_CHECK qf_status cli_speed_measure(qf_engine *engine, const cli_speed_options *options,
                                          cli_progress *progress, cli_speed *speed);

#endif
