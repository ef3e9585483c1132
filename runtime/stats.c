/* stats.c -- order statistics: what can be said of noise whose shape nobody knows. */
#include <math.h>
#include <stdlib.h>

#include "qforge/measure.h"

static int compare(const void *left, const void *right)
{
    const double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

void qf_sort(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, compare);
}

double qf_quantile(const double *sorted, int count, double q)
{
    QF_ASSERT(count > 0 && q >= 0 && q <= 1);
    const double position = q * (count - 1);
    const int below = (int)position;
    const int above = below + 1 < count ? below + 1 : below;
    return sorted[below] + (position - below) * (sorted[above] - sorted[below]);
}

/* With X ~ Binomial(count, 1/2) samples below the median, [x_low, x_high] misses it with
 * probability 2 P(X <= low), low counted from 0: the largest low that keeps this at or
 * below 5 %.  Fewer than six samples cannot: all of them are the interval. */
void qf_median_interval(int count, int *low, int *high)
{
    double log_term = -count * log(2), tail = exp(log_term);
    int most = -1;

    QF_ASSERT(count > 0);
    while (2 * tail <= 0.05) {
        most++;
        log_term += log((double)(count - most) / (most + 1));
        tail += exp(log_term);
    }
    *low = most < 0 ? 0 : most;
    *high = count - 1 - *low;
}
