/* table.c -- the table of a bundle: which kernel answers which product, as constant data
 * that the linker fills with the kernels' addresses. */
#include <string.h>

#include "isa.h"
#include "pipeline.h"

enum { FIELDS = 4 }; /* of qf_aot_kernel */

typedef struct table {
    const char *symbol;
    const qf_table_row *rows;
    int count;
} table;

static LLVMValueRef text(const cg_emit *e, const char *string)
{
    LLVMValueRef bytes =
        LLVMConstStringInContext(e->context, string, (unsigned)strlen(string), 0);
    LLVMValueRef global = LLVMAddGlobal(e->module, LLVMTypeOf(bytes), "");
    LLVMSetInitializer(global, bytes);
    LLVMSetGlobalConstant(global, 1);
    LLVMSetLinkage(global, LLVMPrivateLinkage);
    LLVMSetUnnamedAddress(global, LLVMGlobalUnnamedAddr);
    return global;
}

/* The kernel in its own object; several rows may name one. */
static LLVMValueRef function(const cg_emit *e, const char *symbol)
{
    LLVMValueRef known = LLVMGetNamedFunction(e->module, symbol);
    if (known) return known;
    return LLVMAddFunction(
        e->module, symbol,
        LLVMFunctionType(LLVMVoidTypeInContext(e->context), (LLVMTypeRef *)&e->pointer, 1, 0));
}

static LLVMValueRef row(const cg_emit *e, const qf_table_row *r)
{
    char problem[QF_NAME_MAX], kernel[QF_NAME_MAX], symbol[QF_NAME_MAX];

    qf_problem_print(&r->problem, problem);
    qf_kernel_print(&r->kernel, kernel);
    qf_kernel_symbol(&r->kernel, symbol);
    LLVMValueRef fields[FIELDS] = {text(e, problem), text(e, kernel), function(e, symbol),
                                   LLVMConstInt(e->i64, QF_CODE_ABI, 0)};
    return LLVMConstStructInContext(e->context, fields, FIELDS, 0);
}

static void emit_table(const cg_emit *e)
{
    const table *t = e->what;
    LLVMTypeRef fields[FIELDS] = {e->pointer, e->pointer, e->pointer, e->i64};
    LLVMTypeRef type = LLVMStructTypeInContext(e->context, fields, FIELDS, 0);
    LLVMTypeRef whole = LLVMArrayType(type, (unsigned)t->count + 1);
    LLVMValueRef global = LLVMAddGlobal(e->module, whole, t->symbol);
    LLVMValueRef rows[QF_TABLE_MAX + 1];

    for (int i = 0; i < t->count; i++) rows[i] = row(e, &t->rows[i]);
    rows[t->count] = LLVMConstNull(type);
    LLVMSetInitializer(global, LLVMConstArray(type, rows, (unsigned)t->count + 1));
    LLVMSetGlobalConstant(global, 1);
}

qf_status qf_codegen_table(qf_isa isa, const char *symbol, const qf_table_row *rows, int count,
                           qf_code_form form, qf_code *code)
{
    *code = (qf_code){0};
    if (!qf_codegen_emits(isa))
        return qf_fail(QF_UNSUPPORTED, "kernels for '%s' are not emitted",
                       qf_isa_of(isa)->name);
    QF_ASSERT(count >= 0 && count <= QF_TABLE_MAX);
    return cg_emit_function(isa, NULL, &(table){symbol, rows, count}, NULL, emit_table, form,
                            code);
}
