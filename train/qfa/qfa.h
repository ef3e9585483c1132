/* qfa.h -- LLM-QFA ("One QuantLLM for ALL", arXiv 2405.20202): one training run after
 * which every mix of widths is a usable model.
 *
 * Each step draws one subnet and moves its adapters alone: adapters of other widths keep
 * their values, their moments and their step counters. */
#ifndef QF_TRAIN_QFA_H
#define QF_TRAIN_QFA_H

#include "../adamw.h"
#include "../batches.h"
#include "../loop.h"
#include "../schedule.h"
#include "qforge/gemm.h"
#include "qforge/qmodel.h"
#include "adapters.h"
#include "sampler.h"
#include "micro_batches.h"

typedef struct tr_qfa_options {
    const qf_kernel_source *source;
    qf_pool *pool;
    const tr_stream *stream;
    int batch, length; /* sequences of a micro-batch, tokens of each */
    int accumulate;    /* micro-batches of a step; 0: one */
    tr_team team;      /* they may be shared by; member 0 alone writes files */
    tr_schedule schedule;
    tr_adamw_options adamw;
    /* The rate falls by 2^-slope with each bit of width, the schedule's being that of three:
     * a grid's steps are wider the fewer they are, and so are the moves its offsets need. */
    double slope;
    /* Its seed is set to this seed; without widths it draws from all the model has.  One
     * width alone is QA-LoRA. */
    tr_sampler sampler;
    /* Of new adapters; a model that has adapters goes on with those (decoupled, of their
     * rank). */
    tr_sharing sharing;
    int rank; /* 0: the offsets themselves are trained, and the saved model has no adapters */
    qf_dtype adapter_dtype; /* of the saved adapters, F32 or BF16; checkpoints are exact */
    /* Distillation from the full-precision model: `share` of what is wanted.  May be NULL. */
    const qf_model *teacher;
    double share;
    uint64_t seed;
    const char *directory; /* receives checkpoint.safetensors, train.csv, then the model */
    bool resume;           /* go on from the directory's checkpoint, if there is one */
    int64_t save_every;    /* see tr_loop */
    tr_report *report;     /* may be NULL */
    void *report_context;
} tr_qfa_options;

/* What did best at every width on a small model (docs/results.md): the offsets themselves,
 * rates of 1.6e-3, 1.1e-3 and 8e-4 at two, three and four bits, stable for half of the steps
 * and falling as a line, clipping at 0.3; four steps in ten anchored to one width everywhere,
 * the others a blend of uniform draws and of a mean drawn afresh.  With a teacher, half of what
 * is wanted is its. */
extern const tr_qfa_options tr_qfa_standard;
/* LLM-QFA as its paper has it: decoupled adapters of rank 8, balanced sampling, constant
 * rate 1e-3, clipping at 0.3. */
extern const tr_qfa_options tr_qfa_paper;

/* Trains for schedule.steps steps in all and saves the model with its adapters.  QF_USAGE
 * when the directory holds a checkpoint and resume is false. */
QF_MUST_CHECK qf_status tr_qfa_train(const tr_qfa_options *options, qf_qmodel *model);

#endif
