/* sampler.h -- which subnet a training step trains.
 *
 * LLM-QFA's resource-balanced sampling.  Independent uniform draws per layer have a mean
 * width that hardly leaves the middle (its variance falls as 1/layers), so cheap and
 * costly subnets are never trained.  Balanced sampling moves the mean:
 *
 *     mean(t) = b_1 + (b_N - b_1) |2 (t mod cycle) / cycle - 1|
 *
 * (the paper's equation 5, with the offset and the modulus it needs).  A draw is a pure
 * function of the sampler and the step. */
#ifndef QF_TRAIN_SAMPLER_H
#define QF_TRAIN_SAMPLER_H

#include "qforge/qmodel.h"

#define TR_SAMPLER(id, name) TR_SAMPLER_##id,
#define TR_MAPPING(id, name)
#define TR_CHOICE(id, name)
typedef enum tr_sampler_kind {
#include "samplers.def"
    TR_SAMPLERS
} tr_sampler_kind;
#undef TR_SAMPLER
#undef TR_MAPPING
#define TR_SAMPLER(id, name)
#define TR_MAPPING(id, name) TR_MAPPING_##id,
typedef enum tr_mapping {
#include "samplers.def"
    TR_MAPPINGS
} tr_mapping;
#undef TR_MAPPING
#undef TR_CHOICE
#define TR_MAPPING(id, name)
#define TR_CHOICE(id, name) TR_CHOICE_##id,
typedef enum tr_choice {
#include "samplers.def"
    TR_CHOICES
} tr_choice;
#undef TR_SAMPLER
#undef TR_MAPPING
#undef TR_CHOICE

/* A plain value. */
typedef struct tr_sampler {
    tr_sampler_kind kind;
    tr_mapping mapping;
    tr_choice choice;
    int64_t cycle; /* steps from the top down and back, > 0 */
    uint64_t seed;
    int widths;
    int width[QF_WIDTHS_MAX]; /* ascending */
} tr_sampler;

/* By name; QF_USAGE with the names there are. */
QF_MUST_CHECK qf_status tr_sampler_named(const char *name, tr_sampler_kind *kind);
QF_MUST_CHECK qf_status tr_mapping_named(const char *name, tr_mapping *mapping);
QF_MUST_CHECK qf_status tr_choice_named(const char *name, tr_choice *choice);

/* The mean width the balanced sampler aims at. */
double tr_sampler_mean(const tr_sampler *sampler, int64_t step);
/* Probability of each width at a step. */
void tr_sampler_odds(const tr_sampler *sampler, int64_t step, double odds[QF_WIDTHS_MAX]);
/* The subnet of a step, `linears` = layers * QF_LINEARS of them. */
void tr_sampler_draw(const tr_sampler *sampler, int64_t step, int linears, qf_subnet *subnet);

#endif
