/* plain_half.h -- halves to floats for machines without an instruction for it. */
#ifndef QF_CODEGEN_PLAIN_HALF_H
#define QF_CODEGEN_PLAIN_HALF_H

#include "isa.h"

LLVMValueRef cg_widen_half(const cg_emit *e, LLVMValueRef half);

#endif
