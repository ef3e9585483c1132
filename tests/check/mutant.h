/* mutant.h -- emitted kernels with one fault each, the kind emitters have. */
#ifndef QF_CHECK_MUTANT_H
#define QF_CHECK_MUTANT_H

#include <stdbool.h>

#include "codegen/pipeline.h"

typedef enum check_fault {
    CHECK_LOAD_BEHIND,   /* a load, one byte on */
    CHECK_LOAD_BEFORE,   /* a load, one byte back */
    CHECK_STORE_BEHIND,  /* a store, one element on */
    CHECK_STORE_BEFORE,  /* a store, one element back */
    CHECK_LANES_SWAPPED, /* a shuffle with two neighbours exchanged */
    CHECK_EDGE_OVER,     /* a vector mask or a loop's last step, one too many */
    CHECK_EDGE_UNDER,    /* one too few */
    CHECK_SATURATION,    /* a 32-bit sum of products that saturates at 16 bits */
    CHECK_FAULT_COUNT
} check_fault;

const char *check_fault_name(check_fault fault);

/* Makes the kernel with another body an entry of the jit, where qf_jit_get finds it instead of
 * the true one.  what: the body's e->what.  hash (may be NULL): the code's. */
void check_kernel_instead(qf_jit *jit, const qf_kernel_id *id, cg_body *body, const void *what,
                          char hash[17]);

/* How many places of the kernel can have the fault. */
int check_fault_sites(const qf_kernel_id *id, check_fault fault);

/* The same with the fault at the place (0 and on).  False when the code came out the same. */
bool check_mutant_load(qf_jit *jit, const qf_kernel_id *id, check_fault fault, int site);

#endif
