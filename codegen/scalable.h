/* scalable.h -- fixed vectors on machines whose vectors have a length of their own.
 *
 * Where LLVM wants a scalable type (inline assembly, intrinsics) a fixed vector of exactly
 * the register's length goes in and out by instructions that cost nothing. */
#ifndef QF_CODEGEN_SCALABLE_H
#define QF_CODEGEN_SCALABLE_H

#include "isa.h"

/* The function's attribute: a register is exactly as long as the row of isas.def says. */
void cg_exact_length(const cg_emit *e);

/* The scalable type with the fixed one's elements. */
LLVMTypeRef cg_scalable_type(const cg_emit *e, LLVMTypeRef fixed);
LLVMValueRef cg_to_scalable(const cg_emit *e, LLVMValueRef fixed);
LLVMValueRef cg_to_fixed(const cg_emit *e, LLVMTypeRef fixed, LLVMValueRef scalable);

#endif
