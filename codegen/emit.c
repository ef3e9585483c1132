/* emit.c -- the vocabulary. */
#include "emit.h"

#include <llvm-c/DebugInfo.h>
#include <stdio.h>
#include <string.h>

#include "isa.h"
#include "scalable.h"

LLVMValueRef cg_i64(const cg_emit *e, int64_t value)
{
    return LLVMConstInt(e->i64, (unsigned long long)value, 1);
}

static LLVMValueRef constant_vector(LLVMTypeRef element, int value, int count)
{
    LLVMValueRef values[256];
    QF_ASSERT(count <= 256);
    for (int i = 0; i < count; i++)
        values[i] = LLVMConstInt(element, (unsigned long long)value, 1);
    return LLVMConstVector(values, (unsigned)count);
}

LLVMValueRef cg_bytes(const cg_emit *e, int value)
{
    return constant_vector(e->i8, value, 4 * e->lanes);
}

LLVMValueRef cg_words(const cg_emit *e, int value)
{
    return constant_vector(e->i32, value, e->lanes);
}

LLVMValueRef cg_zero(LLVMTypeRef type)
{
    return LLVMConstNull(type);
}

/* ---- addresses and memory ---- */

LLVMValueRef cg_at(const cg_emit *e, LLVMValueRef base, LLVMValueRef offset)
{
    return LLVMBuildInBoundsGEP2(e->build, e->i8, base, &offset, 1, "");
}

LLVMValueRef cg_beyond(const cg_emit *e, LLVMValueRef base, LLVMValueRef offset)
{
    return LLVMBuildGEP2(e->build, e->i8, base, &offset, 1, "");
}

LLVMValueRef cg_at_const(const cg_emit *e, LLVMValueRef base, int64_t offset)
{
    return offset ? cg_at(e, base, cg_i64(e, offset)) : base;
}

LLVMValueRef cg_load(const cg_emit *e, LLVMTypeRef type, LLVMValueRef at, unsigned align)
{
    LLVMValueRef value = LLVMBuildLoad2(e->build, type, at, "");
    LLVMSetAlignment(value, align);
    return value;
}

void cg_store(const cg_emit *e, LLVMValueRef value, LLVMValueRef at, unsigned align)
{
    LLVMSetAlignment(LLVMBuildStore(e->build, value, at), align);
}

void cg_prefetch(const cg_emit *e, LLVMValueRef at, int64_t bytes, cg_intent intent)
{
    const int write = intent == CG_TO_WRITE, level = intent == CG_TO_READ ? 2 : 3;
    LLVMValueRef args[] = {at, LLVMConstInt(e->i32, write, 0), LLVMConstInt(e->i32, level, 0),
                           LLVMConstInt(e->i32, 1, 0)};

    for (int64_t line = 0; line < bytes; line += CG_LINE) {
        args[0] = cg_beyond(e, at, cg_i64(e, line));
        cg_intrinsic(e, "llvm.prefetch", (LLVMTypeRef[]){e->pointer}, 1, args, 4);
    }
}

LLVMValueRef cg_argument(const cg_emit *e, LLVMTypeRef type, size_t offset)
{
    return cg_load(e, type, cg_at_const(e, LLVMGetParam(e->function, 0), (int64_t)offset), 8);
}

/* ---- i64 arithmetic ---- */

LLVMValueRef cg_add(const cg_emit *e, LLVMValueRef a, LLVMValueRef b)
{
    return LLVMBuildNSWAdd(e->build, a, b, "");
}

LLVMValueRef cg_sub(const cg_emit *e, LLVMValueRef a, LLVMValueRef b)
{
    return LLVMBuildNSWSub(e->build, a, b, "");
}

LLVMValueRef cg_mul(const cg_emit *e, LLVMValueRef a, int64_t b)
{
    return LLVMBuildNSWMul(e->build, a, cg_i64(e, b), "");
}

LLVMValueRef cg_div(const cg_emit *e, LLVMValueRef a, int64_t b)
{
    return LLVMBuildUDiv(e->build, a, cg_i64(e, b), "");
}

LLVMValueRef cg_less(const cg_emit *e, LLVMValueRef a, LLVMValueRef b)
{
    return LLVMBuildICmp(e->build, LLVMIntSLT, a, b, "");
}

/* ---- vectors ---- */

LLVMValueRef cg_shuffle(const cg_emit *e, LLVMValueRef a, LLVMValueRef b, const int *index,
                        int count)
{
    LLVMValueRef mask[256];
    QF_ASSERT(count <= 256);
    for (int i = 0; i < count; i++)
        mask[i] = LLVMConstInt(e->i32, (unsigned long long)index[i], 0);
    return LLVMBuildShuffleVector(e->build, a, b, LLVMConstVector(mask, (unsigned)count), "");
}

LLVMValueRef cg_splat(const cg_emit *e, LLVMValueRef scalar)
{
    static const int zeros[256];
    LLVMTypeRef type = LLVMVectorType(LLVMTypeOf(scalar), (unsigned)e->lanes);
    LLVMValueRef one = LLVMBuildInsertElement(e->build, LLVMGetPoison(type), scalar,
                                              LLVMConstInt(e->i32, 0, 0), "");
    return cg_shuffle(e, one, LLVMGetPoison(type), zeros, e->lanes);
}

LLVMValueRef cg_load_splat(const cg_emit *e, LLVMValueRef at)
{
    if (e->isa->broadcast) return e->isa->broadcast(e, e->vf32, at);
    return cg_splat(e, cg_load(e, e->f32, at, 4));
}

LLVMValueRef cg_load_splat_quad(const cg_emit *e, LLVMValueRef at)
{
    LLVMValueRef words = e->isa->broadcast ? e->isa->broadcast(e, e->vi32, at)
                                           : cg_splat(e, cg_load(e, e->i32, at, 4));
    return LLVMBuildBitCast(e->build, words, e->vi8, "");
}

/* Whether number i is one of four that are all there. */
static bool take_lane(const cg_emit *e, cg_splats *s, int i)
{
    s->lane = -1;
    if (!e->isa->lanes || i / 4 * 4 + 4 > s->count) return false;
    s->lane = i % 4;
    if (s->lane == 0) s->value = e->isa->lanes->load(e, cg_at_const(e, s->at, 4L * i));
    return true;
}

void cg_splat_take(const cg_emit *e, cg_splats *s, int i)
{
    if (!take_lane(e, s, i)) s->value = cg_load_splat(e, cg_at_const(e, s->at, 4L * i));
}

void cg_splat_take_quad(const cg_emit *e, cg_splats *s, int i)
{
    if (!take_lane(e, s, i)) s->value = cg_load_splat_quad(e, cg_at_const(e, s->at, 4L * i));
}

LLVMValueRef cg_splat_fma(const cg_emit *e, const cg_splats *s, LLVMValueRef w,
                          LLVMValueRef acc)
{
    if (s->lane < 0) return cg_fma(e, s->value, w, acc);
    return e->isa->lanes->fma(e, s->value, s->lane, w, acc);
}

LLVMValueRef cg_splat_dot(const cg_emit *e, const cg_splats *s, LLVMValueRef codes,
                          LLVMValueRef acc)
{
    if (s->lane < 0) return e->isa->dot->add(e, acc, codes, s->value);
    return e->isa->lanes->dot(e, s->value, s->lane, codes, acc);
}

LLVMValueRef cg_intrinsic(const cg_emit *e, const char *name, LLVMTypeRef *overload,
                          unsigned overloads, LLVMValueRef *args, unsigned count)
{
    const unsigned id = LLVMLookupIntrinsicID(name, strlen(name));
    QF_ASSERT(id != 0);
    LLVMValueRef function = LLVMGetIntrinsicDeclaration(e->module, id, overload, overloads);
    LLVMTypeRef type = LLVMIntrinsicGetType(e->context, id, overload, overloads);
    return LLVMBuildCall2(e->build, type, function, args, count, "");
}

LLVMValueRef cg_fma(const cg_emit *e, LLVMValueRef a, LLVMValueRef b, LLVMValueRef c)
{
    LLVMTypeRef type = LLVMTypeOf(a);
    return cg_intrinsic(e, "llvm.fma", &type, 1, (LLVMValueRef[]){a, b, c}, 3);
}

LLVMValueRef cg_mask_below(const cg_emit *e, LLVMValueRef count)
{
    LLVMValueRef lane[64];
    QF_ASSERT(e->lanes <= 64);
    for (int i = 0; i < e->lanes; i++) lane[i] = LLVMConstInt(e->i32, (unsigned long long)i, 0);
    LLVMValueRef narrow = LLVMBuildTrunc(e->build, count, e->i32, "");
    return LLVMBuildICmp(e->build, LLVMIntSLT, LLVMConstVector(lane, (unsigned)e->lanes),
                         cg_splat(e, narrow), "");
}

void cg_tie(const cg_emit *e, LLVMValueRef *value, int count)
{
    LLVMTypeRef types[CG_CARRIED_MAX], fixed[CG_CARRIED_MAX];
    char constraints[CG_CARRIED_MAX * 8] = "";
    size_t used = 0;

    QF_ASSERT(count <= CG_CARRIED_MAX);
    for (int i = 0; i < count; i++) {
        fixed[i] = LLVMTypeOf(value[i]);
        const bool address = LLVMGetTypeKind(fixed[i]) == LLVMPointerTypeKind;
        if (e->isa->scalable && !address) value[i] = cg_to_scalable(e, value[i]);
        types[i] = LLVMTypeOf(value[i]);
        used += (size_t)snprintf(constraints + used, sizeof constraints - used, "%s=%s",
                                 i ? "," : "", address ? "r" : e->isa->tie);
    }
    for (int i = 0; i < count; i++)
        used += (size_t)snprintf(constraints + used, sizeof constraints - used, ",%d", i);

    LLVMTypeRef result =
        count == 1 ? types[0] : LLVMStructTypeInContext(e->context, types, (unsigned)count, 0);
    LLVMTypeRef type = LLVMFunctionType(result, types, (unsigned)count, 0);
    LLVMValueRef assembly =
        LLVMGetInlineAsm(type, "", 0, constraints, used, 1, 0, LLVMInlineAsmDialectATT, 0);
    LLVMValueRef tied = LLVMBuildCall2(e->build, type, assembly, value, (unsigned)count, "");
    for (int i = 0; i < count; i++) {
        value[i] = count == 1 ? tied : LLVMBuildExtractValue(e->build, tied, (unsigned)i, "");
        if (types[i] != fixed[i]) value[i] = cg_to_fixed(e, fixed[i], value[i]);
    }
}

/* ---- control flow ---- */

static LLVMBasicBlockRef new_block(const cg_emit *e)
{
    return LLVMAppendBasicBlockInContext(e->context, e->function, "");
}

void cg_loop_begin(const cg_emit *e, cg_loop *loop, LLVMValueRef begin, LLVMValueRef end,
                   int64_t step, int carried, LLVMValueRef *value)
{
    QF_ASSERT(carried <= CG_CARRIED_MAX);
    loop->limit = end;
    loop->step = step;
    loop->carried = carried;
    loop->before = LLVMGetInsertBlock(e->build);
    loop->body = new_block(e);
    loop->after = new_block(e);
    LLVMBuildCondBr(e->build, cg_less(e, begin, end), loop->body, loop->after);

    LLVMPositionBuilderAtEnd(e->build, loop->body);
    loop->index = LLVMBuildPhi(e->build, e->i64, "");
    LLVMAddIncoming(loop->index, &begin, &loop->before, 1);
    for (int i = 0; i < carried; i++) {
        loop->start[i] = value[i];
        loop->phi[i] = LLVMBuildPhi(e->build, LLVMTypeOf(value[i]), "");
        LLVMAddIncoming(loop->phi[i], &value[i], &loop->before, 1);
        value[i] = loop->phi[i];
    }
}

static LLVMMetadataRef text_node(const cg_emit *e, const char *text)
{
    return LLVMMDStringInContext2(e->context, text, strlen(text));
}

/* !loop = distinct !{!loop, !{"llvm.loop.align", i32 align}}: a node whose first operand is
 * itself is made of a stand-in that it replaces. */
static void align_loop(const cg_emit *e, LLVMValueRef branch, int align)
{
    LLVMValueRef bytes = LLVMConstInt(e->i32, (unsigned long long)align, 0);
    LLVMMetadataRef pair[] = {text_node(e, "llvm.loop.align"), LLVMValueAsMetadata(bytes)};
    LLVMMetadataRef self = LLVMTemporaryMDNode(e->context, NULL, 0);
    LLVMMetadataRef parts[] = {self, LLVMMDNodeInContext2(e->context, pair, 2)};
    LLVMMetadataRef loop = LLVMMDNodeInContext2(e->context, parts, 2);

    LLVMMetadataReplaceAllUsesWith(self, loop);
    LLVMSetMetadata(branch, LLVMGetMDKindIDInContext(e->context, "llvm.loop", 9),
                    LLVMMetadataAsValue(e->context, loop));
}

void cg_loop_end(const cg_emit *e, cg_loop *loop, LLVMValueRef *value)
{
    LLVMBasicBlockRef latch = LLVMGetInsertBlock(e->build);
    LLVMValueRef next = cg_add(e, loop->index, cg_i64(e, loop->step));
    LLVMValueRef branch =
        LLVMBuildCondBr(e->build, cg_less(e, next, loop->limit), loop->body, loop->after);

    if (e->id && e->id->tile.align) align_loop(e, branch, e->id->tile.align);
    LLVMAddIncoming(loop->index, &next, &latch, 1);
    LLVMPositionBuilderAtEnd(e->build, loop->after);
    for (int i = 0; i < loop->carried; i++) {
        LLVMAddIncoming(loop->phi[i], &value[i], &latch, 1);
        LLVMValueRef result = LLVMBuildPhi(e->build, LLVMTypeOf(value[i]), "");
        LLVMAddIncoming(result, (LLVMValueRef[]){loop->start[i], value[i]},
                        (LLVMBasicBlockRef[]){loop->before, latch}, 2);
        value[i] = result;
    }
}

void cg_if_begin(const cg_emit *e, cg_if *branch, LLVMValueRef condition)
{
    LLVMBasicBlockRef then = new_block(e);
    branch->other = new_block(e);
    branch->after = new_block(e);
    LLVMBuildCondBr(e->build, condition, then, branch->other);
    LLVMPositionBuilderAtEnd(e->build, then);
}

void cg_else(const cg_emit *e, cg_if *branch)
{
    LLVMBuildBr(e->build, branch->after);
    LLVMPositionBuilderAtEnd(e->build, branch->other);
    branch->other = NULL;
}

void cg_if_end(const cg_emit *e, cg_if *branch)
{
    LLVMBuildBr(e->build, branch->after);
    if (branch->other) {
        LLVMPositionBuilderAtEnd(e->build, branch->other);
        LLVMBuildBr(e->build, branch->after);
    }
    LLVMPositionBuilderAtEnd(e->build, branch->after);
}
