/* trial.h -- one candidate's way through emission, judge and clock into the ledger. */
#ifndef QF_AUTOTUNE_TRIAL_H
#define QF_AUTOTUNE_TRIAL_H

#include "clocking.h"

/* Finds the trial's outcome in the ledger or makes it.  With a rival its time
 * is the pairs' ratio times the rival's, not the clock's of the moment; candidates that
 * surely lose go early.  Where memory was short, or the working process was killed, the outcome
 * is LOST: it is written down, and the next time is the first.
 * QF_NOT_FOUND: quarantined, it took two tuners down. */
QF_MUST_CHECK qf_status qf_trial_hold(qf_bench *bench, const qf_trial *trial, qf_rival *rival,
                                      qf_outcome *outcome, bool *reused);

#endif
