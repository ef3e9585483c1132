/* merger.h -- byte-pair merges in n log n: a list of symbols and a heap of the pairs that
 * may be joined, cheapest first, leftmost of equals. */
#ifndef QF_MODEL_MERGER_H
#define QF_MODEL_MERGER_H

#include <stdbool.h>

#include "vocabulary.h"

/* Whether `left` and `right` may be joined, into what and at which cost. */
typedef bool qf_join(const void *self, int left, int right, qf_merge *merge);

typedef struct qf_symbol {
    int id; /* -1: joined into the one before */
    int previous, next;
} qf_symbol;

typedef struct qf_candidate {
    float cost;
    int at;          /* of the left symbol */
    int left, right; /* what they were when this was noted */
    int joined;
} qf_candidate;

/* Room that grows and is used again from one word to the next. */
typedef struct qf_merger {
    const void *self;
    qf_join *join;
    qf_symbol *symbol;
    int count, room;
    qf_candidate *heap;
    size_t candidates, heap_room;
} qf_merger;

void qf_merger_release(qf_merger *merger);
void qf_merger_clear(qf_merger *merger); /* a new word */
QF_MUST_CHECK qf_status qf_merger_add(qf_merger *merger, int id);
/* Joins all that can be joined; afterwards symbol[0..count) are what is left. */
QF_MUST_CHECK qf_status qf_merger_run(qf_merger *merger);

#endif
