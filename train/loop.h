/* loop.h -- what every training run is made of: steps, progress, checkpoints. */
#ifndef QF_TRAIN_LOOP_H
#define QF_TRAIN_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "qforge/status.h"

/* What is told after every step. */
typedef struct tr_progress {
    int64_t step, steps; /* taken so far, wanted */
    double loss;         /* of the step, nats per token */
    double rate, norm;   /* learning rate, gradient's norm before clipping */
    double seconds;      /* since this run began */
    double left;         /* seconds, estimated from this run's pace */
    double tokens_per_second;
} tr_progress;

/* Returning false stops the run after a checkpoint, with QF_INTERRUPTED. */
typedef bool tr_report(void *context, const tr_progress *progress);

typedef struct tr_loop {
    void *self;
    /* Takes step `step` (from 0); fills loss, rate and norm. */
    qf_status (*take)(void *self, int64_t step, tr_progress *progress);
    /* Writes everything a later run needs to go on after `steps` steps. */
    qf_status (*save)(void *self, int64_t steps);
    int64_t first, steps; /* steps taken before, wanted in all */
    int64_t tokens;       /* per step */
    /* Steps between checkpoints; 0: as often as costs at most a twentieth of the time. */
    int64_t save_every;
    tr_report *report; /* may be NULL */
    void *report_context;
} tr_loop;

/* A checkpoint is also written after the last step. */
QF_MUST_CHECK qf_status tr_loop_run(const tr_loop *loop);

#endif
