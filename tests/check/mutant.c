/* mutant.c -- walks the IR a recipe has built and spoils one instruction of it. */
#include "mutant.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "codegen/loader.h"
#include "codegen/recipe.h"

typedef struct order {
    check_fault fault;
    int site; /* -1: only count */
    int *sites;
} order;

const char *check_fault_name(check_fault fault)
{
    static const char *const names[] = {
        "load one byte on", "load one byte back", "store one on",   "store one back",
        "lanes swapped",    "edge one over",      "edge one under", "saturating sum"};
    return names[fault];
}

/* ---- where a fault can be -------------------------------------------------------------- */

static bool is_vector(LLVMValueRef value)
{
    return LLVMGetTypeKind(LLVMTypeOf(value)) == LLVMVectorTypeKind;
}

static bool is_i32_vector(LLVMValueRef value)
{
    return is_vector(value) &&
           LLVMGetElementType(LLVMTypeOf(value)) ==
               LLVMInt32TypeInContext(LLVMGetTypeContext(LLVMTypeOf(value)));
}

/* Nothing is computed here, lines are fetched: one more or less of them changes no result. */
static bool only_fetches(LLVMBasicBlockRef block)
{
    static const char fetch[] = "llvm.prefetch";
    bool fetches = false;

    for (LLVMValueRef i = LLVMGetFirstInstruction(block); i; i = LLVMGetNextInstruction(i)) {
        const LLVMOpcode op = LLVMGetInstructionOpcode(i);
        size_t length;
        if (op == LLVMLoad || op == LLVMStore) return false;
        if (op != LLVMCall) continue;
        const char *name = LLVMGetValueName2(LLVMGetCalledValue(i), &length);
        if (strncmp(name, fetch, sizeof fetch - 1) != 0) return false;
        fetches = true;
    }
    return fetches;
}

/* The test at a loop's bottom: the branch behind it goes back. */
static bool closes_a_loop(LLVMValueRef compare)
{
    LLVMValueRef branch = LLVMGetBasicBlockTerminator(LLVMGetInstructionParent(compare));
    if (!branch || LLVMGetNumSuccessors(branch) != 2 || LLVMGetCondition(branch) != compare)
        return false;
    LLVMBasicBlockRef first = LLVMGetSuccessor(branch, 0);
    for (LLVMBasicBlockRef b = LLVMGetInstructionParent(compare); b;
         b = LLVMGetPreviousBasicBlock(b))
        if (b == first) return true;
    return false;
}

static int lane(LLVMValueRef shuffle, unsigned i)
{
    return LLVMGetMaskValue(shuffle, i);
}

static bool has_user(LLVMValueRef value, LLVMOpcode op)
{
    for (LLVMUseRef u = LLVMGetFirstUse(value); u; u = LLVMGetNextUse(u))
        if (LLVMGetInstructionOpcode(LLVMGetUser(u)) == op) return true;
    return false;
}

/* Read for being zero or not, which another byte of it tells as well. */
static bool is_flag(LLVMValueRef load)
{
    for (LLVMUseRef u = LLVMGetFirstUse(load); u; u = LLVMGetNextUse(u))
        if (LLVMGetInstructionOpcode(LLVMGetUser(u)) != LLVMICmp ||
            LLVMGetICmpPredicate(LLVMGetUser(u)) != LLVMIntNE)
            return false;
    return true;
}

static bool has_place(LLVMValueRef i, check_fault fault)
{
    const LLVMOpcode op = LLVMGetInstructionOpcode(i);
    switch (fault) {
    case CHECK_LOAD_BEHIND:
    case CHECK_LOAD_BEFORE:
        return op == LLVMLoad && !is_flag(i);
    case CHECK_STORE_BEHIND:
    case CHECK_STORE_BEFORE:
        return op == LLVMStore;
    case CHECK_LANES_SWAPPED:
        return op == LLVMShuffleVector && LLVMGetNumMaskElements(i) > 1 &&
               lane(i, 0) != lane(i, 1);
    case CHECK_EDGE_OVER:
    case CHECK_EDGE_UNDER:
        return op == LLVMICmp && !only_fetches(LLVMGetInstructionParent(i)) &&
               (is_vector(i) || closes_a_loop(i));
    case CHECK_SATURATION:
        /* The whole sum: parts of it may be too small to saturate. */
        return op == LLVMAdd && is_i32_vector(i) && !has_user(i, LLVMAdd);
    default:
        return false;
    }
}

/* ---- faults ---------------------------------------------------------------------------- */

static void move_pointer(const cg_emit *e, LLVMValueRef access, unsigned operand, int bytes)
{
    LLVMPositionBuilderBefore(e->build, access);
    LLVMSetOperand(access, operand, cg_at_const(e, LLVMGetOperand(access, operand), bytes));
    LLVMSetAlignment(access, 1);
}

static void swap_lanes(const cg_emit *e, LLVMValueRef shuffle)
{
    int index[256];
    const int count = (int)LLVMGetNumMaskElements(shuffle);
    for (int i = 0; i < count; i++) index[i] = lane(shuffle, (unsigned)(i < 2 ? 1 - i : i));
    LLVMPositionBuilderBefore(e->build, shuffle);
    LLVMReplaceAllUsesWith(shuffle, cg_shuffle(e, LLVMGetOperand(shuffle, 0),
                                               LLVMGetOperand(shuffle, 1), index, count));
}

/* Of the loop a test closes: the test is of its index, one step further. */
static int64_t step_of(LLVMValueRef compare)
{
    LLVMValueRef next = LLVMGetOperand(compare, 0);
    if (is_vector(next) || !LLVMIsAInstruction(next) ||
        LLVMGetInstructionOpcode(next) != LLVMAdd ||
        !LLVMIsAConstantInt(LLVMGetOperand(next, 1)))
        return 1;
    return LLVMConstIntGetSExtValue(LLVMGetOperand(next, 1));
}

/* index < limit becomes index <= limit, or index < limit - one step. */
static void move_edge(const cg_emit *e, LLVMValueRef compare, bool over)
{
    LLVMValueRef limit = LLVMGetOperand(compare, 1), each[64];
    LLVMTypeRef type = LLVMTypeOf(limit);
    LLVMTypeRef scalar = is_vector(limit) ? LLVMGetElementType(type) : type;
    LLVMValueRef move = LLVMConstInt(scalar, (uint64_t)(over ? 1 : -step_of(compare)), 1);

    if (is_vector(limit)) {
        const unsigned count = LLVMGetVectorSize(type);
        for (unsigned i = 0; i < count; i++) each[i] = move;
        move = LLVMConstVector(each, count);
    }
    LLVMPositionBuilderBefore(e->build, compare);
    LLVMSetOperand(compare, 1, LLVMBuildAdd(e->build, limit, move, ""));
}

static void saturate(const cg_emit *e, LLVMValueRef add)
{
    LLVMTypeRef type = LLVMTypeOf(add);

    LLVMPositionBuilderBefore(e->build, LLVMGetNextInstruction(add));
    LLVMValueRef most[2] = {add, cg_words(e, INT16_MAX)};
    LLVMValueRef low = cg_intrinsic(e, "llvm.smin", &type, 1, most, 2);
    LLVMValueRef least[2] = {low, cg_words(e, INT16_MIN)};
    LLVMValueRef both = cg_intrinsic(e, "llvm.smax", &type, 1, least, 2);
    LLVMReplaceAllUsesWith(add, both);
    LLVMSetOperand(low, 0, add);
}

static void spoil(const cg_emit *e, LLVMValueRef i, check_fault fault)
{
    switch (fault) {
    case CHECK_LOAD_BEHIND:
        move_pointer(e, i, 0, 1);
        break;
    case CHECK_LOAD_BEFORE:
        move_pointer(e, i, 0, -1);
        break;
    case CHECK_STORE_BEHIND:
        move_pointer(e, i, 1, 4);
        break;
    case CHECK_STORE_BEFORE:
        move_pointer(e, i, 1, -4);
        break;
    case CHECK_LANES_SWAPPED:
        swap_lanes(e, i);
        break;
    case CHECK_EDGE_OVER:
    case CHECK_EDGE_UNDER:
        move_edge(e, i, fault == CHECK_EDGE_OVER);
        break;
    default:
        saturate(e, i);
    }
}

static void spoilt_body(const cg_emit *e)
{
    const order *o = e->what;
    LLVMBasicBlockRef end;
    LLVMValueRef victim = NULL;
    int sites = 0;

    cg_recipe_of(e->id->recipe)->emit(e);
    end = LLVMGetInsertBlock(e->build);
    for (LLVMBasicBlockRef b = LLVMGetFirstBasicBlock(e->function); b;
         b = LLVMGetNextBasicBlock(b))
        for (LLVMValueRef i = LLVMGetFirstInstruction(b); i; i = LLVMGetNextInstruction(i))
            if (has_place(i, o->fault) && sites++ == o->site) victim = i;
    if (o->sites) *o->sites = sites;
    if (victim) spoil(e, victim, o->fault);
    LLVMPositionBuilderAtEnd(e->build, end);
}

/* ---- out ------------------------------------------------------------------------------- */

typedef struct substitute {
    const qf_kernel_id *id;
    cg_body *body;
    const void *what;
} substitute;

static qf_status emit(const char *cache, const void *what, qf_code *code)
{
    const substitute *s = what;
    char symbol[QF_NAME_MAX] = "";
    (void)cache;
    qf_kernel_symbol(s->id, symbol);
    return cg_emit_function(s->id->isa, s->id, s->what, symbol, s->body, QF_CODE_OBJECT, code);
}

void check_kernel_instead(qf_jit *jit, const qf_kernel_id *id, cg_body *body, const void *what,
                          char hash[17])
{
    const substitute s = {id, body, what};
    char symbol[QF_NAME_MAX] = "";
    uintptr_t address;

    qf_kernel_symbol(id, symbol);
    if (cg_jit_function(jit, symbol, emit, &s, &address, hash) != QF_OK)
        fail_msg("%s", qf_message());
}

int check_fault_sites(const qf_kernel_id *id, check_fault fault)
{
    int sites = 0;
    const order o = {fault, -1, &sites};
    qf_code code;
    if (emit(NULL, &(substitute){id, spoilt_body, &o}, &code) != QF_OK)
        fail_msg("%s", qf_message());
    qf_code_release(&code);
    return sites;
}

bool check_mutant_load(qf_jit *jit, const qf_kernel_id *id, check_fault fault, int site)
{
    const order o = {fault, site, NULL};
    char hash[17], innocent[17];
    qf_code code;

    if (qf_codegen_emit(id, QF_CODE_OBJECT, &code) != QF_OK) fail_msg("%s", qf_message());
    qf_code_hash(&code, innocent);
    qf_code_release(&code);
    check_kernel_instead(jit, id, spoilt_body, &o, hash);
    return strcmp(hash, innocent) != 0;
}
