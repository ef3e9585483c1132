/* schedule.c -- warm-up, then constant, cosine or stable. */
#include "schedule.h"

#include <math.h>
#include <stdio.h>

#include "qforge/names.h"

/* The part of all steps, the last, in which a stable rate falls. */
static const double falling = 0.5;

static const char *decay_name(int decay)
{
    static const char *const names[TR_DECAYS] = {
        [TR_CONSTANT] = "constant", [TR_COSINE] = "cosine", [TR_STABLE] = "stable"};
    return names[decay];
}

qf_status tr_decay_named(const char *name, tr_decay *decay)
{
    int found = 0;
    QF_TRY(qf_name_find("schedule", decay_name, TR_DECAYS, name, &found));
    *decay = (tr_decay)found;
    return QF_OK;
}

double tr_schedule_rate(const tr_schedule *s, int64_t step)
{
    if (step < s->warmup) return s->peak * (double)(step + 1) / (double)s->warmup;
    if (s->decay == TR_CONSTANT) return s->peak;
    if (step >= s->steps) return s->floor;
    const int64_t left = s->steps - s->warmup;
    const double done = (double)(step - s->warmup) / (double)(left > 1 ? left - 1 : 1);
    const double high = s->decay == TR_COSINE ? 0.5 * (1 + cos(3.14159265358979323846 * done))
                                              : fmin(1, (1 - done) / falling);
    return s->floor + (s->peak - s->floor) * high;
}

qf_status tr_schedule_check(const tr_schedule *s)
{
    if (!(s->peak > 0 && s->peak <= 1e3 && s->floor >= 0 && s->floor <= s->peak))
        return qf_fail(QF_RANGE, "a learning rate of %g falling to %g", s->peak, s->floor);
    if (s->warmup < 0 || s->steps < 0)
        return qf_fail(QF_RANGE, "%lld warm-up steps of %lld", (long long)s->warmup,
                       (long long)s->steps);
    return QF_OK;
}

void tr_schedule_print(const tr_schedule *s, char text[TR_SCHEDULE_MAX])
{
    const int64_t horizon = s->decay == TR_CONSTANT ? 0 : s->steps;
    snprintf(text, TR_SCHEDULE_MAX, "rate=%.17g..%.17g warmup=%lld %s=%lld", s->peak, s->floor,
             (long long)s->warmup, s->decay == TR_STABLE ? "stable" : "horizon",
             (long long)horizon);
}
