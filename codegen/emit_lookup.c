/* emit_lookup.c -- products of two bits where the instruction set has no product of four bytes:
 * sums of four activations are looked up instead of computed.
 *
 *     for each tile-wide piece of columns
 *         for each block of mr rows
 *             for each group of k, each panel of the tile
 *                 sum[m] = sum over fours of k of table[m][low bits] + 2 table[m][high bits]
 *                 acc[m][v] += (scale[v] * step[m]) * sum[m][v]
 *                            + (offset[v] + 1.5 scale[v]) * x_sum[m]
 *
 * The two bits of four codes lie in neighbouring bytes (order NIBBLES of pack.h), so one
 * shuffle looks both up in the table of those four activations, and the product of bytes that
 * elsewhere takes codes and activations adds the second twice to the first, in 16 bits: three
 * instructions for 64 weights in 256 bits, where a product and an addition make 32.  (T-MAC,
 * Wei et al. 2024, looks up one bit at a time and widens every result.) */
#include "dot.h"
#include "isa.h"
#include "qforge/pack.h"
#include "recipe.h"

enum { WORD_K = 8, TABLE = 16 }; /* k in a word of codes; bytes of a table */

/* 1 2 1 2 …: what the looked up bytes of low and high bits count. */
static LLVMValueRef weights_of_bits(const cg_emit *e)
{
    LLVMValueRef value[256];

    for (int i = 0; i < 4 * e->lanes; i++) value[i] = LLVMConstInt(e->i8, 1 + i % 2, 0);
    return LLVMConstVector(value, (unsigned)(4 * e->lanes));
}

/* Sixteen bytes in every 128 bits. */
static LLVMValueRef load_table(const cg_emit *e, LLVMValueRef at)
{
    int index[256];
    LLVMTypeRef type = LLVMVectorType(e->i8, TABLE);

    for (int i = 0; i < 4 * e->lanes; i++) index[i] = i % TABLE;
    return cg_shuffle(e, cg_load(e, type, at, 4), LLVMGetPoison(type), index, 4 * e->lanes);
}

/* The rows' sums in 16 bits, then the tables, then the codes: all tied after every word. */
typedef struct state {
    const cg_emit *e;
    LLVMValueRef value[CG_ROWS_MAX + 2];
} state;

/* sum[m] += what four of every row of the panel give, for all m. */
static void add_fours(state *s, int four, LLVMValueRef index)
{
    const cg_emit *e = s->e;
    const int mr = e->id->tile.mr;

    for (int m = 0; m < mr; m++) {
        LLVMValueRef at = cg_at_const(e, s->value[mr], (int64_t)TABLE * (four * mr + m));
        LLVMValueRef found = e->isa->lookup(e, load_table(e, at), index);
        s->value[m] = e->isa->dot->add(e, s->value[m], weights_of_bits(e), found);
    }
}

static void add_word(state *s, int i)
{
    const cg_emit *e = s->e;
    const int mr = e->id->tile.mr;
    LLVMValueRef nibble = cg_bytes(e, 15);
    LLVMValueRef at = cg_at_const(e, s->value[mr + 1], (int64_t)i * 4 * e->lanes);
    LLVMValueRef word = cg_load(e, e->vi8, at, e->align);
    if (i % 2 == 0) cg_fetch_ahead(e, at, 8L * e->lanes);
    LLVMValueRef high = LLVMBuildLShr(e->build, word, cg_bytes(e, 4), "");

    add_fours(s, 2 * i, LLVMBuildAnd(e->build, word, nibble, ""));
    add_fours(s, 2 * i + 1, LLVMBuildAnd(e->build, high, nibble, ""));
    cg_tie(e, s->value, mr + 2);
}

/* Half v of a row's sums as <lanes x float>. */
static LLVMValueRef widen(const cg_emit *e, LLVMValueRef sum, int v)
{
    int index[64];

    QF_ASSERT(e->lanes <= 64);
    for (int i = 0; i < e->lanes; i++) index[i] = v * e->lanes + i;
    LLVMValueRef half = cg_shuffle(e, sum, LLVMGetPoison(e->vi16), index, e->lanes);
    return LLVMBuildSIToFP(e->build, LLVMBuildSExt(e->build, half, e->vi32, ""), e->vf32, "");
}

static void accumulate(const cg_emit *e, LLVMValueRef x_record, LLVMValueRef record, int panel,
                       const LLVMValueRef *sum, LLVMValueRef *acc)
{
    const int mr = e->id->tile.mr, vectors = cg_tile_vectors(e);
    LLVMValueRef middle = cg_splat(e, LLVMConstReal(e->f32, 1.5));

    for (int v = 0; v < 2; v++) {
        LLVMValueRef scale = cg_params(e, record, 0, v);
        LLVMValueRef offset = cg_fma(e, scale, middle, cg_params(e, record, 1, v));
        for (int m = 0; m < mr; m++) {
            LLVMValueRef step = cg_load_splat(e, cg_at_const(e, x_record, 4L * m));
            LLVMValueRef x_sum = cg_load_splat(e, cg_at_const(e, x_record, 4L * (mr + m)));
            LLVMValueRef *out = &acc[m * vectors + 2 * panel + v];
            LLVMValueRef both = LLVMBuildFMul(e->build, scale, step, "");
            *out = cg_fma(e, widen(e, sum[m], v), both, cg_fma(e, offset, x_sum, *out));
        }
    }
}

static void emit_panel(const cg_emit *e, LLVMValueRef x_record, LLVMValueRef record, int panel,
                       LLVMValueRef *acc)
{
    const int mr = e->id->tile.mr;
    state s = {.e = e};

    for (int m = 0; m < mr; m++) s.value[m] = cg_zero(e->vi16);
    s.value[mr] = cg_at_const(e, x_record, 8L * mr);
    s.value[mr + 1] = cg_at_const(e, record, cg_header_bytes(e));
    for (int i = 0; i < e->id->group / WORD_K; i++) add_word(&s, i);
    accumulate(e, x_record, record, panel, s.value, acc);
}

static void emit_group(const cg_emit *e, LLVMValueRef x_record, LLVMValueRef *record,
                       LLVMValueRef *acc)
{
    for (int p = 0; p < cg_tile_panels(e); p++) emit_panel(e, x_record, record[p], p, acc);
}

static void emit_tile(const cg_emit *e, const cg_args *args, LLVMValueRef a,
                      LLVMValueRef *panel, LLVMValueRef *acc)
{
    cg_dot_groups(e, args, a, panel, acc, emit_group);
}

static void emit(const cg_emit *e)
{
    cg_tiles_of_whole_depth(e, emit_tile);
}

static qf_status check(const cg_emit *e)
{
    if (!e->isa->lookup) {
        cg_misfit(e, QF_MISFIT_FORMAT);
        return qf_fail(QF_UNSUPPORTED, "there are no kernels that look products up for '%s'",
                       qf_isa_of(e->id->isa)->name);
    }
    QF_TRY(cg_check_not_unrolled(e));
    /* Beside one panel's sums: a word and its halves, a table and what it gives, two constants,
     * and two of the next row's. */
    return cg_check_registers(e, e->id->tile.mr, 8);
}

const cg_recipe cg_recipe_LOOKUP = {check, emit};
