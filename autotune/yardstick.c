/* yardstick.c -- a mean of logarithms: the machine's moods multiply. */
#include "yardstick.h"

#include <math.h>

/* Beyond so many looks an old one counts less: the machine may have changed for good. */
enum { LOOKS_MOST = 16 };

qf_yardstick qf_yardstick_of(double ns)
{
    return (qf_yardstick){ns, 1};
}

void qf_yardstick_pass(qf_yardstick *y, double high_ns)
{
    *y = qf_yardstick_of(fmin(y->ns, high_ns));
}

void qf_yardstick_look(qf_yardstick *y, double ns)
{
    if (!(ns > 0)) return;
    y->ns *= pow(ns / y->ns, 1.0 / (y->looks + 1));
    if (y->looks < LOOKS_MOST) y->looks++;
}
