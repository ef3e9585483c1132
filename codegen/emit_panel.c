/* emit_panel.c -- exact products for many rows.
 *
 *     for each tile-wide piece of columns
 *         dequantise its panels, depth k, into scratch             (stays in L1)
 *         for each block of mr rows
 *             C block (+)= outer product of a and the panels
 *
 * Dequantising costs about four instructions per eight weights, once for all rows. */
#include "dequantise.h"
#include "isa.h"
#include "recipe.h"
#include "tile.h"

enum { FEW_BLOCKS = 8 };

/* What a block of rows fetches of the panel that comes next: its share.  Of few blocks none
 * takes more than an eighth, for what comes at once is not hidden by the work of one. */
static LLVMValueRef share_of_block(const cg_emit *e, const cg_args *args)
{
    const int mr = e->id->tile.mr;
    LLVMValueRef blocks = cg_div(e, cg_add(e, args->m, cg_i64(e, mr - 1)), mr);
    LLVMValueRef few = cg_less(e, blocks, cg_i64(e, FEW_BLOCKS));

    blocks = LLVMBuildSelect(e->build, few, cg_i64(e, FEW_BLOCKS), blocks, "");
    return LLVMBuildUDiv(e->build, cg_mul(e, args->k, 4L * e->panel), blocks, "");
}

/* Plain panels are read where they lie.  Those `ahead` bytes on are next and would else be
 * waited for at the beginning of every piece; all fetched in the first blocks they would be
 * waited for there. */
static void fetch_next(const cg_emit *e, const cg_rows *rows, LLVMValueRef *panel,
                       LLVMValueRef ahead, LLVMValueRef share)
{
    LLVMValueRef block = cg_div(e, rows->loop.index, e->id->tile.mr);
    LLVMValueRef first = cg_add(e, ahead, LLVMBuildMul(e->build, block, share, ""));
    cg_loop lines;

    cg_loop_begin(e, &lines, cg_i64(e, 0), share, CG_LINE, 0, NULL);
    for (int p = 0; p < cg_tile_panels(e); p++)
        cg_prefetch(e, cg_beyond(e, panel[p], cg_add(e, first, lines.index)), CG_LINE,
                    CG_TO_READ);
    cg_loop_end(e, &lines, NULL);
}

static void emit(const cg_emit *e)
{
    const cg_args args = cg_load_args(e);
    const bool plain = e->id->quant == QF_F32;
    LLVMValueRef ahead = cg_mul(e, args.w_stride, cg_tile_panels(e));
    LLVMValueRef share = plain ? share_of_block(e, &args) : NULL;
    LLVMValueRef panel[CG_PANELS_MAX];
    cg_loop columns;
    cg_rows rows;

    cg_loop_begin(e, &columns, cg_i64(e, 0), args.n, e->id->tile.nr, 0, NULL);
    cg_panel_pointers(e, &args, columns.index, panel);
    for (int p = 0; !plain && p < cg_tile_panels(e); p++) {
        LLVMValueRef out = cg_at(e, args.scratch, cg_mul(e, args.k, 4L * e->panel * p));
        cg_dequantise_panel(e, panel[p], ahead, args.k, out);
        panel[p] = out;
    }
    cg_rows_begin(e, &args, columns.index, &rows);
    if (plain) fetch_next(e, &rows, panel, ahead, share);
    cg_outer_product(e, &args, &rows, panel, args.k);
    cg_rows_end(e, &rows);
    cg_loop_end(e, &columns, NULL);
}

static qf_status check(const cg_emit *e)
{
    /* one broadcast beside the accumulators and a row of the panel */
    return cg_check_registers(e, e->id->tile.mr * cg_tile_vectors(e), cg_tile_vectors(e) + 1);
}

const cg_recipe cg_recipe_PANEL = {check, emit};
