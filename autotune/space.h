/* space.h -- which kernels could answer a problem: one list, in one order. */
#ifndef QF_AUTOTUNE_SPACE_H
#define QF_AUTOTUNE_SPACE_H

#include "qforge/cpu.h"
#include "qforge/kernel.h"
#include "qforge/status.h"
#include "qforge/tune.h"

typedef struct qf_candidate {
    qf_kernel_id kernel;
    double predicted_ns; /* by the prior, per product */
    double expected_ns;  /* by all that is known before it is timed; at first the same */
} qf_candidate;

/* Owns its items. */
typedef struct qf_space {
    qf_candidate *item;
    int count;
    int left_out[QF_LEFT_OUT_COUNT]; /* of the grid, why not; those of the search are 0 */
} qf_space;

/* By expected_ns, the least first, equals as they were. */
QF_MUST_CHECK qf_status qf_candidates_sort(qf_candidate *candidate, int count);

/* Every kernel for the best ISA of this CPU that qf_codegen_check() lets through, the most
 * promising first by the prior (ties in order of enumeration).
 *   recipe  only this one; QF_RECIPE_COUNT for all
 * Empty when the CPU has no ISA of ours or no recipe answers the problem. */
QF_MUST_CHECK qf_status qf_space_build(const qf_cpu *cpu, const qf_problem *problem,
                                       qf_recipe recipe, qf_space *space);
void qf_space_release(qf_space *space);

#endif
