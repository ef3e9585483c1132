/* isa_neoni8mm.c -- AArch64 with the byte products of I8MM (Armv8.6): codes of eight bits
 * need not be split, and four rows are two products of matrices. */
#include "neon_lanes.h"
#include "sdot.h"
#include "usmmla.h"

const cg_isa cg_isa_NEONI8MM = {
    .triple = "aarch64-unknown-linux-gnu",
    .cpu = "generic",
    .registers = 32,
    .tie = "w",
    .lanes = &cg_lanes_neon,
    .dot = &cg_usdot,
    .matrix = &cg_usmmla,
};
