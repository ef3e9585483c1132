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

enum { FETCHING_BLOCKS = 8 };

/* Plain panels are read where they lie.  The first blocks of rows fetch an eighth each of those
 * `ahead` bytes on, which are next and would else be waited for at the beginning of every
 * piece. */
static void fetch_next(const cg_emit *e, const cg_args *args, const cg_rows *rows,
                       LLVMValueRef *panel, LLVMValueRef ahead)
{
    LLVMValueRef part = cg_mul(e, args->k, 4L * e->panel / FETCHING_BLOCKS);
    LLVMValueRef block = cg_div(e, rows->loop.index, e->id->tile.mr);
    LLVMValueRef first = cg_add(e, ahead, LLVMBuildMul(e->build, block, part, ""));
    cg_if early;
    cg_loop lines;

    cg_if_begin(e, &early, cg_less(e, block, cg_i64(e, FETCHING_BLOCKS)));
    cg_loop_begin(e, &lines, cg_i64(e, 0), part, CG_LINE, 0, NULL);
    for (int p = 0; p < cg_tile_panels(e); p++)
        cg_prefetch(e, cg_beyond(e, panel[p], cg_add(e, first, lines.index)), CG_LINE,
                    CG_TO_READ);
    cg_loop_end(e, &lines, NULL);
    cg_if_end(e, &early);
}

static void emit(const cg_emit *e)
{
    const cg_args args = cg_load_args(e);
    const bool plain = e->id->quant == QF_F32;
    LLVMValueRef ahead = cg_mul(e, args.w_stride, cg_tile_panels(e));
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
    if (plain) fetch_next(e, &args, &rows, panel, ahead);
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
