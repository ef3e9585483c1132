/* rvv_memory.h -- strided stores and loads. */
#ifndef QF_CODEGEN_RVV_MEMORY_H
#define QF_CODEGEN_RVV_MEMORY_H

#include "isa.h"

void cg_rvv_spread(const cg_emit *e, LLVMValueRef value, LLVMValueRef at, int stride);
LLVMValueRef cg_rvv_broadcast(const cg_emit *e, LLVMTypeRef type, LLVMValueRef at);

#endif
