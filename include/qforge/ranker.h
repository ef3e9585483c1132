/* qforge/ranker.h -- what the ledger's trials say about candidates of a problem that is not
 * tuned yet: the prior, corrected by trees that learned where it is wrong, or, while trials
 * are few, by those of the nearest problems. */
#ifndef QFORGE_RANKER_H
#define QFORGE_RANKER_H

#include "qforge/store.h"

typedef struct qf_ranker qf_ranker;

/* A trial that was timed. */
typedef struct qf_experience {
    qf_problem problem;
    qf_kernel_id kernel;
    double predicted_ns; /* by the prior */
    double ns;
} qf_experience;

/* The ledger's timed trials in scope, of kernels for `isa`, on all problems, or all but one
 * (except, may be NULL): a search that was interrupted must not learn from itself when it
 * goes on.  Those of one problem together; placements are left out.  The caller frees *trials
 * (qf_free), NULL after a failure: QF_MEMORY or the ledger's. */
QF_MUST_CHECK qf_status qf_experience_of_store(qf_store *store, const qf_scope *scope,
                                               qf_isa isa, const qf_problem *except,
                                               qf_experience **trials, int *count);

/* From trials, those of one problem together.  With fewer than some hundred, or of one problem
 * alone, the nearest problems' are all it goes by.  Keeps no pointer to the trials; the caller
 * destroys *ranker, NULL after a failure (QF_MEMORY).  Any thread may ask it. */
QF_MUST_CHECK qf_status qf_ranker_learn(const qf_experience *trials, int count,
                                        qf_ranker **ranker);
/* The same from qf_experience_of_store(). */
QF_MUST_CHECK qf_status qf_ranker_of_store(qf_store *store, const qf_scope *scope, qf_isa isa,
                                           const qf_problem *except, qf_ranker **ranker);
/* Whether so many trials taught it that a search may be short; NULL: no. */
bool qf_ranker_is_well_taught(const qf_ranker *ranker);
void qf_ranker_destroy(qf_ranker *ranker); /* NULL is fine */

#endif
