/* vocabulary.h -- pieces of text by id, and ids by text. */
#ifndef QF_MODEL_VOCABULARY_H
#define QF_MODEL_VOCABULARY_H

#include <stddef.h>
#include <stdint.h>

#include "qforge/status.h"

typedef struct qf_text {
    const char *bytes; /* borrowed; not NUL-terminated */
    size_t length;
} qf_text;

typedef struct qf_vocabulary {
    int count;     /* ids are 0..count-1 */
    qf_text *text; /* [count]; empty where no piece has the id */
    int *slot;     /* hash table of ids, -1 empty */
    size_t slots;  /* a power of two */
} qf_vocabulary;

QF_MUST_CHECK qf_status qf_vocabulary_init(qf_vocabulary *vocabulary, int count);
void qf_vocabulary_release(qf_vocabulary *vocabulary);

/* The bytes are borrowed for the vocabulary's life.  Of equal pieces the first put is the
 * one that is found. */
void qf_vocabulary_put(qf_vocabulary *vocabulary, int id, const char *bytes, size_t length);
int qf_vocabulary_find(const qf_vocabulary *vocabulary, const char *bytes, size_t length);

/* ---- a map from pairs of ids: the merges of byte-pair encoding ---- */
typedef struct qf_merge {
    float cost; /* the cheapest is done first */
    int id;     /* of the joined piece */
} qf_merge;

typedef struct qf_pairs {
    uint64_t *key; /* left << 32 | right, UINT64_MAX empty */
    qf_merge *merge;
    size_t slots;
} qf_pairs;

QF_MUST_CHECK qf_status qf_pairs_init(qf_pairs *pairs, size_t count);
void qf_pairs_release(qf_pairs *pairs);
void qf_pairs_put(qf_pairs *pairs, int left, int right, qf_merge merge);   /* first put stays */
const qf_merge *qf_pairs_find(const qf_pairs *pairs, int left, int right); /* or NULL */

#endif
