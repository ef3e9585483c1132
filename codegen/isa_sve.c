/* isa_sve.c -- AArch64 with SVE: 32 z registers, whose length is known when code is made.
 *
 * Kernels use ordinary fixed vectors of that length; vscale_range tells LLVM that one such
 * vector is exactly one z register. */
#include "scalable.h"
#include "sdot.h"
#include "sve.h"

#define SVE(bits)                                                                              \
    const cg_isa cg_isa_SVE##bits = {                                                          \
        .triple = "aarch64-unknown-linux-gnu",                                                 \
        .cpu = "generic",                                                                      \
        .registers = 32,                                                                       \
        .tie = "w",                                                                            \
        .scalable = 16,                                                                        \
        .dot = &cg_sdot_scalable,                                                              \
        .mark = cg_exact_length,                                                               \
        .lanes = &cg_lanes_sve,                                                                \
        .spread = cg_sve_spread,                                                               \
    }

SVE(128);
SVE(256);
SVE(512);
SVE(1024);
SVE(2048);
