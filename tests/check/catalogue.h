/* catalogue.h -- the kernels the tuner can pick, or a sample of them. */
#ifndef QF_CHECK_CATALOGUE_H
#define QF_CHECK_CATALOGUE_H

#include "qforge/kernel.h"

typedef void check_visit(void *context, const qf_kernel_id *id);

/* Shows kernels of every recipe, format and group of an ISA: `sample` tiles of each, others
 * for every format; 0: all tiles.  Depth and row steps, which do not reach the code, come
 * along as they may.  Returns how many were shown, -1 without memory. */
int check_catalogue(qf_isa isa, int sample, check_visit *visit, void *context);

#endif
