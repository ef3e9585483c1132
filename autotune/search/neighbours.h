/* neighbours.h -- what the trials of the nearest problems say about a problem's candidates. */
#ifndef QF_AUTOTUNE_NEIGHBOURS_H
#define QF_AUTOTUNE_NEIGHBOURS_H

#include "../space.h"
#include "qforge/ranker.h"

/* How far (qf_problem_distance()) what was seen of one problem says something of another: twice
 * the rows and columns, or five octaves of columns and depth.  Beyond that other kernels win.
 */
#define QF_NEAR 2.5

/* Corrects expected_ns of the candidates of one problem by how far the prior was off in the
 * trials of kernels like them, on the two nearest problems (kernel.h) of the same accuracy,
 * op, weights and group within `limit`; false, and nothing is changed, when there is none.
 *   trials  of `count` kernels of the candidates' ISA, those of one problem together */
bool qf_neighbours_expect(const qf_experience *trials, int count, const qf_problem *problem,
                          double limit, qf_candidate *candidates, int candidate_count);

/* The candidate most like what won another problem, for its tile need not be among them: steps
 * and rows are cut off by the shape.  -1: none has its recipe. */
int qf_neighbours_likest(const qf_problem *problem, const qf_candidate *candidates, int count,
                         const qf_problem *of, const qf_kernel_id *winner);

#endif
