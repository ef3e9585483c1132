/* usmmla.c -- weaving is TRN1 and TRN2, which know no 128-bit pieces and need not. */
#include "usmmla.h"

#include "scalable.h"

/* ---- 128 bits ---- */

static void weave(const cg_emit *e, LLVMValueRef a, LLVMValueRef b, LLVMValueRef woven[2])
{
    static const int even[] = {0, 4, 2, 6}, odd[] = {1, 5, 3, 7};
    LLVMTypeRef type = LLVMTypeOf(a);

    a = LLVMBuildBitCast(e->build, a, e->vi32, "");
    b = LLVMBuildBitCast(e->build, b, e->vi32, "");
    woven[0] = LLVMBuildBitCast(e->build, cg_shuffle(e, a, b, even, 4), type, "");
    woven[1] = LLVMBuildBitCast(e->build, cg_shuffle(e, a, b, odd, 4), type, "");
}

static LLVMValueRef add(const cg_emit *e, LLVMValueRef acc, LLVMValueRef codes, LLVMValueRef x)
{
    LLVMTypeRef types[] = {e->vi32, e->vi8};
    LLVMValueRef args[] = {acc, codes, LLVMBuildBitCast(e->build, x, e->vi8, "")};

    return cg_intrinsic(e, "llvm.aarch64.neon.usmmla", types, 2, args, 3);
}

const cg_matrix cg_usmmla = {weave, add};

/* ---- any length ---- */

static void weave_words(const cg_emit *e, LLVMValueRef a, LLVMValueRef b, LLVMValueRef woven[2])
{
    LLVMTypeRef words = cg_scalable_type(e, e->vi32);
    LLVMValueRef args[] = {a, b};

    woven[0] = cg_intrinsic(e, "llvm.aarch64.sve.trn1", &words, 1, args, 2);
    woven[1] = cg_intrinsic(e, "llvm.aarch64.sve.trn2", &words, 1, args, 2);
}

static void weave_scalable(const cg_emit *e, LLVMValueRef a, LLVMValueRef b,
                           LLVMValueRef woven[2])
{
    LLVMTypeRef type = LLVMTypeOf(a);

    if (LLVMGetTypeKind(type) == LLVMScalableVectorTypeKind) {
        weave_words(e, a, b, woven);
        return;
    }
    a = cg_to_scalable(e, LLVMBuildBitCast(e->build, a, e->vi32, ""));
    b = cg_to_scalable(e, LLVMBuildBitCast(e->build, b, e->vi32, ""));
    weave_words(e, a, b, woven);
    for (int i = 0; i < 2; i++)
        woven[i] = LLVMBuildBitCast(e->build, cg_to_fixed(e, e->vi32, woven[i]), type, "");
}

static LLVMValueRef add_scalable(const cg_emit *e, LLVMValueRef acc, LLVMValueRef codes,
                                 LLVMValueRef x)
{
    LLVMTypeRef type = cg_scalable_type(e, e->vi32), bytes = cg_scalable_type(e, e->vi8);
    LLVMValueRef args[] = {cg_to_scalable(e, acc), cg_to_scalable(e, codes),
                           LLVMBuildBitCast(e->build, x, bytes, "")};

    return cg_to_fixed(e, e->vi32,
                       cg_intrinsic(e, "llvm.aarch64.sve.usmmla", &type, 1, args, 3));
}

const cg_matrix cg_usmmla_scalable = {weave_scalable, add_scalable};
