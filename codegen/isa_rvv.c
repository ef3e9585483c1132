/* isa_rvv.c -- RISC-V with the vector extension 1.0: 32 v registers, whose length is known
 * when code is made.  No byte products, and no halves before Zvfhmin. */
#include "plain_dot.h"
#include "plain_half.h"
#include "rvv_memory.h"
#include "scalable.h"

/* Nothing else tells the object that doubles travel in registers. */
static void mark(const cg_emit *e)
{
    static const char key[] = "target-abi", abi[] = "lp64d";

    cg_exact_length(e);
    LLVMAddModuleFlag(e->module, LLVMModuleFlagBehaviorError, key, sizeof key - 1,
                      LLVMMDStringInContext2(e->context, abi, sizeof abi - 1));
}

#define RVV(bits)                                                                              \
    const cg_isa cg_isa_RVV##bits = {                                                          \
        .triple = "riscv64-unknown-linux-gnu",                                                 \
        .cpu = "generic-rv64",                                                                 \
        .registers = 32,                                                                       \
        .tie = "^vr",                                                                          \
        .scalable = 8,                                                                         \
        .dot = &cg_plain_dot,                                                                  \
        .mark = mark,                                                                          \
        .spread = cg_rvv_spread,                                                               \
        .broadcast = cg_rvv_broadcast,                                                         \
        .widen = cg_widen_half,                                                                \
    }

RVV(256);
RVV(512);
