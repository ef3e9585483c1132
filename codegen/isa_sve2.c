/* isa_sve2.c -- AArch64 with SVE2 and I8MM (Armv9): as SVE, and codes of eight bits need not
 * be split, and four rows are two products of matrices. */
#include "scalable.h"
#include "sdot.h"
#include "sve.h"
#include "usmmla.h"

#define SVE2(bits)                                                                             \
    const cg_isa cg_isa_SVE2_##bits = {                                                        \
        .triple = "aarch64-unknown-linux-gnu",                                                 \
        .cpu = "generic",                                                                      \
        .registers = 32,                                                                       \
        .tie = "w",                                                                            \
        .scalable = 16,                                                                        \
        .dot = &cg_usdot_scalable,                                                             \
        .matrix = &cg_usmmla_scalable,                                                         \
        .mark = cg_exact_length,                                                               \
        .lanes = &cg_lanes_sve2,                                                               \
        .spread = cg_sve_spread,                                                               \
    }

SVE2(128);
SVE2(256);
SVE2(512);
SVE2(1024);
SVE2(2048);
