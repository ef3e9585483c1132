/* prior.h -- what a kernel should take, by arithmetic alone. */
#ifndef QF_AUTOTUNE_PRIOR_H
#define QF_AUTOTUNE_PRIOR_H

#include "qforge/cpu.h"
#include "qforge/kernel.h"

/* Nanoseconds per product, weights coming from where they would: a cache they fit, or
 * memory.  Good for order among kernels of one problem; off by tens of percent in size. */
double qf_prior_ns(const qf_cpu *cpu, const qf_problem *problem, const qf_kernel_id *kernel);

#endif
