/* roof.c -- kernels that do one thing as fast as the machine can.
 *
 *     fma   acc[i] += a * b                     on as many accumulators as registers hold
 *     dot   acc[q][x] += quad[q] . x[x]         by the ISA's own dot instruction
 *     read  acc[i] |= load                      stream after stream, a line each */
#include "qforge/roof.h"

#include <stdio.h>
#include <string.h>

#include "isa.h"
#include "loader.h"
#include "pipeline.h"

enum { UNROLL = 8, DOT_ROWS = 4, READ_SUMS = 8, ACCUMULATORS_MAX = 24 };

static const qf_roof_row rows[] = {
#define QF_ROOF(id, name, unit, summary) {name, unit, summary},
#include "qforge/roofs.def"
#undef QF_ROOF
};

const qf_roof_row *qf_roof_of(qf_roof_kind kind)
{
    QF_ASSERT((unsigned)kind < QF_ROOF_COUNT);
    return &rows[kind];
}

/* ---- shapes ---- */

static int vector_bytes(qf_isa isa)
{
    return qf_isa_panel(isa) / 2 * 4;
}

/* A latency of 4 at two a cycle needs 8; the operands take the other registers. */
static int fma_accumulators(qf_isa isa)
{
    const int fit = cg_isa_of(isa)->registers - 4;
    return fit < ACCUMULATORS_MAX ? fit : ACCUMULATORS_MAX;
}

/* Columns of the dot's block: accumulators, columns and rows fit the registers. */
static int dot_columns(qf_isa isa)
{
    return cg_isa_of(isa)->registers >= 32 ? 4 : 2;
}

static int line_bytes(qf_isa isa)
{
    return vector_bytes(isa) < CG_LINE ? CG_LINE : vector_bytes(isa);
}

/* One stream takes four lines a turn, two take two each. */
static int lines_per_turn(const qf_roof *roof)
{
    return roof->streams < 4 ? 4 / roof->streams : 1;
}

int64_t qf_roof_step(const qf_roof *roof)
{
    return (int64_t)lines_per_turn(roof) * line_bytes(roof->isa);
}

double qf_roof_work(const qf_roof *roof, const qf_roof_args *args)
{
    const double rounds = (double)args->rounds, bytes = vector_bytes(roof->isa);
    switch (roof->kind) {
    case QF_ROOF_FMA:
        return rounds * UNROLL * fma_accumulators(roof->isa) * (bytes / 4) * 2;
    case QF_ROOF_DOT:
    case QF_ROOF_DOT_WIDE:
        return rounds * UNROLL * dot_columns(roof->isa) * DOT_ROWS * bytes;
    default:
        return rounds * (double)args->bytes;
    }
}

/* ---- bodies ---- */

static LLVMValueRef field(const cg_emit *e, LLVMTypeRef type, size_t offset)
{
    return cg_argument(e, type, offset);
}

static LLVMValueRef data_of(const cg_emit *e)
{
    return field(e, e->pointer, offsetof(qf_roof_args, data));
}

static LLVMValueRef rounds_of(const cg_emit *e)
{
    return field(e, e->i64, offsetof(qf_roof_args, rounds));
}

static LLVMValueRef load_vector(const cg_emit *e, LLVMTypeRef type, LLVMValueRef at)
{
    const int bytes = 4 * e->lanes;
    return cg_load(e, type, at,
                   (unsigned)(bytes < QF_ROOF_ALIGNMENT ? bytes : QF_ROOF_ALIGNMENT));
}

static void store_all(const cg_emit *e, LLVMValueRef *value, int count)
{
    LLVMValueRef sink = field(e, e->pointer, offsetof(qf_roof_args, sink));
    for (int i = 0; i < count; i++)
        cg_store(e, value[i], cg_at_const(e, sink, 4L * e->lanes * i), 4);
}

static void emit_fma(const cg_emit *e)
{
    const qf_roof *roof = e->what;
    const int count = fma_accumulators(roof->isa);
    LLVMValueRef acc[ACCUMULATORS_MAX], data = data_of(e);
    LLVMValueRef a = load_vector(e, e->vf32, data);
    LLVMValueRef b = load_vector(e, e->vf32, cg_at_const(e, data, 4L * e->lanes));
    cg_loop loop;

    for (int i = 0; i < count; i++) acc[i] = cg_zero(e->vf32);
    cg_loop_begin(e, &loop, cg_i64(e, 0), rounds_of(e), 1, count, acc);
    for (int i = 0; i < UNROLL * count; i++) acc[i % count] = cg_fma(e, a, b, acc[i % count]);
    cg_loop_end(e, &loop, acc);
    store_all(e, acc, count);
}

/* One step of the dot block.  The operands are tied first: the compiler must believe
 * that they changed, or it would compute the products once. */
static void dot_step(const cg_emit *e, int columns, LLVMValueRef *operand, LLVMValueRef *acc)
{
    const qf_roof *roof = e->what;
    const cg_dot *dot = e->isa->dot;

    cg_tie(e, operand, columns + DOT_ROWS);
    for (int i = 0; i < columns * DOT_ROWS; i++) {
        LLVMValueRef quad = operand[i % columns], x = operand[columns + i / columns];
        if (roof->kind == QF_ROOF_DOT) {
            acc[i] = dot->add(e, acc[i], quad, x);
            continue;
        }
        LLVMValueRef sum = dot->finish(e, dot->add(e, cg_zero(dot->type(e)), quad, x));
        acc[i] = LLVMBuildAdd(e->build, acc[i], sum, "");
    }
}

/* Operands go round the loop too: the tied values then take the registers of the old. */
static void emit_dot_block(const cg_emit *e)
{
    const qf_roof *roof = e->what;
    const int columns = dot_columns(roof->isa), count = columns * DOT_ROWS;
    const int operands = columns + DOT_ROWS;
    LLVMTypeRef type = roof->kind == QF_ROOF_DOT ? e->isa->dot->type(e) : e->vi32;
    LLVMValueRef value[4 * DOT_ROWS + 4 + DOT_ROWS], *acc = value + operands;
    LLVMValueRef data = data_of(e);
    cg_loop loop;

    for (int i = 0; i < operands; i++)
        value[i] = load_vector(e, e->vi8, cg_at_const(e, data, 4L * e->lanes * i));
    for (int i = 0; i < count; i++) acc[i] = cg_zero(type);
    cg_loop_begin(e, &loop, cg_i64(e, 0), rounds_of(e), 1, operands + count, value);
    for (int step = 0; step < UNROLL; step++) dot_step(e, columns, value, acc);
    cg_loop_end(e, &loop, value);
    store_all(e, acc, count);
}

static void read_lines(const cg_emit *e, LLVMValueRef at, LLVMValueRef run, LLVMValueRef *acc)
{
    const qf_roof *roof = e->what;
    int next = 0;

    for (int line = 0; line < lines_per_turn(roof); line++) {
        LLVMValueRef stream = cg_at_const(e, at, (int64_t)line * line_bytes(roof->isa));
        for (int s = 0; s < roof->streams; s++) {
            for (int b = 0; b < line_bytes(roof->isa); b += 4 * e->lanes) {
                LLVMValueRef *sum = &acc[next++ % READ_SUMS];
                LLVMValueRef value = load_vector(e, e->vi32, cg_at_const(e, stream, b));
                *sum = LLVMBuildOr(e->build, *sum, value, "");
            }
            stream = cg_at(e, stream, run);
        }
    }
}

static void emit_read(const cg_emit *e)
{
    const qf_roof *roof = e->what;
    LLVMValueRef data = data_of(e), acc[READ_SUMS];
    LLVMValueRef bytes = field(e, e->i64, offsetof(qf_roof_args, bytes));
    LLVMValueRef run = field(e, e->i64, offsetof(qf_roof_args, run));
    LLVMValueRef piece = cg_mul(e, run, roof->streams);
    LLVMValueRef pieces = LLVMBuildUDiv(e->build, bytes, piece, "");
    cg_loop round, outer, inner;

    for (int i = 0; i < READ_SUMS; i++) acc[i] = cg_zero(e->vi32);
    cg_loop_begin(e, &round, cg_i64(e, 0), rounds_of(e), 1, READ_SUMS, acc);
    cg_loop_begin(e, &outer, cg_i64(e, 0), pieces, 1, READ_SUMS, acc);
    LLVMValueRef at = cg_at(e, data, LLVMBuildMul(e->build, outer.index, piece, ""));
    cg_loop_begin(e, &inner, cg_i64(e, 0), run, qf_roof_step(roof), READ_SUMS, acc);
    read_lines(e, cg_at(e, at, inner.index), run, acc);
    cg_loop_end(e, &inner, acc);
    cg_loop_end(e, &outer, acc);
    cg_loop_end(e, &round, acc);
    store_all(e, acc, READ_SUMS);
}

static cg_body *const bodies[] = {
    [QF_ROOF_FMA] = emit_fma,
    [QF_ROOF_DOT] = emit_dot_block,
    [QF_ROOF_DOT_WIDE] = emit_dot_block,
    [QF_ROOF_READ] = emit_read,
};

/* ---- the way in ---- */

/* "roof_fma_avx2", "roof_read4_avx2" */
static void print_symbol(const qf_roof *roof, char symbol[QF_NAME_MAX])
{
    char streams[12] = "";
    if (roof->kind == QF_ROOF_READ) snprintf(streams, sizeof streams, "%d", roof->streams);
    snprintf(symbol, QF_NAME_MAX, "roof_%s%s_%s", rows[roof->kind].name, streams,
             qf_isa_of(roof->isa)->name);
}

static qf_status check(const qf_roof *roof)
{
    const cg_isa *isa = cg_isa_of(roof->isa);

    QF_ASSERT((unsigned)roof->kind < QF_ROOF_COUNT);
    if (!isa->triple)
        return qf_fail(QF_UNSUPPORTED, "kernels for '%s' are not emitted",
                       qf_isa_of(roof->isa)->name);
    if (roof->kind == QF_ROOF_READ) {
        const int s = roof->streams;
        if (s != 1 && s != 2 && s != 4 && s != QF_ROOF_STREAMS_MAX)
            return qf_fail(QF_UNSUPPORTED, "%d streams: 1, 2, 4 or 8 are possible", s);
    } else if (roof->kind != QF_ROOF_FMA && !isa->dot) {
        return qf_fail(QF_UNSUPPORTED, "'%s' has no byte products", qf_isa_of(roof->isa)->name);
    }
    return QF_OK;
}

qf_status qf_roof_emit(const qf_roof *roof, qf_code_form form, qf_code *code)
{
    char symbol[QF_NAME_MAX];

    *code = (qf_code){0};
    QF_TRY(check(roof));
    print_symbol(roof, symbol);
    return cg_emit_function(roof->isa, NULL, roof, symbol, bodies[roof->kind], form, code);
}

static qf_status emit_object(const char *cache, const void *what, qf_code *code)
{
    (void)cache; /* milliseconds to make, seldom wanted */
    return qf_roof_emit(what, QF_CODE_OBJECT, code);
}

qf_status qf_roof_get(qf_jit *jit, const qf_roof *roof, qf_roof_fn **run)
{
    char symbol[QF_NAME_MAX] = "";
    uintptr_t address;

    QF_TRY(check(roof));
    print_symbol(roof, symbol);
    QF_TRY(cg_jit_function(jit, symbol, emit_object, roof, &address, NULL));
    memcpy(run, &address, sizeof *run);
    return QF_OK;
}
