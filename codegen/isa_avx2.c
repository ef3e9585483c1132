/* isa_avx2.c -- x86 with AVX2, FMA and F16C: 16 ymm registers, no dot-product
 * instruction. */
#include "maddubs.h"

const cg_isa cg_isa_AVX2 = {
    .triple = "x86_64-unknown-linux-gnu",
    .cpu = "x86-64-v3",
    .registers = 16,
    .tie = "x",
    .dot = &cg_maddubs,
    .lookup = cg_maddubs_lookup,
};
