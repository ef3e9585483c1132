/* isa_avx2.c -- x86 with AVX2, FMA and F16C: 16 ymm registers, no dot-product
 * instruction.
 *
 * vpmaddubsw multiplies unsigned codes with signed activations and adds neighbours in
 * 16 bits.  Sums stay there as long as they provably fit, because widening (vpmaddwd)
 * costs as much as the product: with |x| <= 128 one add contributes at most
 * 2 * (2^bits - 1) * 128, so 8, 18 and 42 of them fit for 4, 3 and 2 bits. */
#include "isa.h"

static LLVMTypeRef sum_type(const cg_emit *e)
{
    return e->vi16;
}

static LLVMValueRef add_products(const cg_emit *e, LLVMValueRef acc, LLVMValueRef quad,
                                 LLVMValueRef x)
{
    LLVMValueRef pairs =
        cg_intrinsic(e, "llvm.x86.avx2.pmadd.ub.sw", NULL, 0, (LLVMValueRef[]){quad, x}, 2);
    return LLVMBuildAdd(e->build, acc, pairs, "");
}

static LLVMValueRef widen(const cg_emit *e, LLVMValueRef acc)
{
    LLVMValueRef ones = LLVMBuildBitCast(e->build, cg_words(e, 0x10001), e->vi16, "");
    return cg_intrinsic(e, "llvm.x86.avx2.pmadd.wd", NULL, 0, (LLVMValueRef[]){acc, ones}, 2);
}

static int max_adds(int bits)
{
    return 32767 / (2 * ((1 << bits) - 1) * 128);
}

static const cg_dot dot = {
    .type = sum_type,
    .add = add_products,
    .finish = widen,
    .max_bits = 4,
    .max_adds = max_adds,
};

const cg_isa cg_isa_AVX2 = {
    .triple = "x86_64-unknown-linux-gnu",
    .cpu = "x86-64-v3",
    .registers = 16,
    .tie = "x",
    .dot = &dot,
};
