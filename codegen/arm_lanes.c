/* arm_lanes.c -- NEON's are a shuffle LLVM folds into the product; SVE's have names. */
#include "arm_lanes.h"

#include "scalable.h"

/* ---- NEON ---- */

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

/* ---- SVE ---- */

/* As scalable words. */
static LLVMValueRef load_sve(const cg_emit *e, LLVMValueRef at)
{
    LLVMTypeRef words = cg_scalable_type(e, e->vi32);
    LLVMTypeRef predicate = LLVMScalableVectorType(e->i1, LLVMGetVectorSize(words));
    LLVMValueRef all = LLVMConstInt(e->i32, 31, 0);
    LLVMValueRef args[] = {cg_intrinsic(e, "llvm.aarch64.sve.ptrue", &predicate, 1, &all, 1),
                           at};

    return cg_intrinsic(e, "llvm.aarch64.sve.ld1rq", &words, 1, args, 2);
}

static LLVMValueRef fma_sve(const cg_emit *e, LLVMValueRef four, int lane, LLVMValueRef w,
                            LLVMValueRef acc)
{
    LLVMTypeRef type = cg_scalable_type(e, e->vf32);
    LLVMValueRef args[] = {cg_to_scalable(e, acc), cg_to_scalable(e, w),
                           LLVMBuildBitCast(e->build, four, type, ""),
                           LLVMConstInt(e->i32, (unsigned long long)lane, 0)};

    return cg_to_fixed(e, e->vf32,
                       cg_intrinsic(e, "llvm.aarch64.sve.fmla.lane", &type, 1, args, 4));
}

static LLVMValueRef dot_by(const cg_emit *e, const char *name, LLVMValueRef four, int lane,
                           LLVMValueRef codes, LLVMValueRef acc)
{
    LLVMTypeRef type = cg_scalable_type(e, e->vi32), bytes = cg_scalable_type(e, e->vi8);
    LLVMValueRef args[] = {cg_to_scalable(e, acc), cg_to_scalable(e, codes),
                           LLVMBuildBitCast(e->build, four, bytes, ""),
                           LLVMConstInt(e->i32, (unsigned long long)lane, 0)};

    return cg_to_fixed(e, e->vi32, cg_intrinsic(e, name, &type, 1, args, 4));
}

static LLVMValueRef dot_sve(const cg_emit *e, LLVMValueRef four, int lane, LLVMValueRef codes,
                            LLVMValueRef acc)
{
    return dot_by(e, "llvm.aarch64.sve.sdot.lane", four, lane, codes, acc);
}

static LLVMValueRef dot_sve2(const cg_emit *e, LLVMValueRef four, int lane, LLVMValueRef codes,
                             LLVMValueRef acc)
{
    return dot_by(e, "llvm.aarch64.sve.usdot.lane", four, lane, codes, acc);
}

const cg_lanes cg_lanes_sve = {load_sve, fma_sve, dot_sve};
const cg_lanes cg_lanes_sve2 = {load_sve, fma_sve, dot_sve2};
