/* qforge/simulate.h -- searches replayed on spaces that were measured before: strategies are
 * compared without a clock, and so without its noise. */
#ifndef QFORGE_SIMULATE_H
#define QFORGE_SIMULATE_H

#include "qforge/engine.h"
#include "qforge/ranker.h"
#include "qforge/tune.h"

/* A space all of whose candidates were measured. */
typedef struct qf_sweep {
    char name[QF_NAME_MAX];
    int count;
    double *ns;            /* [count], 0: it failed; owned */
    qf_experience *kernel; /* [count]: of ours; NULL: of something else; owned */
    double *value;         /* [count][axes]: what something else is described by; owned */
    int axes;
} qf_sweep;

/* Owns its items. */
typedef struct qf_sweeps {
    qf_sweep *item;
    int count;
} qf_sweeps;

/* Every problem in scope (store.h) with at least `least` outcomes, of which one is a time. */
QF_MUST_CHECK qf_status qf_sweeps_of_store(qf_store *store, const qf_scope *scope, int least,
                                           qf_sweeps *sweeps);
void qf_sweeps_release(qf_sweeps *sweeps); /* also a zeroed one */

/* How long a search is: so many trials, or this part of the space if that is more. */
typedef struct qf_effort {
    int trials;
    double part;
} qf_effort;
int qf_effort_trials(const qf_effort *effort, int count);

/* Sweeps, and what those of all other shapes (m, n, k) and of the same instruction set teach of
 * each, whatever the width of their weights.  Several threads may read one. */
typedef struct qf_replay qf_replay;

/* Learns, which takes longer than the walks do.  Borrows the sweeps; the caller closes it.
 *   progress  as in engine.h, counting sweeps; may be NULL.  QF_INTERRUPTED when it says so */
QF_MUST_CHECK qf_status qf_replay_open(const qf_sweeps *sweeps, qf_progress *progress,
                                       void *context, qf_replay **replay);
void qf_replay_close(qf_replay *replay); /* NULL is fine */

/* The fastest of the sweep over the fastest found, for every effort: share[sweep][run][effort],
 * in one array.  Runs differ by seed.
 *   progress  as for qf_replay_open() */
QF_MUST_CHECK qf_status qf_simulate(const qf_replay *replay, qf_strategy strategy, int runs,
                                    uint64_t seed, const qf_effort *effort, int efforts,
                                    qf_progress *progress, void *context, double *share);

/* Answers without a trial. */
typedef enum qf_guess {
    QF_GUESS_PRIOR,   /* the first by arithmetic */
    QF_GUESS_LEARNED, /* the first by what other shapes taught */
    QF_GUESS_NEAREST, /* the first by what the trials of the nearest other shapes say */
    QF_GUESSES
} qf_guess;
const char *qf_guess_name(qf_guess guess);
/* share[sweep], 0 where there is no answer: no other shape, or no kernels of ours. */
QF_MUST_CHECK qf_status qf_simulate_guess(const qf_replay *replay, qf_guess guess,
                                          qf_progress *progress, void *context, double *share);

#endif
