/* qforge/latency.h -- how long a product takes on this machine: the rows of the latency
 * table that the search adds up.
 *
 * Rows are only ever added; a lookup answers the newest one of the same times-compare
 * fingerprint (qf_cpu.perf_key), code ABI, problem and cache mode. */
#ifndef QFORGE_LATENCY_H
#define QFORGE_LATENCY_H

#include <stdint.h>

#include "qforge/cache_mode.h"
#include "qforge/cpu.h"
#include "qforge/kernel.h"
#include "qforge/measure.h"
#include "qforge/status.h"

struct qf_store;

typedef struct qf_latency {
    qf_kernel_id kernel;        /* what ran */
    double ns, low_ns, high_ns; /* per product: median and its 95 % interval */
    int samples;                /* timed samples behind it */
    int64_t unix_us;            /* when; filled by get, ignored by put */
} qf_latency;

static inline qf_latency qf_latency_of(const qf_kernel_id *kernel, const qf_timing *timing)
{
    return (qf_latency){*kernel,         timing->median_ns, timing->low_ns,
                        timing->high_ns, timing->samples,   0};
}

/* The problem says shape, quant, group, accuracy, op and threads.  QF_NOT_FOUND (no
 * sentence) when it was never measured here. */
QF_MUST_CHECK qf_status qf_latency_get(struct qf_store *store, const qf_cpu *cpu,
                                       const qf_problem *problem, qf_cache_mode cache,
                                       qf_latency *latency);
/* Adds a row, committed on return; the store is open for writing.  QF_RANGE unless
 * 0 < low <= ns <= high. */
QF_MUST_CHECK qf_status qf_latency_put(struct qf_store *store, const qf_cpu *cpu,
                                       const qf_problem *problem, qf_cache_mode cache,
                                       const qf_latency *latency);

#endif
