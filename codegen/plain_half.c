/* plain_half.c -- the exponent is moved by a multiplication, which subnormals survive. */
#include "plain_half.h"

LLVMValueRef cg_widen_half(const cg_emit *e, LLVMValueRef half)
{
    LLVMTypeRef halves = LLVMVectorType(e->i16, (unsigned)e->lanes);
    LLVMValueRef bits =
        LLVMBuildZExt(e->build, LLVMBuildBitCast(e->build, half, halves, ""), e->vi32, "");
    LLVMValueRef sign = LLVMBuildShl(
        e->build, LLVMBuildAnd(e->build, bits, cg_words(e, 0x8000), ""), cg_words(e, 16), "");
    LLVMValueRef rest = LLVMBuildAnd(e->build, bits, cg_words(e, 0x7FFF), "");
    LLVMValueRef moved = LLVMBuildBitCast(
        e->build, LLVMBuildShl(e->build, rest, cg_words(e, 13), ""), e->vf32, "");
    LLVMValueRef scaled =
        LLVMBuildFMul(e->build, moved, cg_splat(e, LLVMConstReal(e->f32, 0x1p112)), "");
    /* Infinities and what is no number keep their exponent full. */
    LLVMValueRef number = LLVMBuildICmp(e->build, LLVMIntULT, rest, cg_words(e, 0x7C00), "");
    LLVMValueRef full = LLVMBuildOr(e->build, LLVMBuildBitCast(e->build, moved, e->vi32, ""),
                                    cg_words(e, 0x7F800000), "");
    LLVMValueRef value = LLVMBuildSelect(
        e->build, number, LLVMBuildBitCast(e->build, scaled, e->vi32, ""), full, "");

    return LLVMBuildBitCast(e->build, LLVMBuildOr(e->build, value, sign, ""), e->vf32, "");
}
