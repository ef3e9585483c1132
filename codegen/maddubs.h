/* maddubs.h -- byte products of x86 without VNNI, for 256 and 512-bit vectors.
 *
 * vpmaddubsw multiplies unsigned codes with signed activations and adds neighbours in
 * 16 bits.  Sums stay there as long as they provably fit, because widening (vpmaddwd)
 * costs as much as the product: with |x| <= 128 one add contributes at most
 * 2 * (2^bits - 1) * 128, so 8, 18 and 42 of them fit for 4, 3 and 2 bits. */
#ifndef QF_CODEGEN_MADDUBS_H
#define QF_CODEGEN_MADDUBS_H

#include "isa.h"

extern const cg_dot cg_maddubs;
/* vpshufb, which the same instruction sets look up with. */
LLVMValueRef cg_maddubs_lookup(const cg_emit *e, LLVMValueRef table, LLVMValueRef index);

#endif
