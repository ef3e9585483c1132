/* emit_dot.c -- fast products for few rows: int8 activations, codes as they are stored.
 *
 *     for each tile-wide piece of columns
 *         for each block of mr rows
 *             for each group of k, each panel of the tile
 *                 dot[m][v]  = sum over quads of code * x          (integers, exact)
 *                 acc[m][v] += (scale[v] * x_scale[m]) * dot[m][v]
 *                            + offset[v] * x_sum[m]
 *
 * Codes stay unsigned and the offset is folded in through the sum of the quantised
 * activations, so no instruction is spent on signs or zero points.  The panels of a tile
 * are separate streams of weights (see emit_rows.c).  With several planes of activations
 * the integer part has that many rows for each of the block's. */
#include "dot.h"
#include "isa.h"
#include "recipe.h"

static void emit_group(const cg_emit *e, LLVMValueRef x_record, LLVMValueRef *record,
                       LLVMValueRef *acc)
{
    const int mr = e->id->tile.mr;
    LLVMValueRef total[2 * CG_ROWS_MAX];

    for (int p = 0; p < cg_tile_panels(e); p++) {
        const cg_quads quads = {.panels = 1,
                                .stream = {cg_at_const(e, record[p], cg_header_bytes(e))}};
        cg_dot_group(e, cg_at_const(e, x_record, 8L * mr), &quads, total);
        cg_dot_accumulate(e, x_record, &record[p], 2 * p, 2, total, acc);
    }
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

/* The more registers there are, the more is begun at once; products of several instructions
 * more than others.  Two bits and groups of 128 have no run that ends within the group, and
 * several panels leave off in the midst of one. */
static int in_flight(const cg_emit *e)
{
    const bool endless = e->id->quant == QF_Q2 && e->id->group == 128;
    if (e->isa->registers <= 16) return endless && cg_tile_panels(e) > 1 ? 7 : 5;
    return qf_isa_of(e->id->isa)->bytes == QF_BYTES_TABLES ? 9 : 5;
}

static qf_status check(const cg_emit *e)
{
    QF_TRY(cg_check_not_unrolled(e));
    /* The integer sums of one panel must stay in registers; the float accumulators are
     * touched once a group and may wait in memory.  Joining planes takes constants, and three
     * bits come from words that are wanted again. */
    const int planes = qf_recipe_of(e->id->recipe)->planes;
    const int bits = qf_quant_of(e->id->quant)->bits;
    const int others = in_flight(e) + 2 * (planes > 1) + 2 * (bits == 3);
    /* 13 rows of two bits, of 32 registers, were two too many (test_hot_loops). */
    const int least = e->isa->registers > 16 ? 7 : 0;
    return cg_check_registers(e, 2 * cg_dot_rows(e), others > least ? others : least);
}

const cg_recipe cg_recipe_DOT = {check, emit};
const cg_recipe cg_recipe_DOT2 = {check, emit};
const cg_recipe cg_recipe_DOT3 = {check, emit};
