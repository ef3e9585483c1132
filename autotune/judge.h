/* judge.h -- whether a kernel is right.  The one judge, for tests and tuner alike.
 *
 * A kernel faces a few hundred small products: rows, columns and depth at and around the
 * edges of its tile, ragged and whole groups, depth in one step and in several,
 * overwriting and adding, rows of c apart.  Three kinds of numbers: random ones, judged by
 * the rounding bound of the algorithm; small integers, whose every sum is exact in fp32
 * and must come out bit by bit; and the largest codes against the largest activations,
 * where 16-bit accumulators overflow first.  All buffers lie between pages nobody may
 * touch, the inputs are read-only, and what a kernel must not read is NaN. */
#ifndef QF_AUTOTUNE_JUDGE_H
#define QF_AUTOTUNE_JUDGE_H

#include "qforge/gemm.h"
#include "qforge/store.h"

/* Judges in a child process: a kernel that crashes or never returns is a verdict, not an
 * end.  cpu_seconds: what the child may burn before it counts as hung, e.g. 10.
 * QF_OK with the verdict; fails only when there can be none (no memory, no process). */
QF_MUST_CHECK qf_status qf_judge(const qf_kernel *kernel, uint64_t seed, double cpu_seconds,
                                 qf_validation *validation);

/* The same in this very process, which a bad kernel takes along: for where there are no
 * children, such as an emulated machine.  Of the hearings about one in `every` (1 or more) is
 * held, the first always. */
QF_MUST_CHECK qf_status qf_judge_here(const qf_kernel *kernel, uint64_t seed, int every,
                                      qf_validation *validation);

#endif
