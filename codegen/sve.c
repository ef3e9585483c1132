/* sve.c -- by the names of their intrinsics, on scalable types. */
#include "sve.h"

#include "scalable.h"

/* The predicate that is true in every lane of words. */
static LLVMValueRef all_lanes(const cg_emit *e)
{
    LLVMTypeRef words = cg_scalable_type(e, e->vi32);
    LLVMTypeRef predicate = LLVMScalableVectorType(e->i1, LLVMGetVectorSize(words));
    LLVMValueRef pattern = LLVMConstInt(e->i32, 31, 0);

    return cg_intrinsic(e, "llvm.aarch64.sve.ptrue", &predicate, 1, &pattern, 1);
}

/* ---- products by element ---- */

/* As scalable words. */
static LLVMValueRef load_sve(const cg_emit *e, LLVMValueRef at)
{
    LLVMTypeRef words = cg_scalable_type(e, e->vi32);
    return cg_intrinsic(e, "llvm.aarch64.sve.ld1rq", &words, 1,
                        (LLVMValueRef[]){all_lanes(e), at}, 2);
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

/* ---- a store that spreads its lanes ---- */

/* A scatter whose offsets are a constant. */
void cg_sve_spread(const cg_emit *e, LLVMValueRef value, LLVMValueRef at, int stride)
{
    LLVMTypeRef data = cg_scalable_type(e, e->vf32), offset = cg_scalable_type(e, e->vi32);
    LLVMValueRef steps[] = {LLVMConstInt(e->i32, 0, 0),
                            LLVMConstInt(e->i32, (unsigned long long)stride, 0)};
    LLVMValueRef args[] = {cg_to_scalable(e, value), all_lanes(e), at,
                           cg_intrinsic(e, "llvm.aarch64.sve.index", &offset, 1, steps, 2)};

    cg_intrinsic(e, "llvm.aarch64.sve.st1.scatter.sxtw", &data, 1, args, 4);
}
