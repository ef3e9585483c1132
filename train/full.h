/* full.h -- training a small LLaMA from scratch in full precision. */
#ifndef QF_TRAIN_FULL_H
#define QF_TRAIN_FULL_H

#include "adamw.h"
#include "batches.h"
#include "loop.h"
#include "qforge/gemm.h"
#include "qforge/model.h"
#include "schedule.h"

typedef struct tr_full_options {
    const qf_kernel_source *source;
    qf_pool *pool;
    qf_config config;
    const tr_stream *stream;
    int batch, length; /* sequences per step, tokens of each */
    tr_schedule schedule;
    tr_adamw_options adamw;
    uint64_t seed;
    const char *directory; /* receives checkpoint.safetensors, then the model */
    bool resume;           /* go on from the directory's checkpoint, if there is one */
    int64_t save_every;    /* see tr_loop */
    tr_report *report;     /* may be NULL */
    void *report_context;
} tr_full_options;

/* Normal weights: 1 / sqrt(inputs), the two products that end a branch divided further by
 * sqrt(2 layers) so that the residual stream keeps its size (GPT-2); embedding and head
 * 0.02; norms 1.  A pure function of seed. */
void tr_full_init(qf_model *model, uint64_t seed);

/* Trains for schedule.steps steps and saves a Hugging Face directory.  QF_USAGE when the
 * directory holds a checkpoint and resume is false. */
QF_MUST_CHECK qf_status tr_full_train(const tr_full_options *options);

#endif
