/* sampler.h -- which subnet a training step trains.
 *
 * LLM-QFA's resource-balanced sampling.  Independent uniform draws per layer have a mean
 * width that hardly leaves the middle (its variance falls as 1/layers), so cheap and
 * costly subnets are never trained.  Balanced sampling moves the mean:
 *
 *     mean(t) = b_1 + (b_N - b_1) |2 (t mod cycle) / cycle - 1|
 *
 * (the paper's equation 5, with the offset and the modulus it needs).  Here the mean of
 * any resource can walk so: `level` says what a subnet of one width everywhere takes of
 * it, bits as in the paper, or bytes, or microseconds.  As costs add over linears, odds
 * p with sum p(b) level(b) = target have that target as the mean of their draws.
 *
 * Anchors are steps whose subnet has one width everywhere.  A draw is a pure function of
 * the sampler and the step. */
#ifndef QF_TRAIN_SAMPLER_H
#define QF_TRAIN_SAMPLER_H

#include "qforge/qmodel.h"

#define TR_SAMPLER(id, name) TR_SAMPLER_##id,
#define TR_MAPPING(id, name)
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
#undef TR_SAMPLER

/* A plain value. */
typedef struct tr_sampler {
    tr_sampler_kind kind;
    tr_mapping mapping;
    qf_granularity granularity;
    int64_t cycle;  /* steps from the top down and back, > 0 */
    double anchors; /* share of the steps with one width everywhere, each as often */
    uint64_t seed;
    int widths;
    int width[QF_WIDTHS_MAX];    /* ascending */
    double level[QF_WIDTHS_MAX]; /* ascending strictly: of each width everywhere */
} tr_sampler;

/* By name; QF_USAGE with the names there are. */
QF_MUST_CHECK qf_status tr_sampler_named(const char *name, tr_sampler_kind *kind);
QF_MUST_CHECK qf_status tr_mapping_named(const char *name, tr_mapping *mapping);

/* The widths to draw from, `level` the bits. */
void tr_sampler_take_widths(tr_sampler *sampler, const int *width, int widths);

/* QF_USAGE when its numbers make no sense or a width is none of the model's; no widths
 * are fine. */
QF_MUST_CHECK qf_status tr_sampler_check(const tr_sampler *sampler, const qf_qmodel *model);

/* The level that balanced and iid sampling aim at. */
double tr_sampler_target(const tr_sampler *sampler, int64_t step);
/* Probability of each width so that the mean level stands at `position`, 0 (the cheapest
 * width everywhere) to 1, by the sampler's mapping. */
void tr_sampler_aim(const tr_sampler *sampler, double position, double odds[QF_WIDTHS_MAX]);
/* Probability of each width at a step that is no anchor. */
void tr_sampler_odds(const tr_sampler *sampler, int64_t step, double odds[QF_WIDTHS_MAX]);
/* The subnet of a step, `linears` = layers * QF_LINEARS of them. */
void tr_sampler_draw(const tr_sampler *sampler, int64_t step, int linears, qf_subnet *subnet);

#endif
