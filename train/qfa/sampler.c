/* sampler.c -- mean, odds, draw. */
#include "sampler.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "qforge/random.h"

#define TR_SAMPLER(id, name) name,
#define TR_MAPPING(id, name)
#define TR_CHOICE(id, name)
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
#undef TR_MAPPING
#undef TR_CHOICE
#define TR_MAPPING(id, name)
#define TR_CHOICE(id, name) name,
static const char *const choices[] = {
#include "samplers.def"
};

static qf_status find(const char *what, const char *const *names, int count, const char *name,
                      int *found)
{
    char all[128] = "";
    for (int i = 0; i < count; i++) {
        const size_t used = strlen(all);
        snprintf(all + used, sizeof all - used, "%s%s", i ? ", " : "", names[i]);
        if (strcmp(names[i], name) != 0) continue;
        *found = i;
        return QF_OK;
    }
    return qf_fail(QF_USAGE, "unknown %s '%s' (there are %s)", what, name, all);
}

qf_status tr_sampler_named(const char *name, tr_sampler_kind *kind)
{
    int found = 0;
    QF_TRY(find("sampler", samplers, TR_SAMPLERS, name, &found));
    *kind = (tr_sampler_kind)found;
    return QF_OK;
}

qf_status tr_mapping_named(const char *name, tr_mapping *mapping)
{
    int found = 0;
    QF_TRY(find("mapping", mappings, TR_MAPPINGS, name, &found));
    *mapping = (tr_mapping)found;
    return QF_OK;
}

qf_status tr_choice_named(const char *name, tr_choice *choice)
{
    int found = 0;
    QF_TRY(find("choice", choices, TR_CHOICES, name, &found));
    *choice = (tr_choice)found;
    return QF_OK;
}

static double wave(const tr_sampler *s, int64_t step)
{
    return fabs(2 * (double)(step % s->cycle) / (double)s->cycle - 1);
}

double tr_sampler_mean(const tr_sampler *s, int64_t step)
{
    const int first = s->width[0], last = s->width[s->widths - 1];
    return first + (last - first) * wave(s, step);
}

static void odds_uniform(const tr_sampler *s, double *odds)
{
    for (int i = 0; i < s->widths; i++) odds[i] = 1.0 / s->widths;
}

/* Ranks 0 .. widths-1 are the successes of widths-1 trials of probability p. */
static void odds_binomial(const tr_sampler *s, double p, double *odds)
{
    const int trials = s->widths - 1;
    double ways = 1;
    for (int i = 0; i <= trials; i++) {
        odds[i] = ways * pow(p, i) * pow(1 - p, trials - i);
        ways = ways * (trials - i) / (i + 1);
    }
}

/* Fills p(b) ~ exp(lambda (b - middle)); returns its mean. */
static double tilt(const tr_sampler *s, double lambda, double *odds)
{
    const double middle = (s->width[0] + s->width[s->widths - 1]) / 2.0;
    double sum = 0, mean = 0;

    for (int i = 0; i < s->widths; i++) {
        odds[i] = exp(lambda * (s->width[i] - middle));
        sum += odds[i];
    }
    for (int i = 0; i < s->widths; i++) {
        odds[i] /= sum;
        mean += odds[i] * s->width[i];
    }
    return mean;
}

/* The mean grows with lambda: bisection.  At the ends of the range lambda is infinite;
 * 60 is as good, and exp(60 * 8) is a double still. */
static void odds_maxent(const tr_sampler *s, double mean, double *odds)
{
    double low = -60, high = 60;
    for (int i = 0; i < 64; i++) {
        const double lambda = (low + high) / 2;
        if (tilt(s, lambda, odds) < mean)
            low = lambda;
        else
            high = lambda;
    }
}

void tr_sampler_odds(const tr_sampler *s, int64_t step, double odds[QF_WIDTHS_MAX])
{
    if (s->kind == TR_SAMPLER_UNIFORM || s->widths == 1)
        odds_uniform(s, odds);
    else if (s->mapping == TR_MAPPING_BINOMIAL)
        odds_binomial(s, wave(s, step), odds);
    else
        odds_maxent(s, tr_sampler_mean(s, step), odds);
}

static int pick(const tr_sampler *s, const double *odds, double unit)
{
    int i = 0;
    for (; i < s->widths - 1 && unit >= odds[i]; i++) unit -= odds[i];
    return s->width[i];
}

void tr_sampler_draw(const tr_sampler *s, int64_t step, int linears, qf_subnet *subnet)
{
    static const uint64_t stream = (uint64_t)0x5a3b << 48; /* this file's own */
    const int unit = s->choice == TR_CHOICE_BLOCK ? QF_LINEARS : 1;
    qf_random random = qf_random_init(s->seed, stream + (uint64_t)step);
    double odds[QF_WIDTHS_MAX];

    QF_ASSERT(linears <= QF_SUBNET_MAX);
    tr_sampler_odds(s, step, odds);
    subnet->count = linears;
    for (int i = 0; i < linears; i++)
        subnet->bits[i] =
            i % unit ? subnet->bits[i - 1] : (uint8_t)pick(s, odds, qf_random_unit(&random));
}
