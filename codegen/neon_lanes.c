/* neon_lanes.c -- a shuffle LLVM folds into the product. */
#include "neon_lanes.h"

static LLVMValueRef load_neon(const cg_emit *e, LLVMValueRef at)
{
    return cg_load(e, e->vi32, at, 4);
}

static LLVMValueRef spread_lane(const cg_emit *e, LLVMValueRef four, int lane)
{
    const int index[] = {lane, lane, lane, lane};
    return cg_shuffle(e, four, four, index, 4);
}

/* The shuffle must be of floats, or it is not folded. */
static LLVMValueRef fma_neon(const cg_emit *e, LLVMValueRef four, int lane, LLVMValueRef w,
                             LLVMValueRef acc)
{
    LLVMValueRef floats = LLVMBuildBitCast(e->build, four, e->vf32, "");
    return cg_fma(e, spread_lane(e, floats, lane), w, acc);
}

static LLVMValueRef dot_neon(const cg_emit *e, LLVMValueRef four, int lane, LLVMValueRef codes,
                             LLVMValueRef acc)
{
    LLVMValueRef quad = LLVMBuildBitCast(e->build, spread_lane(e, four, lane), e->vi8, "");
    return e->isa->dot->add(e, acc, codes, quad);
}

const cg_lanes cg_lanes_neon = {load_neon, fma_neon, dot_neon};
