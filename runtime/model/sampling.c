/* sampling.c -- the next token: the likeliest, or one drawn from the likeliest few. */
#include <math.h>
#include <string.h>

#include "qforge/engine.h"
#include "qforge/ops.h"
#include "qforge/random.h"

static int likeliest(const float *logits, int vocab)
{
    int best = 0;
    for (int i = 1; i < vocab; i++)
        if (logits[i] > logits[best]) best = i;
    return best;
}

static float float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static double mass_from(const float *p, int vocab, float least)
{
    double mass = 0;
    for (int i = 0; i < vocab; i++)
        if (p[i] >= least) mass += p[i];
    return mass;
}

/* The largest probability such that the tokens at least as likely hold top_p of the mass
 * (nucleus sampling, Holtzman et al. 2020).  Bits of non-negative floats are ordered like
 * their values, so the threshold is found bit by bit, without sorting. */
static float nucleus(const float *p, int vocab, float top_p)
{
    uint32_t least = 0;
    if (top_p >= 1) return 0;
    for (uint32_t bit = 1u << 30; bit; bit >>= 1)
        if (mass_from(p, vocab, float_of(least | bit)) >= (double)top_p) least |= bit;
    return float_of(least);
}

int qf_sample(const qf_sampling *sampling, uint64_t index, float *logits, int vocab)
{
    if (!(sampling->temperature > 0)) return likeliest(logits, vocab);

    qf_random random = qf_random_init(sampling->seed, index);
    for (int i = 0; i < vocab; i++) logits[i] /= sampling->temperature;
    qf_softmax(logits, vocab);
    const float least = nucleus(logits, vocab, sampling->top_p);
    double left = qf_random_unit(&random) * mass_from(logits, vocab, least);
    int last = likeliest(logits, vocab);
    for (int i = 0; i < vocab; i++) {
        if (!(logits[i] >= least) || logits[i] == 0) continue;
        last = i;
        left -= logits[i];
        if (left < 0) break;
    }
    return last;
}
