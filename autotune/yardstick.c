/* yardstick.c -- a mean of logarithms: the machine's moods multiply. */
#include "yardstick.h"

#include <math.h>

/* Beyond so many looks an old one counts less: the machine may have changed for good. */
enum { LOOKS_MOST = 16 };

static const double outrun = 0.85;

qf_yardstick qf_yardstick_of(double ns)
{
    return (qf_yardstick){ns, ns, 1};
}

double qf_yardstick_rank(const qf_yardstick *y, double ns)
{
    return ns * y->unit / y->ns;
}

double qf_yardstick_told(const qf_yardstick *y, double rank)
{
    return rank * y->ns / y->unit;
}

bool qf_yardstick_is_outrun(const qf_yardstick *y, double rank)
{
    return rank < outrun * y->unit;
}

void qf_yardstick_pass(qf_yardstick *y, double rank)
{
    *y = (qf_yardstick){qf_yardstick_told(y, rank), rank, 1};
}

void qf_yardstick_look(qf_yardstick *y, double ns)
{
    if (!(ns > 0)) return;
    y->ns *= pow(ns / y->ns, 1.0 / (y->looks + 1));
    if (y->looks < LOOKS_MOST) y->looks++;
}
