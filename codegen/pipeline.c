/* pipeline.c -- from an emitter's body to bytes: target, types, function, IR, code. */
#include "pipeline.h"

#include <llvm-c/Analysis.h>
#include <llvm-c/Target.h>
#include <llvm-c/TargetMachine.h>
#include <pthread.h>
#include <string.h>

#include "isa.h"
#include "qforge/memory.h"

enum { STACK_ALIGNMENT = 16 }; /* bytes, of every ABI here */

static void initialise_llvm(void)
{
    LLVMInitializeAllTargetInfos();
    LLVMInitializeAllTargets();
    LLVMInitializeAllTargetMCs();
    LLVMInitializeAllAsmPrinters();
    LLVMInitializeAllAsmParsers();
}

static qf_status make_target(qf_isa which, LLVMTargetMachineRef *machine)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    const cg_isa *isa = cg_isa_of(which);
    LLVMTargetRef target;
    char *why = NULL;

    pthread_once(&once, initialise_llvm);
    if (LLVMGetTargetFromTriple(isa->triple, &target, &why)) {
        const qf_status status =
            qf_fail(QF_CODEGEN, "LLVM has no target %s: %s", isa->triple, why);
        LLVMDisposeMessage(why);
        return status;
    }
    *machine =
        LLVMCreateTargetMachine(target, isa->triple, isa->cpu, qf_isa_of(which)->features,
                                LLVMCodeGenLevelAggressive, LLVMRelocPIC, LLVMCodeModelSmall);
    return *machine ? QF_OK : qf_fail(QF_CODEGEN, "LLVM refused target %s", isa->triple);
}

static void set_types(cg_emit *e)
{
    const unsigned lanes = (unsigned)e->lanes;
    e->i1 = LLVMInt1TypeInContext(e->context);
    e->i8 = LLVMInt8TypeInContext(e->context);
    e->i16 = LLVMInt16TypeInContext(e->context);
    e->i32 = LLVMInt32TypeInContext(e->context);
    e->i64 = LLVMInt64TypeInContext(e->context);
    e->f16 = LLVMHalfTypeInContext(e->context);
    e->f32 = LLVMFloatTypeInContext(e->context);
    e->pointer = LLVMPointerTypeInContext(e->context, 0);
    e->vf32 = LLVMVectorType(e->f32, lanes);
    e->vf16 = LLVMVectorType(e->f16, lanes);
    e->vi32 = LLVMVectorType(e->i32, lanes);
    e->vi16 = LLVMVectorType(e->i16, 2 * lanes);
    e->vi8 = LLVMVectorType(e->i8, 4 * lanes);
}

static void add_attribute(const cg_emit *e, LLVMAttributeIndex index, const char *name,
                          uint64_t value)
{
    const unsigned kind = LLVMGetEnumAttributeKindForName(name, strlen(name));
    QF_ASSERT(kind);
    LLVMAddAttributeAtIndex(e->function, index,
                            LLVMCreateEnumAttribute(e->context, kind, value));
}

/* Vectors that wait in memory would lie wherever the caller left the stack, every 16 bytes:
 * across two lines or not, which moved kernels by up to 3.4 percent from one caller to the
 * next.  Vectors of 16 bytes never do, and scalable ones have addresses of their own. */
static void align_stack(const cg_emit *e)
{
    static const char realigned[] = "stackrealign";

    add_attribute(e, (LLVMAttributeIndex)LLVMAttributeFunctionIndex, "alignstack", CG_LINE);
    LLVMAddAttributeAtIndex(
        e->function, (LLVMAttributeIndex)LLVMAttributeFunctionIndex,
        LLVMCreateStringAttribute(e->context, realigned, sizeof realigned - 1, "", 0));
}

static void add_function(cg_emit *e, const char *symbol)
{
    LLVMTypeRef type = LLVMFunctionType(LLVMVoidTypeInContext(e->context), &e->pointer, 1, 0);

    e->function = LLVMAddFunction(e->module, symbol, type);
    LLVMSetAlignment(e->function, 64);
    add_attribute(e, (LLVMAttributeIndex)LLVMAttributeFunctionIndex, "nounwind", 0);
    add_attribute(e, 1, "noalias", 0);
    if (e->lanes * 4 > STACK_ALIGNMENT && !e->isa->scalable) align_stack(e);
    if (e->isa->mark) e->isa->mark(e);
    LLVMPositionBuilderAtEnd(e->build,
                             LLVMAppendBasicBlockInContext(e->context, e->function, ""));
}

static const char *name_of(const cg_emit *e)
{
    size_t length;
    return e->function ? LLVMGetValueName(e->function)
                       : LLVMGetModuleIdentifier(e->module, &length);
}

static qf_status verify(const cg_emit *e)
{
    char *why = NULL;
    qf_status status = QF_OK;
    if (LLVMVerifyModule(e->module, LLVMReturnStatusAction, &why))
        status = qf_fail(QF_CODEGEN, "%s: invalid IR: %.300s", name_of(e), why);
    LLVMDisposeMessage(why);
    return status;
}

static qf_status take_bytes(const void *bytes, size_t size, qf_code *code)
{
    code->bytes = qf_alloc(size + 1);
    code->size = size;
    if (!code->bytes) return QF_MEMORY;
    memcpy(code->bytes, bytes, size);
    return QF_OK;
}

static qf_status render(const cg_emit *e, LLVMTargetMachineRef machine, qf_code_form form,
                        qf_code *code)
{
    LLVMMemoryBufferRef buffer = NULL;
    char *why = NULL;

    if (form == QF_CODE_IR) {
        char *text = LLVMPrintModuleToString(e->module);
        const qf_status status = take_bytes(text, strlen(text), code);
        LLVMDisposeMessage(text);
        return status;
    }
    if (LLVMTargetMachineEmitToMemoryBuffer(
            machine, e->module, form == QF_CODE_ASM ? LLVMAssemblyFile : LLVMObjectFile, &why,
            &buffer)) {
        const qf_status status = qf_fail(QF_CODEGEN, "%s: %.300s", name_of(e), why);
        LLVMDisposeMessage(why);
        return status;
    }
    const qf_status status =
        take_bytes(LLVMGetBufferStart(buffer), LLVMGetBufferSize(buffer), code);
    LLVMDisposeMemoryBuffer(buffer);
    return status;
}

static void set_target(const cg_emit *e, LLVMTargetMachineRef machine)
{
    LLVMTargetDataRef layout = LLVMCreateTargetDataLayout(machine);
    LLVMSetTarget(e->module, e->isa->triple);
    LLVMSetModuleDataLayout(e->module, layout);
    LLVMDisposeTargetData(layout);
}

static qf_status build(cg_emit *e, const char *symbol, cg_body *body,
                       LLVMTargetMachineRef machine, qf_code_form form, qf_code *code)
{
    set_target(e, machine);
    set_types(e);
    if (symbol) add_function(e, symbol);
    body(e);
    if (symbol) LLVMBuildRetVoid(e->build);
    QF_TRY(verify(e));
    return render(e, machine, form, code);
}

qf_status cg_emit_function(qf_isa isa, const qf_kernel_id *id, const void *what,
                           const char *symbol, cg_body *body, qf_code_form form, qf_code *code)
{
    LLVMTargetMachineRef machine;

    *code = (qf_code){0};
    QF_TRY(make_target(isa, &machine));
    cg_emit e = {.id = id,
                 .what = what,
                 .isa = cg_isa_of(isa),
                 .lanes = qf_isa_panel(isa) / 2,
                 .panel = qf_isa_panel(isa),
                 .align = qf_isa_panel(isa) < 16 ? 2U * (unsigned)qf_isa_panel(isa) : 32,
                 .context = LLVMContextCreate()};
    e.module = LLVMModuleCreateWithNameInContext("qforge", e.context);
    e.build = LLVMCreateBuilderInContext(e.context);
    const qf_status status = build(&e, symbol, body, machine, form, code);
    LLVMDisposeBuilder(e.build);
    LLVMDisposeModule(e.module);
    LLVMContextDispose(e.context);
    LLVMDisposeTargetMachine(machine);
    return status;
}
