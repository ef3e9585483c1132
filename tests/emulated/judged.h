/* judged.h -- the table emit_kernels writes and judge_kernels reads. */
#ifndef QF_EMULATED_JUDGED_H
#define QF_EMULATED_JUDGED_H

#include "qforge/kernel.h"

typedef struct judged_kernel {
    const char *name; /* with depth and row steps */
    qf_gemm_fn *run;
} judged_kernel;

extern const judged_kernel judged[];
extern const int judged_count;

#endif
