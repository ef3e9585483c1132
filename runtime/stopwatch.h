/* stopwatch.h -- measure.h over any clock, so that tests can bring one whose noise they
 * know. */
#ifndef QF_RUNTIME_STOPWATCH_H
#define QF_RUNTIME_STOPWATCH_H

#include "qforge/measure.h"

typedef struct qf_stopwatch {
    int64_t (*now_ns)(void *context);
    void *context;
} qf_stopwatch;

qf_timing qf_measure_by(const qf_stopwatch *watch, const qf_measure_options *options,
                        qf_timed *call, qf_timed *before, void *context);
qf_comparison qf_compare_by(const qf_stopwatch *watch, const qf_measure_options *options,
                            uint64_t seed, qf_side a, qf_side b);

#endif
