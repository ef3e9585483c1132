/* sampler.c -- target, odds, draw. */
#include "sampler.h"

#include <math.h>
#include <string.h>

#include "qforge/names.h"
#include "qforge/random.h"

#define TR_SAMPLER(id, name) name,
#define TR_MAPPING(id, name)
static const char *const samplers[] = {
#include "samplers.def"
};
#undef TR_SAMPLER
#undef TR_MAPPING
#define TR_SAMPLER(id, name)
#define TR_MAPPING(id, name) name,
static const char *const mappings[] = {
#include "samplers.def"
};

static const char *sampler_name(int kind)
{
    return samplers[kind];
}

static const char *mapping_name(int mapping)
{
    return mappings[mapping];
}

qf_status tr_sampler_named(const char *name, tr_sampler_kind *kind)
{
    int found = 0;
    QF_TRY(qf_name_find("sampler", sampler_name, TR_SAMPLERS, name, &found));
    *kind = (tr_sampler_kind)found;
    return QF_OK;
}

qf_status tr_mapping_named(const char *name, tr_mapping *mapping)
{
    int found = 0;
    QF_TRY(qf_name_find("mapping", mapping_name, TR_MAPPINGS, name, &found));
    *mapping = (tr_mapping)found;
    return QF_OK;
}

void tr_sampler_take_widths(tr_sampler *s, const int *width, int widths)
{
    QF_ASSERT(widths > 0 && widths <= QF_WIDTHS_MAX);
    s->widths = widths;
    for (int i = 0; i < widths; i++) {
        s->width[i] = width[i];
        s->level[i] = width[i];
    }
}

static bool has_width(const qf_qmodel *model, int bits)
{
    for (int i = 0; i < model->widths; i++)
        if (model->width[i] == bits) return true;
    return false;
}

qf_status tr_sampler_check(const tr_sampler *s, const qf_qmodel *model)
{
    if (s->cycle < 1)
        return qf_fail(QF_USAGE, "the sampler's cycle is %lld steps", (long long)s->cycle);
    if (!(s->anchors >= 0 && s->anchors <= 1))
        return qf_fail(QF_USAGE, "anchors are a share of the steps, 0 to 1, not %g",
                       s->anchors);
    for (int i = 0; i < s->widths; i++) {
        if (!has_width(model, s->width[i]))
            return qf_fail(QF_USAGE, "the model has no %d-bit copy of its linears",
                           s->width[i]);
        if (i > 0 && !(s->level[i] > s->level[i - 1]))
            return qf_fail(QF_USAGE, "%d bits cost %g, %d bits %g: the wider must cost more",
                           s->width[i - 1], s->level[i - 1], s->width[i], s->level[i]);
    }
    return QF_OK;
}

/* ---- where a step stands ---- */

/* Streams of this file's own: draws of linears, and what is drawn once for a step. */
static qf_random stream_of_linears(const tr_sampler *s, int64_t step)
{
    return qf_random_init(s->seed, ((uint64_t)0x5a3b << 48) + (uint64_t)step);
}

static qf_random stream_of_step(const tr_sampler *s, int64_t step)
{
    return qf_random_init(s->seed, ((uint64_t)0x5a3c << 48) + (uint64_t)step);
}

/* From 0, the cheapest, to 1. */
static double position(const tr_sampler *s, int64_t step)
{
    if (s->kind == TR_SAMPLER_IID || s->kind == TR_SAMPLER_BLEND) {
        qf_random random = stream_of_step(s, step);
        return qf_random_unit(&random);
    }
    return fabs(2 * (double)(step % s->cycle) / (double)s->cycle - 1);
}

static double between(const tr_sampler *s, double at)
{
    return s->level[0] + (s->level[s->widths - 1] - s->level[0]) * at;
}

double tr_sampler_target(const tr_sampler *s, int64_t step)
{
    return between(s, position(s, step));
}

/* ---- odds ---- */

static double mean_of(const tr_sampler *s, const double *odds)
{
    double mean = 0;
    for (int i = 0; i < s->widths; i++) mean += odds[i] * s->level[i];
    return mean;
}

/* A family of distributions whose mean level grows with its parameter. */
typedef void family(const tr_sampler *s, double parameter, double *odds);

/* Ranks 0 .. widths-1 are the successes of widths-1 trials of probability p. */
static void binomial(const tr_sampler *s, double p, double *odds)
{
    const int trials = s->widths - 1;
    double ways = 1;
    for (int i = 0; i <= trials; i++) {
        odds[i] = ways * pow(p, i) * pow(1 - p, trials - i);
        ways = ways * (trials - i) / (i + 1);
    }
}

/* p(b) ~ exp(lambda place), place from -1/2 to 1/2 by level. */
static void tilted(const tr_sampler *s, double lambda, double *odds)
{
    const double span = s->level[s->widths - 1] - s->level[0];
    double sum = 0;
    for (int i = 0; i < s->widths; i++) {
        odds[i] = exp(lambda * ((s->level[i] - s->level[0]) / span - 0.5));
        sum += odds[i];
    }
    for (int i = 0; i < s->widths; i++) odds[i] /= sum;
}

/* The member of mean `target`, by bisection. */
static void solve(const tr_sampler *s, family *of, double low, double high, double target,
                  double *odds)
{
    for (int i = 0; i < 64; i++) {
        const double middle = (low + high) / 2;
        of(s, middle, odds);
        if (mean_of(s, odds) < target)
            low = middle;
        else
            high = middle;
    }
}

void tr_sampler_aim(const tr_sampler *s, double at, double odds[QF_WIDTHS_MAX])
{
    /* At the ends of the range lambda is infinite; 240 is as good, and exp(120) is a
     * double still. */
    enum { STEEPEST = 240 };
    const double target = between(s, at);

    if (s->mapping == TR_MAPPING_MAXENT) {
        solve(s, tilted, -STEEPEST, STEEPEST, target, odds);
        return;
    }
    binomial(s, at, odds); /* of evenly spaced levels p is the position itself */
    if (fabs(mean_of(s, odds) - target) > 1e-12 * fabs(target))
        solve(s, binomial, 0, 1, target, odds);
}

/* Exponentials, normalised, are uniform on the simplex. */
static void anyhow(const tr_sampler *s, int64_t step, double *odds)
{
    qf_random random = stream_of_step(s, step);
    double sum = 0;
    for (int i = 0; i < s->widths; i++) sum += odds[i] = -log(1 - qf_random_unit(&random));
    for (int i = 0; i < s->widths; i++) odds[i] = sum > 0 ? odds[i] / sum : 1.0 / s->widths;
}

/* Whether this step's draws are uniform. */
static bool evenly(const tr_sampler *s, int64_t step)
{
    if (s->kind == TR_SAMPLER_UNIFORM || s->widths == 1) return true;
    if (s->kind != TR_SAMPLER_BLEND) return false;
    qf_random random = stream_of_step(s, step);
    qf_random_unit(&random); /* the position */
    qf_random_unit(&random); /* whether it is an anchor */
    return qf_random_unit(&random) < 0.5;
}

void tr_sampler_odds(const tr_sampler *s, int64_t step, double odds[QF_WIDTHS_MAX])
{
    if (evenly(s, step))
        for (int i = 0; i < s->widths; i++) odds[i] = 1.0 / s->widths;
    else if (s->kind == TR_SAMPLER_SIMPLEX)
        anyhow(s, step, odds);
    else
        tr_sampler_aim(s, position(s, step), odds);
}

/* ---- draws ---- */

static int pick(const tr_sampler *s, const double *odds, double unit)
{
    int i = 0;
    for (; i < s->widths - 1 && unit >= odds[i]; i++) unit -= odds[i];
    return s->width[i];
}

/* Whether the step is an anchor, and of which width. */
static bool anchored(const tr_sampler *s, int64_t step, int *bits)
{
    qf_random random = stream_of_step(s, step);
    qf_random_unit(&random); /* iid's position: one stream serves both */
    const double unit = qf_random_unit(&random);
    if (unit >= s->anchors) return false;
    const int at = (int)(unit / s->anchors * s->widths); /* may round up to widths */
    *bits = s->width[at < s->widths ? at : s->widths - 1];
    return true;
}

void tr_sampler_draw(const tr_sampler *s, int64_t step, int linears, qf_subnet *subnet)
{
    qf_random random = stream_of_linears(s, step);
    double odds[QF_WIDTHS_MAX];
    int bits;

    QF_ASSERT(linears <= QF_SUBNET_MAX);
    subnet->count = linears;
    if (s->anchors > 0 && anchored(s, step, &bits)) {
        memset(subnet->bits, bits, (size_t)linears);
        return;
    }
    tr_sampler_odds(s, step, odds);
    for (int i = 0; i < linears; i++) {
        const bool follows =
            i > 0 && qf_gene_of(s->granularity, i) == qf_gene_of(s->granularity, i - 1);
        subnet->bits[i] =
            follows ? subnet->bits[i - 1] : (uint8_t)pick(s, odds, qf_random_unit(&random));
    }
}
