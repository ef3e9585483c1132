/* isa_avxvnni.c -- AVX2 with the byte products of VNNI in VEX form (Alder Lake and later
 * cores without AVX-512): 16 ymm registers, one instruction a quad. */
#include "vpdpbusd.h"

const cg_isa cg_isa_AVXVNNI = {
    .triple = "x86_64-unknown-linux-gnu",
    .cpu = "x86-64-v3",
    .registers = 16,
    .tie = "x",
    .dot = &cg_vpdpbusd,
};
