/* scalable.c -- vscale counts pieces of isa->scalable bytes. */
#include "scalable.h"

#include <string.h>

static uint64_t vscale(const cg_emit *e)
{
    return (uint64_t)(4 * e->lanes / e->isa->scalable);
}

void cg_exact_length(const cg_emit *e)
{
    static const char key[] = "vscale_range";
    const unsigned kind = LLVMGetEnumAttributeKindForName(key, sizeof key - 1);
    const uint64_t exactly = vscale(e) << 32 | vscale(e); /* least, most */

    LLVMAddAttributeAtIndex(e->function, (LLVMAttributeIndex)LLVMAttributeFunctionIndex,
                            LLVMCreateEnumAttribute(e->context, kind, exactly));
}

LLVMTypeRef cg_scalable_type(const cg_emit *e, LLVMTypeRef fixed)
{
    return LLVMScalableVectorType(LLVMGetElementType(fixed),
                                  LLVMGetVectorSize(fixed) / (unsigned)vscale(e));
}

LLVMValueRef cg_to_scalable(const cg_emit *e, LLVMValueRef fixed)
{
    LLVMTypeRef types[] = {cg_scalable_type(e, LLVMTypeOf(fixed)), LLVMTypeOf(fixed)};
    LLVMValueRef args[] = {LLVMGetPoison(types[0]), fixed, cg_i64(e, 0)};
    return cg_intrinsic(e, "llvm.vector.insert", types, 2, args, 3);
}

LLVMValueRef cg_to_fixed(const cg_emit *e, LLVMTypeRef fixed, LLVMValueRef scalable)
{
    LLVMTypeRef types[] = {fixed, LLVMTypeOf(scalable)};
    return cg_intrinsic(e, "llvm.vector.extract", types, 2,
                        (LLVMValueRef[]){scalable, cg_i64(e, 0)}, 2);
}
