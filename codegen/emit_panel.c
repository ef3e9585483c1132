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

static void emit(const cg_emit *e)
{
    const cg_args args = cg_load_args(e);
    LLVMValueRef panel[CG_PANELS_MAX];
    cg_loop columns;
    cg_rows rows;

    cg_loop_begin(e, &columns, cg_i64(e, 0), args.n, e->id->tile.nr, 0, NULL);
    cg_panel_pointers(e, &args, columns.index, panel);
    if (e->id->quant != QF_F32) {
        for (int p = 0; p < cg_tile_panels(e); p++) {
            LLVMValueRef plain = cg_at(e, args.scratch, cg_mul(e, args.k, 4L * e->panel * p));
            cg_dequantise_panel(e, panel[p], args.k, plain);
            panel[p] = plain;
        }
    }
    cg_rows_begin(e, &args, columns.index, &rows);
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
