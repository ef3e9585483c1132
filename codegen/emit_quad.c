/* emit_quad.c -- fast products for many rows.
 *
 *     for each tile-wide piece of columns
 *         unpack its codes, depth k, to bytes in scratch            (stays in L1)
 *         for each block of mr rows
 *             for each group of k
 *                 integer dots over all vectors of the tile, then scales and offsets
 *
 * Unpacking is paid once for all rows, and one broadcast of activations serves every
 * vector of the tile: that is what a wide, low tile (2x32) is for. */
#include "dot.h"
#include "isa.h"
#include "qforge/pack.h"
#include "recipe.h"

/* Bytes of scratch per panel for one group. */
static int64_t group_bytes(const cg_emit *e)
{
    return (int64_t)e->id->group / QF_QUAD_K * cg_scratch_quad_bytes(e);
}

/* The same where two quads are woven: a code is one plane then. */
static void unpack_woven(const cg_emit *e, LLVMValueRef codes, LLVMValueRef out)
{
    for (int v = 0; v < 2; v++) {
        cg_block block = {.e = e};
        for (int j = 0; j < QF_BLOCK_QUADS; j += 2) {
            LLVMValueRef woven[2];
            block.at = cg_at_const(e, codes, (int64_t)v * cg_block_bytes(e));
            LLVMValueRef quad = cg_quad(&block, j);
            e->isa->matrix->weave(e, quad, cg_quad(&block, j + 1), woven);
            for (int i = 0; i < 2; i++) {
                const int64_t at = (int64_t)(j + i) * cg_scratch_quad_bytes(e) +
                                   (int64_t)v * QF_QUAD_K * e->lanes;
                cg_store(e, woven[i], cg_at_const(e, out, at), e->align);
            }
            cg_tie(e, &codes, 1);
        }
    }
}

/* One block of 32 k of one panel: all planes of its quads to `out`. */
static void unpack_block(const cg_emit *e, LLVMValueRef codes, LLVMValueRef out)
{
    if (cg_matrix_rows(e)) {
        unpack_woven(e, codes, out);
        return;
    }
    for (int v = 0; v < 2; v++) {
        cg_block block = {.e = e};
        for (int j = 0; j < QF_BLOCK_QUADS; j++) {
            block.at = cg_at_const(e, codes, (int64_t)v * cg_block_bytes(e));
            LLVMValueRef quad = cg_quad(&block, j);
            for (int plane = 0; plane < cg_dot_planes(e); plane++) {
                const int64_t at = (int64_t)j * cg_scratch_quad_bytes(e) +
                                   (2L * plane + v) * QF_QUAD_K * e->lanes;
                cg_store(e, cg_dot_plane(e, quad, plane), cg_at_const(e, out, at), e->align);
            }
            cg_tie(e, &codes, 1);
        }
    }
}

/* The panel `ahead` bytes on, which is next, is fetched meanwhile. */
static void unpack_panel(const cg_emit *e, LLVMValueRef panel, LLVMValueRef ahead,
                         LLVMValueRef k, LLVMValueRef out)
{
    cg_loop groups, blocks;

    cg_loop_begin(e, &groups, cg_i64(e, 0), cg_div(e, k, e->id->group), 1, 0, NULL);
    LLVMValueRef record = cg_at(e, panel, cg_mul(e, groups.index, cg_record_bytes(e)));
    LLVMValueRef bytes = cg_at(e, out, cg_mul(e, groups.index, group_bytes(e)));
    cg_prefetch(e, cg_beyond(e, record, ahead), cg_record_bytes(e), CG_TO_READ);
    cg_loop_begin(e, &blocks, cg_i64(e, 0), cg_i64(e, e->id->group / QF_BLOCK_K), 1, 0, NULL);
    unpack_block(
        e,
        cg_at(e, cg_at_const(e, record, cg_header_bytes(e)),
              cg_mul(e, blocks.index, 2L * cg_block_bytes(e))),
        cg_at(e, bytes,
              cg_mul(e, blocks.index, (int64_t)QF_BLOCK_QUADS * cg_scratch_quad_bytes(e))));
    cg_loop_end(e, &blocks, NULL);
    cg_loop_end(e, &groups, NULL);
}

static void emit_tile(const cg_emit *e, const cg_args *args, LLVMValueRef a,
                      LLVMValueRef *panel, LLVMValueRef *bytes, LLVMValueRef *acc)
{
    const int mr = e->id->tile.mr, count = mr * cg_tile_vectors(e);
    LLVMValueRef record[CG_PANELS_MAX], total[CG_ACC_MAX];
    cg_quads quads = {.unpacked = true, .panels = cg_tile_panels(e)};
    cg_loop groups;

    for (int i = 0; i < count; i++) acc[i] = cg_zero(e->vf32);
    cg_loop_begin(e, &groups, cg_i64(e, 0), cg_div(e, args->k, e->id->group), 1, count, acc);
    LLVMValueRef x = cg_at(e, a, cg_mul(e, groups.index, cg_x_record_bytes(e)));
    LLVMValueRef at = cg_mul(e, groups.index, cg_record_bytes(e));
    LLVMValueRef byte_at = cg_mul(e, groups.index, group_bytes(e));
    for (int p = 0; p < quads.panels; p++) {
        record[p] = cg_at(e, panel[p], at);
        quads.stream[p] = cg_at(e, bytes[p], byte_at);
    }
    cg_dot_group(e, cg_at_const(e, x, 8L * mr), &quads, total);
    cg_dot_accumulate(e, x, record, 0, cg_tile_vectors(e), total, acc);
    cg_loop_end(e, &groups, acc);
}

static void emit(const cg_emit *e)
{
    const cg_args args = cg_load_args(e);
    LLVMValueRef panel[CG_PANELS_MAX], bytes[CG_PANELS_MAX], acc[CG_ACC_MAX];
    /* per panel, for the depth at hand */
    LLVMValueRef stride = cg_mul(e, cg_div(e, args.k, QF_QUAD_K), cg_scratch_quad_bytes(e));
    LLVMValueRef ahead = cg_mul(e, args.w_stride, cg_tile_panels(e));
    cg_loop columns;
    cg_rows rows;

    cg_loop_begin(e, &columns, cg_i64(e, 0), args.n, e->id->tile.nr, 0, NULL);
    cg_panel_pointers(e, &args, columns.index, panel);
    for (int p = 0; p < cg_tile_panels(e); p++) {
        bytes[p] = cg_at(e, args.scratch, LLVMBuildMul(e->build, stride, cg_i64(e, p), ""));
        unpack_panel(e, panel[p], ahead, args.k, bytes[p]);
    }
    cg_rows_begin(e, &args, columns.index, &rows);
    cg_fetch_block(e, &args, &rows);
    emit_tile(e, &args, rows.a, panel, bytes, acc);
    cg_add_tail(e, &args, &rows, acc);
    cg_store_tile(e, &args, rows.c, rows.left, rows.columns, acc);
    cg_rows_end(e, &rows);
    cg_loop_end(e, &columns, NULL);
}

/* One broadcast and one product; where that takes several instructions, more are begun at once
 * the more vectors and registers there are. */
static int in_flight(const cg_emit *e)
{
    if (qf_isa_of(e->id->isa)->bytes == QF_BYTES_DOTS) return 2;
    if (e->isa->registers <= 16) return 3;
    return cg_tile_vectors(e) > 2 ? 5 : 2;
}

static qf_status check(const cg_emit *e)
{
    QF_TRY(cg_check_not_unrolled(e));
    /* beside a row of quads; joining planes takes a constant, and four rows taken by lane one
     * more load in flight */
    const int others =
        in_flight(e) + (qf_recipe_of(e->id->recipe)->planes > 1) + (e->isa->lanes != NULL);
    return cg_check_registers(e, cg_dot_rows(e) * cg_tile_vectors(e),
                              cg_tile_vectors(e) + others);
}

const cg_recipe cg_recipe_QUAD = {check, emit};
const cg_recipe cg_recipe_QUAD2 = {check, emit};
const cg_recipe cg_recipe_QUAD3 = {check, emit};
