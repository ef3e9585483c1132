/* clocking.h -- candidates on the clock, in a process of their own. */
#ifndef QF_AUTOTUNE_CLOCKING_H
#define QF_AUTOTUNE_CLOCKING_H

#include "operands.h"
#include "qforge/tune.h"

/* Where candidates of one problem are timed.  The operands are made when the first one has
 * to be: a search that reuses everything touches none.  Every worker sees the same numbers;
 * weights that are not cold are in other memory than the last worker's unless too large. */
typedef struct qf_bench {
    const qf_tune_options *options; /* borrowed */
    qf_problem problem;
    qf_cache_mode cache;
    qf_operands operands;
    int moves; /* so far: makes each lead elsewhere */
} qf_bench;

qf_bench qf_bench_of(const qf_tune_options *options, const qf_problem *problem);
void qf_bench_close(qf_bench *bench); /* also a zeroed one */

/* Candidates are timed in pairs with it, so that a machine that is slow for a while slows
 * both. */
typedef struct qf_rival {
    const qf_kernel_id *kernel; /* borrowed; NULL: none yet */
    double ns;                  /* per product */
    double best;                /* the fastest so far takes so many times the rival's time */
    double seen_ns;             /* gets the clock's word on it from the pairs; 0: none */
} qf_rival;

/* Beyond this many times the time of the fastest so far a candidate has surely lost: its race
 * ends, and it is no finalist. */
#define QF_CLOSE_BEHIND 1.12

/* A verdict that is not OK, with the reason. */
void qf_outcome_fail(qf_outcome *outcome, qf_verdict verdict, const char *detail);

/* Checks an emitted kernel on the problem itself and times it.  outcome: OK with the code's
 * hash so far; gets the timing or another verdict.  With a rival its time is the
 * pairs' ratio times the rival's, not the clock's of the moment; candidates that surely lose
 * go early.  A kernel that crashes or never returns is a verdict.  predicted_ns, of one
 * product: what tells slow from hung.  Fails when memory is out or no process to be had. */
QF_MUST_CHECK qf_status qf_clock(qf_bench *bench, const qf_kernel *kernel, double predicted_ns,
                                 qf_rival *rival, qf_outcome *outcome);

/* The best of five rounds, or of fifteen, or of fifteen with rests between them. */
typedef enum qf_duel_length { QF_DUEL_SHORT, QF_DUEL_LONG, QF_DUEL_LAST } qf_duel_length;

/* Two kernels with outcomes, to be compared carefully. */
typedef struct qf_duel {
    const qf_kernel_id *a, *b; /* borrowed */
    qf_duel_length length;
    int64_t b_panels; /* b computes only these, the first of the weights: a known
                         difference, for trials of the clock.  0: all */
    double ns;        /* about what a product takes */
    double seconds;   /* no sampling beyond; the first three of five rounds have most
                         of it.  HUGE_VAL: as long as care takes */
    uint64_t seed;    /* of the order within pairs */
} qf_duel;

/* In pairs; rounds (qf_compare_match), each in a process of its own, with both
 * codes loaded again.
 * QF_NOT_FOUND: one of them died; QF_MEMORY.
 *   conditions  of all rounds together: sums, the first one's canary, the furthest drift */
QF_MUST_CHECK qf_status qf_clock_duel(qf_bench *bench, const qf_duel *duel,
                                      qf_comparison *comparison, qf_conditions *conditions);

#endif
