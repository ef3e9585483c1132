/* word_sums.h -- byte products whose sums are 32 bits wide: nothing to widen. */
#ifndef QF_CODEGEN_WORD_SUMS_H
#define QF_CODEGEN_WORD_SUMS_H

#include "isa.h"

/* cg_dot's type, finish and max_adds. */
LLVMTypeRef cg_word_sums_type(const cg_emit *e);
LLVMValueRef cg_word_sums_finish(const cg_emit *e, LLVMValueRef acc);
int cg_word_sums_max_adds(int bits);

#endif
