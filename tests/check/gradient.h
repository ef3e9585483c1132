/* gradient.h -- analytic gradients against central finite differences. */
#ifndef QF_CHECK_GRADIENT_H
#define QF_CHECK_GRADIENT_H

#include <stdint.h>

#include "qforge/random.h"

/* A scalar function of everything it can reach; sums in double. */
typedef double check_function(void *context);

/* For every element of x[n] (at most 240, evenly spread): the slope, from central
 * differences of width h and h / 2, must be dx within `tolerance` times (largest |dx| +
 * |dx|).
 * Fails the running cmocka test with a sentence naming `what`. */
void check_gradient(const char *what, float *x, const float *dx, int64_t n, double h,
                    double tolerance, check_function *f, void *context);

/* Normal numbers of standard deviation `deviation`. */
void check_fill(qf_random *random, float *x, int64_t n, double deviation);
/* sum of w[i] * y[i] in double: makes a scalar of an output. */
double check_weigh(const float *w, const float *y, int64_t n);

#endif
