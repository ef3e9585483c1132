/* rvv_memory.c -- LLVM has names for them that want all lanes counted and masked. */
#include "rvv_memory.h"

void cg_rvv_spread(const cg_emit *e, LLVMValueRef value, LLVMValueRef at, int stride)
{
    LLVMTypeRef types[] = {e->vf32, e->pointer, e->i64};
    LLVMTypeRef mask = LLVMVectorType(e->i1, (unsigned)e->lanes);
    LLVMValueRef args[] = {value, at, cg_i64(e, stride), LLVMConstAllOnes(mask),
                           LLVMConstInt(e->i32, (unsigned long long)e->lanes, 0)};

    cg_intrinsic(e, "llvm.experimental.vp.strided.store", types, 3, args, 5);
}

/* A stride of zero.  A load and a splat would be the same instruction, but LLVM moves splats
 * to their users one by one, in time that grows with the square of a kernel's length. */
LLVMValueRef cg_rvv_broadcast(const cg_emit *e, LLVMTypeRef type, LLVMValueRef at)
{
    LLVMTypeRef types[] = {type, e->pointer, e->i64};
    LLVMTypeRef mask = LLVMVectorType(e->i1, (unsigned)e->lanes);
    LLVMValueRef args[] = {at, cg_i64(e, 0), LLVMConstAllOnes(mask),
                           LLVMConstInt(e->i32, (unsigned long long)e->lanes, 0)};

    return cg_intrinsic(e, "llvm.experimental.vp.strided.load", types, 3, args, 4);
}
