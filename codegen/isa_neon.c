/* isa_neon.c -- AArch64 with byte dot products (Armv8.2, every core since Cortex-A76 and
 * Neoverse N1): 32 q registers. */
#include "neon_lanes.h"
#include "sdot.h"

const cg_isa cg_isa_NEON = {
    .triple = "aarch64-unknown-linux-gnu",
    .cpu = "generic",
    .registers = 32,
    .tie = "w",
    .lanes = &cg_lanes_neon,
    .dot = &cg_sdot,
};
