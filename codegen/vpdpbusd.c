/* vpdpbusd.c -- one instruction, whose names have a width. */
#include "vpdpbusd.h"

#include "word_sums.h"

static LLVMValueRef add_products(const cg_emit *e, LLVMValueRef acc, LLVMValueRef quad,
                                 LLVMValueRef x)
{
    LLVMValueRef args[] = {acc, LLVMBuildBitCast(e->build, quad, e->vi32, ""),
                           LLVMBuildBitCast(e->build, x, e->vi32, "")};
    return cg_intrinsic(
        e, e->lanes == 8 ? "llvm.x86.avx512.vpdpbusd.256" : "llvm.x86.avx512.vpdpbusd.512",
        NULL, 0, args, 3);
}

const cg_dot cg_vpdpbusd = {
    .type = cg_word_sums_type,
    .add = add_products,
    .finish = cg_word_sums_finish,
    .max_bits = 8,
    .max_adds = cg_word_sums_max_adds,
};
