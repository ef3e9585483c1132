/* isa_avx512vnni.c -- AVX-512 with VNNI (from Ice Lake and Zen 4): one instruction a quad,
 * whose activations may be broadcast from memory as its operand. */
#include "vpdpbusd.h"
#include "zmm.h"

const cg_isa cg_isa_AVX512VNNI = {
    .triple = "x86_64-unknown-linux-gnu",
    .cpu = "x86-64-v4",
    .registers = 32,
    .tie = "v",
    .dot = &cg_vpdpbusd,
    .mark = cg_prefer_zmm,
};
