/* checkpoint.h -- the state of a training run in one file, written whole or not at all.
 *
 * A safetensors file of named arrays, with the number of steps taken and the recipe: one
 * line that says everything the arithmetic depends on (shapes, data, seeds, rates).  A run
 * resumed under the same recipe gives the same bits as one never stopped; under another
 * it is refused. */
#ifndef QF_TRAIN_CHECKPOINT_H
#define QF_TRAIN_CHECKPOINT_H

#include "adamw.h"
#include "batches.h"
#include "qforge/tensorfile.h"

enum { TR_RECIPE_MAX = 1024, TR_NAME_MAX = 96 };

typedef struct tr_array {
    char name[TR_NAME_MAX];
    qf_dtype dtype;
    int64_t count;
    void *data; /* borrowed */
} tr_array;

QF_MUST_CHECK qf_status tr_checkpoint_save(const char *path, const char *recipe, int64_t steps,
                                           const tr_array *array, int arrays);
/* Fills the arrays.  QF_NOT_FOUND (no sentence) when there is no such file; QF_USAGE when
 * its recipe is another; QF_FORMAT or QF_SHAPE when it is damaged. */
QF_MUST_CHECK qf_status tr_checkpoint_load(const char *path, const char *recipe, int64_t *steps,
                                           const tr_array *array, int arrays);

/* An array of floats called `name`. */
tr_array tr_array_of(const char *name, float *data, int64_t count);
/* The three of an optimiser: "adamw.first", "adamw.second", "adamw.steps". */
enum { TR_ADAMW_ARRAYS = 3 };
void tr_adamw_arrays(tr_adamw *adamw, tr_array array[TR_ADAMW_ARRAYS]);
/* A number that changes with any token of the stream: for recipes. */
uint64_t tr_stream_hash(const tr_stream *stream);

#endif
