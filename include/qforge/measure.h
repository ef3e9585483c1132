/* qforge/measure.h -- timing on noisy, shared machines.
 *
 * Absolute times are medians with a 95 % interval from order statistics.  Comparisons
 * are paired: A and B run back to back in random order, the estimate is the median of
 * log(tB / tA) with its order-statistic interval; on a loaded virtual machine that has
 * a quarter of the error of comparing medians.  Outliers are never deleted by value. */
#ifndef QFORGE_MEASURE_H
#define QFORGE_MEASURE_H

#include <stdbool.h>
#include <stdint.h>

#include "qforge/status.h"

/* One timed call: runs the thing once. */
typedef void qf_timed(void *context);

typedef struct qf_timing {
    double median_ns, low_ns, high_ns; /* per call; 95 % interval of the median */
    double best_ns, mean_ns;
    int samples;
    int calls; /* per sample */
} qf_timing;

typedef struct qf_measure_options {
    double min_seconds; /* keep sampling at least this long, default 0.05 */
    double max_seconds; /* sample no longer, default 1; four times as long where calls are so
                           long that fewer than six samples (or min_samples) fit */
    double sample_ns;   /* a sample repeats the call until this long, default 100e3 */
    double target;      /* stop when the interval's half-width is below this fraction of
                           the median, default 0.01 */
    int min_samples;    /* default 7 */
    double give_up_ns;  /* qf_measure: stop after one call slower than this; 0: never */
    double lost;        /* comparisons: stop when B surely takes more than this many times
                           A, even before min_seconds; 0: never */
} qf_measure_options;

extern const qf_measure_options qf_measure_defaults;

/* Warms up, then samples.  before (may be NULL) runs untimed before every call and
 * forces calls = 1: cold-cache measurements rotate or flush there. */
qf_timing qf_measure(const qf_measure_options *options, qf_timed *call, qf_timed *before,
                     void *context);

typedef struct qf_comparison {
    double ratio, ratio_low, ratio_high; /* time of B / time of A, 95 % interval */
    qf_timing a, b;
    int pairs;
} qf_comparison;

/* One side of a comparison.  turn (may be NULL) runs untimed before every sample of its
 * side: what the other side left behind, threads that still spin or caches that hold its
 * data, is set right there. */
typedef struct qf_side {
    qf_timed *call, *turn;
    void *context; /* of both */
} qf_side;

/* Paired and order-randomised (from seed). */
qf_comparison qf_compare(const qf_measure_options *options, uint64_t seed, qf_side a,
                         qf_side b);

/* The most that time of B / time of A may be: the end of the interval, and one percent for
 * what all pairs share and the interval does not know (code and data placed otherwise, a
 * machine that changes half-way). */
double qf_comparison_bar(const qf_comparison *comparison);
/* Whether B is faster beyond doubt: its bar lies below 1, and the pairs are enough (six) for
 * the interval to be one of 95 %. */
bool qf_comparison_won(const qf_comparison *comparison);
/* Whether B rather is the faster one by more than that percent, with as many pairs. */
bool qf_comparison_leads(const qf_comparison *comparison);

/* One comparison of the same two sides, number `round` (0 …), with everything set up anew. */
typedef qf_status qf_compare_again(void *context, int round, qf_comparison *comparison);
/* A match of at most `rounds` (odd, up to QF_ROUNDS_MAX) comparisons.  It ends when one side
 * was the faster one in more than half of them, or B surely the slower one by `lost` in the
 * first.
 *   comparison  ratio, and the ends of its interval: the medians of the rounds'; pairs: of
 *               the round with the fewest; a, b: of the last round.  So B leads where it did
 *               in most rounds, and won where it won most
 *   lost        B's time in A's, at least; 0: never
 * Fails as a round does. */
enum { QF_ROUNDS_MAX = 15 };
QF_MUST_CHECK qf_status qf_compare_match(int rounds, double lost, qf_compare_again *again,
                                         void *context, qf_comparison *comparison);

/* ---- order statistics (stats.c) ---- */
void qf_sort(double *values, int count);
double qf_quantile(const double *sorted, int count, double q); /* linear interpolation */
/* Indices of the order statistics that bound the median with 95 % confidence. */
void qf_median_interval(int count, int *low, int *high);

#endif
