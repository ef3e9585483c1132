/* schedule.c -- constant, warm-up, cosine. */
#include "schedule.h"

#include <math.h>

double tr_schedule_rate(const tr_schedule *s, int64_t step)
{
    if (step < s->warmup) return s->peak * (double)(step + 1) / (double)s->warmup;
    if (s->decay == TR_CONSTANT || step >= s->steps)
        return s->decay == TR_CONSTANT ? s->peak : s->floor;
    const int64_t left = s->steps - s->warmup;
    const double done = (double)(step - s->warmup) / (double)(left > 1 ? left - 1 : 1);
    return s->floor + (s->peak - s->floor) * 0.5 * (1 + cos(3.14159265358979323846 * done));
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
