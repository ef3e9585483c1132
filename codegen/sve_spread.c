/* sve_spread.c -- a scatter whose offsets are a constant. */
#include "sve_spread.h"

#include "scalable.h"

void cg_sve_spread(const cg_emit *e, LLVMValueRef value, LLVMValueRef at, int stride)
{
    LLVMTypeRef data = cg_scalable_type(e, e->vf32), offset = cg_scalable_type(e, e->vi32);
    LLVMTypeRef predicate = LLVMScalableVectorType(e->i1, LLVMGetVectorSize(data));
    LLVMValueRef all = LLVMConstInt(e->i32, 31, 0); /* the pattern "all lanes" */
    LLVMValueRef steps[] = {LLVMConstInt(e->i32, 0, 0),
                            LLVMConstInt(e->i32, (unsigned long long)stride, 0)};
    LLVMValueRef args[] = {cg_to_scalable(e, value),
                           cg_intrinsic(e, "llvm.aarch64.sve.ptrue", &predicate, 1, &all, 1),
                           at, cg_intrinsic(e, "llvm.aarch64.sve.index", &offset, 1, steps, 2)};

    cg_intrinsic(e, "llvm.aarch64.sve.st1.scatter.sxtw", &data, 1, args, 4);
}
