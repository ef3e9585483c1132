/* qforge/random_model.h -- a model of random weights at real shapes, to time what takes
 * gigabytes to download: speed does not depend on values as long as they are ordinary.
 *
 * Weights are made packed, one linear after another, when an engine asks for them; in
 * fp32 there is only what an engine keeps in fp32: embedding, norms and, unless it is
 * quantised, the head.  Every value is a pure function of the seed, its linear and its
 * place in the packed bytes (Philox), whatever the threads.
 *
 * Codes are uniform, scales and offsets such that a row of k weights has variance 1/k and
 * mean 0: activations keep the size of the embedding's (1), nothing overflows and nothing
 * becomes denormal, which would be slow as real weights are not. */
#ifndef QFORGE_RANDOM_MODEL_H
#define QFORGE_RANDOM_MODEL_H

#include "qforge/engine.h"

typedef struct qf_random_model {
    qf_config config;
    qf_subnet subnet; /* width of each linear */
    int group;
    int head_bits; /* 32: fp32 */
    uint64_t seed;
    qf_pool *pool; /* makes the weights; may be NULL */
} qf_random_model;

/* Widths drawn from `width`, each as likely, for every linear. */
qf_subnet qf_subnet_random(const qf_config *config, const int *width, int widths,
                           uint64_t seed);

/* Embedding and norms; the head shares the embedding's room, whatever the configuration
 * says, because the supply makes its own. */
QF_MUST_CHECK qf_status qf_random_base(const qf_random_model *random, qf_model *base);
/* Linears and head.  `random` outlives it. */
qf_supply qf_random_supply(const qf_random_model *random);

/* What packed weights of linear `index` (the head last) take. */
int64_t qf_random_linear_bytes(const qf_random_model *random, const qf_kernel_source *source,
                               qf_accuracy accuracy, int index);
/* Base, packed weights, cache and activations of an engine with this many positions and
 * tokens per step, within a few percent. */
int64_t qf_random_model_bytes(const qf_random_model *random, const qf_kernel_source *source,
                              qf_accuracy accuracy, int context, int chunk);

#endif
