/* codegen.c -- from a kernel's name to bytes: the pipeline. */
#include "qforge/codegen.h"

#include <llvm-c/Analysis.h>
#include <llvm-c/Target.h>
#include <llvm-c/TargetMachine.h>
#include <llvm/Config/llvm-config.h>
#include <pthread.h>
#include <string.h>

#include "isa.h"
#include "qforge/memory.h"
#include "recipe.h"
#include "tile.h"

static const cg_isa *const isas[] = {
#define QF_ISA(id, name, arch, vector_bytes, features) &cg_isa_##id,
#include "qforge/isas.def"
#undef QF_ISA
};

static const cg_recipe *const recipes[] = {
#define QF_RECIPE(id, name, accuracy, op, activations, params, formats) &cg_recipe_##id,
#include "qforge/recipes.def"
#undef QF_RECIPE
};

const cg_isa cg_isa_C = {0}; /* the reference is compiled, not emitted */

const cg_isa *cg_isa_of(qf_isa isa)
{
    QF_ASSERT((unsigned)isa < QF_ISA_COUNT);
    return isas[isa];
}

const char *qf_codegen_version(void)
{
    return "LLVM " LLVM_VERSION_STRING;
}

/* ---- checks ---- */

qf_status cg_check_registers(const cg_emit *e, int accumulators, int others)
{
    if (accumulators + others <= e->isa->registers) return QF_OK;
    return qf_fail(QF_UNSUPPORTED, "tile %dx%d needs %d of %d vector registers", e->id->tile.mr,
                   e->id->tile.nr, accumulators + others, e->isa->registers);
}

static qf_status check_tile(const cg_emit *e)
{
    const qf_tile *tile = &e->id->tile;

    if (tile->mr < 1 || tile->mr > CG_ROWS_MAX)
        return qf_fail(QF_UNSUPPORTED, "mr %d is not between 1 and %d", tile->mr, CG_ROWS_MAX);
    if (tile->nr < e->panel || tile->nr % e->panel || tile->nr / e->panel > CG_PANELS_MAX)
        return qf_fail(QF_UNSUPPORTED, "nr %d is not 1 to %d panels of %d", tile->nr,
                       CG_PANELS_MAX, e->panel);
    if (tile->unroll != 1 && tile->unroll != 2 && tile->unroll != 4)
        return qf_fail(QF_UNSUPPORTED, "unroll %d is not 1, 2 or 4", tile->unroll);
    return QF_OK;
}

static qf_status check_spec(const qf_kernel_id *id)
{
    const qf_recipe_row *recipe = qf_recipe_of(id->recipe);

    if (!isas[id->isa]->triple)
        return qf_fail(QF_UNSUPPORTED, "kernels for '%s' are not emitted",
                       qf_isa_of(id->isa)->name);
    if (id->quant == QF_F32 ? recipe->formats != QF_FORMATS_ANY : !qf_group_valid(id->group))
        return qf_fail(QF_UNSUPPORTED, "recipe %s has no kernels for %s, group %d",
                       recipe->name, qf_quant_of(id->quant)->name, id->group);
    return QF_OK;
}

qf_status qf_codegen_check(const qf_kernel_id *id)
{
    QF_TRY(check_spec(id));
    const cg_emit e = {.id = id,
                       .isa = isas[id->isa],
                       .lanes = qf_isa_panel(id->isa) / 2,
                       .panel = qf_isa_panel(id->isa)};
    QF_TRY(check_tile(&e));
    return recipes[id->recipe]->check(&e);
}

/* ---- the pipeline ---- */

static void initialise_llvm(void)
{
    LLVMInitializeAllTargetInfos();
    LLVMInitializeAllTargets();
    LLVMInitializeAllTargetMCs();
    LLVMInitializeAllAsmPrinters();
    LLVMInitializeAllAsmParsers();
}

static qf_status make_target(const qf_kernel_id *id, LLVMTargetMachineRef *machine)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    const cg_isa *isa = isas[id->isa];
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
        LLVMCreateTargetMachine(target, isa->triple, isa->cpu, qf_isa_of(id->isa)->features,
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

static void add_attribute(const cg_emit *e, LLVMAttributeIndex index, const char *name)
{
    const unsigned kind = LLVMGetEnumAttributeKindForName(name, strlen(name));
    QF_ASSERT(kind);
    LLVMAddAttributeAtIndex(e->function, index, LLVMCreateEnumAttribute(e->context, kind, 0));
}

static void add_function(cg_emit *e)
{
    char name[QF_NAME_MAX];
    LLVMTypeRef type = LLVMFunctionType(LLVMVoidTypeInContext(e->context), &e->pointer, 1, 0);

    qf_kernel_symbol(e->id, name);
    e->function = LLVMAddFunction(e->module, name, type);
    LLVMSetAlignment(e->function, 64);
    add_attribute(e, (LLVMAttributeIndex)LLVMAttributeFunctionIndex, "nounwind");
    add_attribute(e, 1, "noalias");
    if (e->isa->mark) e->isa->mark(e);
    LLVMPositionBuilderAtEnd(e->build,
                             LLVMAppendBasicBlockInContext(e->context, e->function, ""));
}

static qf_status verify(const cg_emit *e)
{
    char *why = NULL;
    qf_status status = QF_OK;
    if (LLVMVerifyModule(e->module, LLVMReturnStatusAction, &why))
        status =
            qf_fail(QF_CODEGEN, "%s: invalid IR: %.300s", LLVMGetValueName(e->function), why);
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
        const qf_status status =
            qf_fail(QF_CODEGEN, "%s: %.300s", LLVMGetValueName(e->function), why);
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

static qf_status build(cg_emit *e, LLVMTargetMachineRef machine, qf_code_form form,
                       qf_code *code)
{
    set_target(e, machine);
    set_types(e);
    add_function(e);
    recipes[e->id->recipe]->emit(e);
    LLVMBuildRetVoid(e->build);
    QF_TRY(verify(e));
    return render(e, machine, form, code);
}

qf_status qf_codegen_emit(const qf_kernel_id *id, qf_code_form form, qf_code *code)
{
    LLVMTargetMachineRef machine;

    *code = (qf_code){0};
    QF_TRY(qf_codegen_check(id));
    QF_TRY(make_target(id, &machine));
    cg_emit e = {.id = id,
                 .isa = isas[id->isa],
                 .lanes = qf_isa_panel(id->isa) / 2,
                 .panel = qf_isa_panel(id->isa),
                 .context = LLVMContextCreate()};
    e.module = LLVMModuleCreateWithNameInContext("qforge", e.context);
    e.build = LLVMCreateBuilderInContext(e.context);
    const qf_status status = build(&e, machine, form, code);
    LLVMDisposeBuilder(e.build);
    LLVMDisposeModule(e.module);
    LLVMContextDispose(e.context);
    LLVMDisposeTargetMachine(machine);
    return status;
}

void qf_code_release(qf_code *code)
{
    qf_free(code->bytes);
    *code = (qf_code){0};
}

void qf_code_hash(const qf_code *code, char hash[17])
{
    static const char digits[] = "0123456789abcdef";
    uint64_t h = 0xCBF29CE484222325u; /* FNV-1a, then a finalizer for the high bits */
    for (size_t i = 0; i < code->size; i++) h = (h ^ code->bytes[i]) * 0x100000001B3u;
    h = (h ^ h >> 32) * 0x9E3779B97F4A7C15u;
    h ^= h >> 29;
    for (int i = 0; i < 16; i++) hash[i] = digits[h >> (60 - 4 * i) & 15];
    hash[16] = 0;
}
