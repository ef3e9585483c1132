/* isa_vsx.c -- POWER since POWER9, which converts halves: 64 registers for floats, the upper 32
 * of which also take bytes, and their product in one instruction. */
#include "word_sums.h"

/* The signed bytes come first. */
static LLVMValueRef add_products(const cg_emit *e, LLVMValueRef acc, LLVMValueRef quad,
                                 LLVMValueRef x)
{
    return cg_intrinsic(e, "llvm.ppc.altivec.vmsummbm", NULL, 0, (LLVMValueRef[]){x, quad, acc},
                        3);
}

static const cg_dot mixed_sums = {
    .type = cg_word_sums_type,
    .add = add_products,
    .finish = cg_word_sums_finish,
    .max_bits = 8,
    .max_adds = cg_word_sums_max_adds,
};

const cg_isa cg_isa_VSX = {
    .triple = "powerpc64le-unknown-linux-gnu",
    .cpu = "pwr9",
    .registers = 64,
    .tie = "^wa",
    .dot = &mixed_sums,
};
