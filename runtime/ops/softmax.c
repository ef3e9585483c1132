/* softmax.c -- softmax of one row: maximum, exponentials, division. */
#include <math.h>

#include "exponential.h"
#include "qforge/ops.h"
#include "rows.h"

static inline float maximum(const float *x, int64_t n)
{
    float lane[QF_LANES];
    const int64_t whole = n - n % QF_LANES;
    for (int l = 0; l < QF_LANES; l++) lane[l] = -INFINITY;
    for (int64_t i = 0; i < whole; i += QF_LANES)
        for (int l = 0; l < QF_LANES; l++) lane[l] = x[i + l] > lane[l] ? x[i + l] : lane[l];
    for (int64_t i = whole; i < n; i++) lane[0] = x[i] > lane[0] ? x[i] : lane[0];
    for (int l = 1; l < QF_LANES; l++) lane[0] = lane[l] > lane[0] ? lane[l] : lane[0];
    return lane[0];
}

QF_VECTORISED float qf_softmax(float *x, int64_t n)
{
    const float top = maximum(x, n);
    float lane[QF_LANES] = {0};
    const int64_t whole = n - n % QF_LANES;

    for (int64_t i = 0; i < whole; i += QF_LANES)
        for (int l = 0; l < QF_LANES; l++) {
            x[i + l] = qf_expf(x[i + l] - top);
            lane[l] += x[i + l];
        }
    for (int64_t i = whole; i < n; i++) {
        x[i] = qf_expf(x[i] - top);
        lane[i % QF_LANES] += x[i];
    }
    const float sum = qf_lanes_sum(lane), inverse = 1 / sum;
    for (int64_t i = 0; i < n; i++) x[i] *= inverse;
    return top + logf(sum);
}
