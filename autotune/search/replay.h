/* replay.h -- what a sweep may know of itself: the trials of all others but those of its shape.
 */
#ifndef QF_AUTOTUNE_REPLAY_H
#define QF_AUTOTUNE_REPLAY_H

#include "qforge/simulate.h"
#include "ranking.h"

const qf_sweeps *replay_sweeps(const qf_replay *replay);

/* Those of one problem together.  The caller frees them. */
QF_MUST_CHECK qf_status replay_trials(const qf_replay *replay, const qf_sweep *of,
                                      qf_experience **trials, int *count);

/* What they taught; the replay's.  NULL: it is no sweep of ours. */
const qf_ranker *replay_lesson(const qf_replay *replay, const qf_sweep *of);

/* QF_INTERRUPTED when progress (NULL: nobody asks) says so. */
QF_MUST_CHECK qf_status replay_tell(qf_progress *progress, void *context, int done, int total);

#endif
