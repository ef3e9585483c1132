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

static void emit_rows(const cg_emit *e, const cg_args *args, LLVMValueRef *panel,
                      LLVMValueRef n)
{
    const int mr = e->id->tile.mr;
    LLVMValueRef columns = cg_sub(e, args->n, n);
    LLVMValueRef c = cg_at(e, args->c, cg_mul(e, n, 4));
    cg_loop rows;

    cg_loop_begin(e, &rows, cg_i64(e, 0), args->m, mr, 0, NULL);
    LLVMValueRef block = cg_div(e, rows.index, mr);
    LLVMValueRef a = cg_at(e, args->a, LLVMBuildMul(e->build, block, args->a_stride, ""));
    LLVMValueRef at = cg_at(e, c, LLVMBuildMul(e->build, rows.index, args->row_bytes, ""));
    cg_outer_product(e, args, a, panel, args->k, at, cg_sub(e, args->m, rows.index), columns);
    cg_loop_end(e, &rows, NULL);
}

static void emit(const cg_emit *e)
{
    const cg_args args = cg_load_args(e);
    LLVMValueRef panel[CG_PANELS_MAX];
    cg_loop columns;

    cg_loop_begin(e, &columns, cg_i64(e, 0), args.n, e->id->tile.nr, 0, NULL);
    cg_panel_pointers(e, &args, columns.index, panel);
    if (e->id->quant != QF_F32) {
        for (int p = 0; p < cg_tile_panels(e); p++) {
            LLVMValueRef plain = cg_at(e, args.scratch, cg_mul(e, args.k, 4L * e->panel * p));
            cg_dequantise_panel(e, panel[p], args.k, plain);
            panel[p] = plain;
        }
    }
    emit_rows(e, &args, panel, columns.index);
    cg_loop_end(e, &columns, NULL);
}

static qf_status check(const cg_emit *e)
{
    /* one broadcast beside the accumulators and a row of the panel */
    return cg_check_registers(e, e->id->tile.mr * cg_tile_vectors(e), cg_tile_vectors(e) + 1);
}

const cg_recipe cg_recipe_PANEL = {check, emit};
