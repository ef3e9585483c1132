/* qforge/source.h -- kernels for the runtime: the ledger's best, what its trials of
 * other shapes speak for, or the analytical prior's, compiled. */
#ifndef QFORGE_SOURCE_H
#define QFORGE_SOURCE_H

#include "qforge/codegen.h"
#include "qforge/cpu.h"
#include "qforge/gemm.h"

struct qf_champions;
struct qf_store;
typedef struct qf_tuned qf_tuned;

/* store may be NULL (prior only).  cpu, jit and store are borrowed.  The ladder for a
 * problem: exact row of this tune_key and code ABI (of the table packed beside the
 * ledger, else of the ledger) -> the same among the champions -> what its
 * other rows speak for, or those of the nearest shapes while they are few -> prior.  The
 * reference answers when the CPU has no ISA of ours. */
QF_MUST_CHECK qf_status qf_tuned_create(const qf_cpu *cpu, qf_jit *jit, struct qf_store *store,
                                        qf_tuned **tuned);
/* Champions to answer with, borrowed; before anything is asked.  Only where the code made here
 * is, bit by bit, what was judged where they come from. */
void qf_tuned_ship(qf_tuned *tuned, const struct qf_champions *champions);
void qf_tuned_destroy(qf_tuned *tuned);
/* The kernel for a problem, of one recipe where the user named one (QF_RECIPE_COUNT: any).  The
 * ladder's answer when it is of that recipe, else the tile of it that the ledger's trials, or
 * the prior, speak for.  QF_UNSUPPORTED with a sentence when there is none. */
QF_MUST_CHECK qf_status qf_tuned_find(qf_tuned *tuned, const qf_problem *problem,
                                      qf_recipe recipe, qf_kernel *kernel);
const qf_kernel_source *qf_tuned_source(const qf_tuned *tuned);

#endif
