/* pacing.c -- finalists that cannot all meet elect nobody, so their time is put aside. */
#include "pacing.h"

#include <math.h>

static const double finalist_s = 0.5, finalist_products = 200;

static const double share_of_finalists = 0.5, most_of_finalists = 16;

bool qf_pace_trial(double budget_s, double left_s, double longest_s)
{
    if (!(budget_s > 0)) return true;
    const double left = left_s - fmin(share_of_finalists * budget_s, most_of_finalists);
    return left > 0 && left >= longest_s;
}

int qf_pace_finalists(double left_s, double product_s, int most)
{
    const double each_s = fmax(finalist_s, finalist_products * product_s);
    const int count = (int)fmin(left_s / each_s, most);
    const int least = most < QF_FINALISTS_LEAST ? most : QF_FINALISTS_LEAST;
    return count > least ? count : least;
}
