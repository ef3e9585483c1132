/* isa_avx512.c -- x86 with AVX-512 F, BW, VL, DQ (from Skylake-X): 32 zmm registers, byte
 * products as in AVX2 but twice as wide. */
#include "maddubs.h"
#include "zmm.h"

const cg_isa cg_isa_AVX512 = {
    .triple = "x86_64-unknown-linux-gnu",
    .cpu = "x86-64-v4",
    .registers = 32,
    .tie = "v",
    .dot = &cg_maddubs,
    .lookup = cg_maddubs_lookup,
    .mark = cg_prefer_zmm,
};
