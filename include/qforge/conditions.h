/* qforge/conditions.h -- what the machine did while something was timed.
 *
 * A canary, a fixed small piece of work, is timed before and after.  Where its two intervals
 * lie apart by more than five percent the machine changed its speed meanwhile (frequency, a
 * neighbour on the same core or memory), and the timing is done again; what drifts thrice is
 * kept and marked.  What the system counted meanwhile is noted, never acted upon: pairs
 * suffer little from it, absolute times do. */
#ifndef QFORGE_CONDITIONS_H
#define QFORGE_CONDITIONS_H

#include <stdbool.h>

#include "qforge/measure.h"
#include "qforge/status.h"

typedef struct qf_conditions {
    double canary_ns; /* before; 0: nobody looked */
    double drift;     /* the canary's time after / before; 1 within the noise */
    int repeats;      /* timings thrown away because it drifted */
    /* Of the timing that was kept: */
    double spent_ms; /* on the wall's clock */
    double steal_ms; /* all CPUs of the machine waited for their host (/proc/stat) */
    double delay_ms; /* all threads of the process waited for a CPU (schedstat) */
    int switches;    /* involuntary, of all threads (getrusage) */
    int moves;       /* of the timing thread, to other CPUs */
} qf_conditions;

/* Of both together: sums, the first one's canary, the drift further from 1.  a zeroed:
 * b. */
qf_conditions qf_conditions_sum(const qf_conditions *a, const qf_conditions *b);

/* Times a canary. */
typedef qf_timing qf_canary(void *context);
qf_canary qf_canary_sing; /* this machine's: arithmetic, then a walk through a megabyte */

/* after / before where the intervals are further apart than the noise and five percent; else
 * 1. */
double qf_canary_drift(const qf_timing *before, const qf_timing *after);

/* Runs the timing, again while the canary drifts, at most thrice, and not when that would take
 * it beyond `seconds` (HUGE_VAL: no limit).  work returns what ends it other than QF_OK, which
 * is passed on.  canary NULL: qf_canary_sing. */
typedef qf_status qf_timing_work(void *context);
QF_MUST_CHECK qf_status qf_time_steadily(qf_timing_work *work, void *context, double seconds,
                                         qf_canary *canary, void *canary_context,
                                         qf_conditions *conditions);

#endif
