/* recall.h -- where an interrupted search goes on. */
#ifndef QF_AUTOTUNE_RECALL_H
#define QF_AUTOTUNE_RECALL_H

#include "../space.h"
#include "qforge/store.h"

/* -1: it is none of them. */
int qf_candidate_index(const qf_candidate *candidate, int count, const qf_kernel_id *kernel);

/* Candidates the ledger has a word on (LOST is none), as they were tried: tried again in this
 * order, out of the ledger, they leave a strategy where it was.
 *   index  [count], of which *known are set */
QF_MUST_CHECK qf_status qf_recall_order(qf_store *store, const qf_scope *scope,
                                        const qf_problem *problem, qf_cache_mode cache,
                                        const qf_candidate *candidate, int count, int *index,
                                        int *known);

#endif
