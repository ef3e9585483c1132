/* neighbours.h -- what the trials of the nearest problems say about a problem's candidates. */
#ifndef QF_AUTOTUNE_NEIGHBOURS_H
#define QF_AUTOTUNE_NEIGHBOURS_H

#include "../space.h"
#include "qforge/ranker.h"

/* Corrects expected_ns of the candidates of one problem by how far the prior was off in the
 * trials of kernels like them, on the two nearest problems (kernel.h) of the same accuracy,
 * op, weights and group within `limit`; false, and nothing is changed, when there is none.
 *   trials  of `count` kernels of the candidates' ISA, those of one problem together */
bool qf_neighbours_expect(const qf_experience *trials, int count, const qf_problem *problem,
                          double limit, qf_candidate *candidates, int candidate_count);

#endif
