/* trial.h -- one candidate's way through emission, judge and clock into the ledger. */
#ifndef QF_AUTOTUNE_TRIAL_H
#define QF_AUTOTUNE_TRIAL_H

#include "operands.h"
#include "qforge/tune.h"

/* Where candidates of one problem are tried.  The operands are made when the first one
 * has to be measured: a search that reuses everything touches none. */
typedef struct qf_bench {
    const qf_tune_options *options;
    qf_problem problem;
    qf_cache_mode cache;
    qf_operands operands;
    bool ready;
    qf_kernel rival; /* bound below while `facing` */
    qf_subject rival_subject;
    bool facing;
} qf_bench;

/* The fastest so far.  Candidates are timed in pairs with it, so that a machine that is
 * slow for a while slows both. */
typedef struct qf_rival {
    const qf_kernel_id *kernel; /* borrowed; NULL: none yet */
    double ns;                  /* per product, as in its own outcome */
} qf_rival;

/* Beyond this many times the rival's time a candidate has surely lost: its race ends, and
 * it is no finalist. */
#define QF_CLOSE_BEHIND 1.12

qf_bench qf_bench_of(const qf_tune_options *options, const qf_problem *problem);
void qf_bench_close(qf_bench *bench); /* also a zeroed one */

/* Finds the trial's outcome in the ledger or makes it.  With a rival its time
 * is the pairs' ratio times the rival's, not the clock's of the moment; candidates that
 * surely lose go early.
 * QF_NOT_FOUND: quarantined, it took two tuners down. */
QF_MUST_CHECK qf_status qf_trial_hold(qf_bench *bench, const qf_trial *trial,
                                      const qf_rival *rival, qf_outcome *outcome, bool *reused);

/* Two kernels with outcomes, in pairs. */
QF_MUST_CHECK qf_status qf_trial_duel(qf_bench *bench, const qf_kernel_id *a,
                                      const qf_kernel_id *b, qf_comparison *comparison);

#endif
