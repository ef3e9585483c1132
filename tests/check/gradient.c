/* gradient.c -- central finite differences, at two steps.
 *
 * The forward passes are fp32, so f is known to about 1e-7 of its size and a slope over
 * 2h to 1e-7 / h.  Richardson's combination of the slopes at h and h / 2 leaves out the
 * third derivative, so h may be large enough for that not to matter. */
#include "gradient.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { MOST = 120 };

static double slope_at(float *x, double h, check_function *f, void *context)
{
    const float kept = *x;
    *x = (float)((double)kept + h);
    const double up = f(context), above = (double)*x;
    *x = (float)((double)kept - h);
    const double down = f(context), below = (double)*x;
    *x = kept;
    return (up - down) / (above - below);
}

void check_gradient(const char *what, float *x, const float *dx, int64_t n, double h,
                    double tolerance, check_function *f, void *context)
{
    double largest = 0;
    const int64_t step = n > MOST ? n / MOST | 1 : 1; /* odd: visits every column */

    for (int64_t i = 0; i < n; i++) largest = fmax(largest, fabs((double)dx[i]));
    if (!(largest > 0)) fail_msg("%s: the gradient is zero everywhere", what);
    for (int64_t i = 0; i < n; i += step) {
        const double coarse = slope_at(x + i, h, f, context);
        const double fine = slope_at(x + i, h / 2, f, context);
        const double slope = (4 * fine - coarse) / 3, given = (double)dx[i];
        if (!(fabs(slope - given) <= tolerance * (largest + fabs(given))))
            fail_msg("%s: element %lld of %lld: gradient %g, slope %g", what, (long long)i,
                     (long long)n, given, slope);
    }
}

void check_fill(qf_random *random, float *x, int64_t n, double deviation)
{
    for (int64_t i = 0; i < n; i++) x[i] = (float)(deviation * qf_random_normal(random));
}

double check_weigh(const float *w, const float *y, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += (double)w[i] * (double)y[i];
    return sum;
}
