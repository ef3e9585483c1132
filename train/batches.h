/* batches.h -- training text as one stream of tokens, and windows drawn from it. */
#ifndef QF_TRAIN_BATCHES_H
#define QF_TRAIN_BATCHES_H

#include <stdint.h>

#include "qforge/engine.h"
#include "qforge/tokenizer.h"

/* Records end to end, each with its begin token. */
typedef struct tr_stream {
    int *token;     /* owned */
    uint8_t *given; /* owned; not 0 for tokens that are read but not learnt; NULL: none */
    int64_t count;
    int64_t *start; /* owned; where each record begins, NULL when unknown */
    int64_t starts; /* windows begin at one of the first `starts`; 0: anywhere */
    int64_t records;
} tr_stream;

/* Reads `path` as qf_corpus_load does, or as tr_instructions_load when its name says so. */
QF_MUST_CHECK qf_status tr_stream_load(const char *path, const qf_tokenizer *tokenizer,
                                       tr_stream *stream);
QF_MUST_CHECK qf_status tr_stream_of(const qf_corpus *corpus, tr_stream *stream);
void tr_stream_release(tr_stream *stream);

/* QF_RANGE naming `path` when a window of T tokens and their successors does not fit. */
QF_MUST_CHECK qf_status tr_stream_check(const tr_stream *stream, int T, const char *path);

/* From now on windows of T tokens begin where a record does: what is asked at a record's
 * end then has its answer in the window.  QF_RANGE naming `path` when no window fits. */
QF_MUST_CHECK qf_status tr_stream_align(tr_stream *stream, int T, const char *path);

/* Batch `step`: B windows at random places, a pure function of seed and step.
 * token, target [B][T]; target is token moved by one, -1 for what is given. */
void tr_batch_draw(const tr_stream *stream, uint64_t seed, int64_t step, int B, int T,
                   int *token, int *target);

#endif
