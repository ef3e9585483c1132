/* sve.h -- what SVE can that has no spelling in IR. */
#ifndef QF_CODEGEN_SVE_H
#define QF_CODEGEN_SVE_H

#include "isa.h"

/* Products by element, of every 128 bits the same four: with signed codes, and with unsigned
 * ones (I8MM). */
extern const cg_lanes cg_lanes_sve, cg_lanes_sve2;

/* cg_isa's spread. */
void cg_sve_spread(const cg_emit *e, LLVMValueRef value, LLVMValueRef at, int stride);

#endif
