/* adapters.h -- what LLM-QFA trains: an update of the offsets per width and linear
 * (QA-LoRA, Xu et al. 2023).
 *
 *     offset' = offset + s M,   M = sum over components of B A     A [rank][groups]
 *                                                                  B [n][rank]
 *
 * which is the same as adding s M X to the output, X being the sums of the input over
 * each group.  Which components a width uses is its sharing (sharings.def).
 *
 * Rank 0 stands for M itself: B is [n][groups] and there is no A.  That trains the
 * offsets directly, as many numbers as they are. */
#ifndef QF_TRAIN_ADAPTERS_H
#define QF_TRAIN_ADAPTERS_H

#include "qforge/qmodel.h"

typedef enum tr_sharing {
#define TR_SHARING(id, name, components, uses) TR_##id,
#include "sharings.def"
#undef TR_SHARING
    TR_SHARINGS
} tr_sharing;
/* QF_USAGE with the names there are. */
QF_MUST_CHECK qf_status tr_sharing_named(const char *name, tr_sharing *sharing);

typedef struct tr_adapters_options {
    tr_sharing sharing;
    int rank;    /* of a component; 0: the offsets themselves */
    float scale; /* s */
    uint64_t seed;
} tr_adapters_options;

/* One component of one linear. */
typedef struct tr_adapter {
    float *a, *b;   /* parameters; a is NULL at rank 0 */
    float *da, *db; /* their gradients */
    int64_t a_size, b_size;
} tr_adapter;

typedef struct tr_adapters tr_adapters;

/* s = 1 / sqrt(group): a group sum of independent inputs grows as sqrt(group). */
float tr_adapters_scale(int group);

/* A uniform (Xavier), a pure function of seed, linear and component; B zero, so that the
 * first step starts at the frozen model.  When the model has adapters, decoupled ones of
 * the same rank and scale begin with their values; others are refused (QF_USAGE).  The
 * model is borrowed. */
QF_MUST_CHECK qf_status tr_adapters_create(const tr_adapters_options *options,
                                           const qf_qmodel *model, tr_adapters **adapters);
void tr_adapters_destroy(tr_adapters *adapters); /* NULL is fine */

int tr_adapters_components(const tr_adapters *adapters); /* of a linear */
bool tr_adapters_uses(const tr_adapters *adapters, int component, int width);
tr_adapter tr_adapters_at(const tr_adapters *adapters, int index, int component);
const tr_adapters_options *tr_adapters_options_of(const tr_adapters *adapters);
/* All parameters end to end, and how many floats they are. */
float *tr_adapters_values(tr_adapters *adapters, int64_t *count);
/* All gradients likewise. */
float *tr_adapters_gradients(tr_adapters *adapters, int64_t *count);

/* The frozen offsets [n][groups] of linear `index` at position `width` of the model's
 * widths, moved by its components.  `offset` may be the model's own. */
void tr_adapters_offsets(const tr_adapters *adapters, int index, int width, float *offset);

/* Gives the model what was trained, in place of adapters it has: its own adapters, of all
 * components' ranks together, or at rank 0 moved offsets and none: once, for they move again.
 * After QF_MEMORY it has none. */
QF_MUST_CHECK qf_status tr_adapters_export(const tr_adapters *adapters, qf_qmodel *model);

#endif
