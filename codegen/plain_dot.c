/* plain_dot.c -- products of 16 bits, whose neighbours are added twice, in plain vector
 * code. */
#include "plain_dot.h"

#include "word_sums.h"

/* The sums of neighbours, each twice as wide: of the lower halves of the elements of <count x
 * wide> and the upper ones, both with their signs. */
static LLVMValueRef add_neighbours(const cg_emit *e, LLVMValueRef narrow, LLVMTypeRef wide,
                                   int bits, int count)
{
    LLVMTypeRef type = LLVMVectorType(wide, (unsigned)count);
    LLVMValueRef half[128], pairs = LLVMBuildBitCast(e->build, narrow, type, "");

    for (int i = 0; i < count; i++) half[i] = LLVMConstInt(wide, (unsigned long long)bits, 0);
    LLVMValueRef shift = LLVMConstVector(half, (unsigned)count);
    LLVMValueRef low = LLVMBuildShl(e->build, pairs, shift, "");
    return LLVMBuildAdd(e->build, LLVMBuildAShr(e->build, low, shift, ""),
                        LLVMBuildAShr(e->build, pairs, shift, ""), "");
}

static LLVMValueRef add_products(const cg_emit *e, LLVMValueRef acc, LLVMValueRef quad,
                                 LLVMValueRef x)
{
    LLVMTypeRef products = LLVMVectorType(e->i16, 4 * (unsigned)e->lanes);
    LLVMValueRef product = LLVMBuildMul(e->build, LLVMBuildZExt(e->build, quad, products, ""),
                                        LLVMBuildSExt(e->build, x, products, ""), "");
    LLVMValueRef pairs = add_neighbours(e, product, e->i32, 16, 2 * e->lanes);
    LLVMValueRef quads = add_neighbours(e, pairs, e->i64, 32, e->lanes);

    return LLVMBuildAdd(e->build, acc, LLVMBuildTrunc(e->build, quads, e->vi32, ""), "");
}

const cg_dot cg_plain_dot = {
    .type = cg_word_sums_type,
    .add = add_products,
    .finish = cg_word_sums_finish,
    .max_bits = 8,
    .max_adds = cg_word_sums_max_adds,
};
