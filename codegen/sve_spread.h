/* sve_spread.h -- lanes stored a stride apart. */
#ifndef QF_CODEGEN_SVE_SPREAD_H
#define QF_CODEGEN_SVE_SPREAD_H

#include "isa.h"

void cg_sve_spread(const cg_emit *e, LLVMValueRef value, LLVMValueRef at, int stride);

#endif
