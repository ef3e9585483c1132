/* sdot.c -- one instruction, under four names. */
#include "sdot.h"

#include "scalable.h"
#include "word_sums.h"

static LLVMValueRef call_fixed(const cg_emit *e, const char *name, LLVMValueRef acc,
                               LLVMValueRef a, LLVMValueRef b)
{
    LLVMTypeRef types[] = {e->vi32, e->vi8};
    return cg_intrinsic(e, name, types, 2, (LLVMValueRef[]){acc, a, b}, 3);
}

static LLVMValueRef call_scalable(const cg_emit *e, const char *name, LLVMValueRef acc,
                                  LLVMValueRef a, LLVMValueRef b)
{
    LLVMTypeRef type = cg_scalable_type(e, e->vi32);
    LLVMValueRef args[] = {cg_to_scalable(e, acc), cg_to_scalable(e, a), cg_to_scalable(e, b)};
    return cg_to_fixed(e, e->vi32, cg_intrinsic(e, name, &type, 1, args, 3));
}

static LLVMValueRef sdot(const cg_emit *e, LLVMValueRef acc, LLVMValueRef quad, LLVMValueRef x)
{
    return call_fixed(e, "llvm.aarch64.neon.sdot", acc, quad, x);
}

static LLVMValueRef usdot(const cg_emit *e, LLVMValueRef acc, LLVMValueRef quad, LLVMValueRef x)
{
    return call_fixed(e, "llvm.aarch64.neon.usdot", acc, quad, x);
}

static LLVMValueRef sdot_scalable(const cg_emit *e, LLVMValueRef acc, LLVMValueRef quad,
                                  LLVMValueRef x)
{
    return call_scalable(e, "llvm.aarch64.sve.sdot", acc, quad, x);
}

static LLVMValueRef usdot_scalable(const cg_emit *e, LLVMValueRef acc, LLVMValueRef quad,
                                   LLVMValueRef x)
{
    return call_scalable(e, "llvm.aarch64.sve.usdot", acc, quad, x);
}

#define DOT(name, products, bits)                                                              \
    const cg_dot name = {                                                                      \
        .type = cg_word_sums_type,                                                             \
        .add = products,                                                                       \
        .finish = cg_word_sums_finish,                                                         \
        .max_bits = bits,                                                                      \
        .max_adds = cg_word_sums_max_adds,                                                     \
    }

DOT(cg_sdot, sdot, 4);
DOT(cg_usdot, usdot, 8);
DOT(cg_sdot_scalable, sdot_scalable, 4);
DOT(cg_usdot_scalable, usdot_scalable, 8);
