/* calibrate.h -- the Hessians of some blocks' inputs, from one pass of the full-precision
 * network over calibration text. */
#ifndef QF_TRAIN_CALIBRATE_H
#define QF_TRAIN_CALIBRATE_H

#include "../batches.h"
#include "hessian.h"
#include "qforge/model.h"

/* Distinct inputs of a block: of query/key/value, output, gate/up, down. */
enum { TR_INPUTS = 4 };
int tr_input_of(qf_linear_kind kind); /* 0 .. TR_INPUTS-1 */

typedef struct tr_calibration {
    const qf_kernel_source *source;
    qf_pool *pool;
    const tr_stream *stream;
    int samples, length; /* windows of text, tokens of each */
    int batch;           /* windows per pass */
    uint64_t seed;
} tr_calibration;

/* Bytes of Hessians per block: how many blocks fit one pass is the caller's choice. */
size_t tr_calibration_block_bytes(const qf_config *config);

/* Fills h[(block - begin) * TR_INPUTS + input] for blocks [begin, end); the caller
 * releases them, also after a failure (they start zeroed).  progress as in engine.h,
 * counting batches. */
QF_MUST_CHECK qf_status tr_calibrate(const tr_calibration *calibration, const qf_model *model,
                                     int begin, int end, qf_progress *progress, void *context,
                                     hessian *h);
int tr_calibration_batches(const tr_calibration *calibration);

#endif
