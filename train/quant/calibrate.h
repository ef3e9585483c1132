/* calibrate.h -- calibration text on its way through a network, block by block: what each
 * block's linears read.
 *
 * Windows of text are drawn once and embedded; between blocks their residual streams are
 * kept, samples * length * dim floats each, so that the whole walk costs one pass and the
 * Hessians in memory are those of one block.  There can be several streams, one for each
 * state of the blocks behind it: full precision, or quantised to a width. */
#ifndef QF_TRAIN_CALIBRATE_H
#define QF_TRAIN_CALIBRATE_H

#include "../batches.h"
#include "hessian.h"
#include "qforge/model.h"

/* Distinct inputs of a block: of query/key/value, output, gate/up, down. */
enum { TR_INPUTS = 4 };
int tr_input_of(qf_linear_kind kind); /* 0 .. TR_INPUTS-1 */
/* The size of an input. */
int64_t tr_input_width(const qf_config *config, int input);

typedef struct tr_calibration {
    const qf_kernel_source *source;
    qf_pool *pool;
    const tr_stream *stream;
    int samples, length; /* windows of text, tokens of each */
    int batch;           /* windows per pass */
    uint64_t seed;
} tr_calibration;

int tr_calibration_batches(const tr_calibration *calibration);

typedef struct tr_walk tr_walk;

/* Every stream begins with the embedded windows.  Calibration and model are borrowed. */
QF_MUST_CHECK qf_status tr_walk_create(const tr_calibration *calibration, const qf_model *model,
                                       int streams, tr_walk **walk);
void tr_walk_destroy(tr_walk *walk); /* NULL is fine */

/* All of a stream through one block. */
typedef struct tr_step {
    int stream, block;
    const float *const *weight; /* [QF_LINEARS]; NULL: the model's own */
    bool advance;               /* the stream goes on behind the block; else it stays */
    hessian *h;                 /* [TR_INPUTS] x^T x of each input is added; may be NULL */
    /* [TR_INPUTS] adds (y - x)^T x, y being what the model's own block reads of stream
     * `other`; may be NULL. */
    hessian *drift;
    int other;
} tr_step;

/* progress as in engine.h, counting batches; may be NULL. */
QF_MUST_CHECK qf_status tr_walk_step(tr_walk *walk, const tr_step *step, qf_progress *progress,
                                     void *context);

#endif
