/* isa_avx512gfni.c -- AVX-512 with VNNI and GFNI (from Ice Lake and Zen 4): as avx512vnni, and
 * codes are cut out of their words in one instruction. */
#include "vpdpbusd.h"
#include "zmm.h"

/* Row i of the matrix, in byte 7 - i, says which bits of a byte make bit i of the result: here
 * bit i + shift, if it is in the mask. */
static uint64_t matrix_of(int shift, int mask)
{
    uint64_t matrix = 0;
    for (int i = 0; i < 8; i++)
        if (mask >> i & 1) matrix |= (uint64_t)1 << (i + shift) << 8 * (7 - i);
    return matrix;
}

static LLVMValueRef cut(const cg_emit *e, LLVMValueRef bytes, int shift, int mask)
{
    const uint64_t matrix = matrix_of(shift, mask);
    LLVMValueRef byte[64];

    for (int i = 0; i < 4 * e->lanes; i++)
        byte[i] = LLVMConstInt(e->i8, matrix >> 8 * (i % 8) & 255, 0);
    LLVMValueRef args[] = {bytes, LLVMConstVector(byte, 4 * (unsigned)e->lanes),
                           LLVMConstInt(e->i8, 0, 0)};
    return cg_intrinsic(e, "llvm.x86.vgf2p8affineqb.512", NULL, 0, args, 3);
}

const cg_isa cg_isa_AVX512GFNI = {
    .triple = "x86_64-unknown-linux-gnu",
    .cpu = "x86-64-v4",
    .registers = 32,
    .tie = "v",
    .dot = &cg_vpdpbusd,
    .mark = cg_prefer_zmm,
    .cut = cut,
};
