/* maddubs.c -- sums in 16 bits, widened when they might overflow. */
#include "maddubs.h"

static LLVMTypeRef sum_type(const cg_emit *e)
{
    return e->vi16;
}

/* The intrinsic of the vector's width. */
static LLVMValueRef call(const cg_emit *e, const char *narrow, const char *wide, LLVMValueRef a,
                         LLVMValueRef b)
{
    return cg_intrinsic(e, e->lanes == 8 ? narrow : wide, NULL, 0, (LLVMValueRef[]){a, b}, 2);
}

static LLVMValueRef product(const cg_emit *e, LLVMValueRef quad, LLVMValueRef x)
{
    return call(e, "llvm.x86.avx2.pmadd.ub.sw", "llvm.x86.avx512.pmaddubs.w.512", quad, x);
}

static LLVMValueRef add_products(const cg_emit *e, LLVMValueRef acc, LLVMValueRef quad,
                                 LLVMValueRef x)
{
    return LLVMBuildAdd(e->build, acc, product(e, quad, x), "");
}

static LLVMValueRef widen(const cg_emit *e, LLVMValueRef acc)
{
    LLVMValueRef ones = LLVMBuildBitCast(e->build, cg_words(e, 0x10001), e->vi16, "");
    return call(e, "llvm.x86.avx2.pmadd.wd", "llvm.x86.avx512.pmaddw.d.512", acc, ones);
}

LLVMValueRef cg_maddubs_lookup(const cg_emit *e, LLVMValueRef table, LLVMValueRef index)
{
    return call(e, "llvm.x86.avx2.pshuf.b", "llvm.x86.avx512.pshuf.b.512", table, index);
}

static int max_adds(int bits)
{
    return 32767 / (2 * ((1 << bits) - 1) * 128);
}

const cg_dot cg_maddubs = {
    .type = sum_type,
    .add = add_products,
    .product = product,
    .finish = widen,
    .max_bits = 4,
    .max_adds = max_adds,
};
