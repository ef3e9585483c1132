/* rows.h -- how the ops cut their work and keep the compiler's vectoriser happy. */
#ifndef QF_OPS_ROWS_H
#define QF_OPS_ROWS_H

#include <stddef.h>
#include <stdint.h>

#include "qforge/pool.h"
#include "qforge/vectorised.h"

/* Below this many elements waking the team costs more than it saves. */
enum { QF_SERIAL_ELEMENTS = 1 << 14 };

static inline void qf_run_sized(qf_pool *pool, int64_t elements, qf_task *task, void *context)
{
    qf_pool_run(elements < QF_SERIAL_ELEMENTS ? NULL : pool, task, context);
}

static inline float qf_lanes_sum(float lane[QF_LANES])
{
    for (int width = QF_LANES / 2; width; width /= 2)
        for (int l = 0; l < width; l++) lane[l] += lane[l + width];
    return lane[0];
}

static inline float qf_dot(const float *a, const float *b, int64_t n)
{
    float lane[QF_LANES] = {0};
    const int64_t whole = n - n % QF_LANES;
    for (int64_t i = 0; i < whole; i += QF_LANES)
        for (int l = 0; l < QF_LANES; l++) lane[l] += a[i + l] * b[i + l];
    for (int64_t i = whole; i < n; i++) lane[i % QF_LANES] += a[i] * b[i];
    return qf_lanes_sum(lane);
}

#endif
