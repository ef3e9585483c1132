/* vpdpbusd.c -- sums in 32 bits, which no group comes near. */
#include "vpdpbusd.h"

static LLVMTypeRef sum_type(const cg_emit *e)
{
    return e->vi32;
}

static LLVMValueRef add_products(const cg_emit *e, LLVMValueRef acc, LLVMValueRef quad,
                                 LLVMValueRef x)
{
    LLVMValueRef args[] = {acc, LLVMBuildBitCast(e->build, quad, e->vi32, ""),
                           LLVMBuildBitCast(e->build, x, e->vi32, "")};
    return cg_intrinsic(
        e, e->lanes == 8 ? "llvm.x86.avx512.vpdpbusd.256" : "llvm.x86.avx512.vpdpbusd.512",
        NULL, 0, args, 3);
}

static LLVMValueRef as_it_is(const cg_emit *e, LLVMValueRef acc)
{
    (void)e;
    return acc;
}

static int max_adds(int bits)
{
    return INT32_MAX / (4 * ((1 << bits) - 1) * 128);
}

const cg_dot cg_vpdpbusd = {
    .type = sum_type,
    .add = add_products,
    .finish = as_it_is,
    .max_bits = 8,
    .max_adds = max_adds,
};
