/* emit_grad.c -- the grad-input product dx = dy W for quantised W.
 *
 * Depth is rows of W, the columns of the result are columns of W:
 *
 *     for each slice of columns (one block of 32 k, or a panel where that is wider)
 *         dequantise its columns of every row of the depth into scratch
 *         for each tile-wide piece of the slice, each block of mr rows
 *             C block (+)= outer product of dy and the rows
 *
 * In a quad lanes are rows of W, but in scratch a vector is consecutive columns of one row.
 * The quads of a row's vector are gathered by their 32-bit lanes, which costs a shuffle per
 * vector and no transposition of floats; where a store may spread its lanes it does that. */
#include "dequantise.h"
#include "isa.h"
#include "qforge/pack.h"
#include "recipe.h"
#include "tile.h"

enum { SLICE_BLOCKS_MAX = 4 }; /* a panel of vectors of 2048 bits */

static int slice_columns(const cg_emit *e)
{
    return e->panel > QF_BLOCK_K ? e->panel : QF_BLOCK_K;
}

/* One block of 32 columns of the rows of one panel. */
typedef struct block_at {
    LLVMValueRef record, codes;
} block_at;

/* Columns [u * lanes, …) of row `row` (of a vector's rows), from the block's quads. */
static LLVMValueRef row_codes(const cg_emit *e, LLVMValueRef *quad, int row, int u)
{
    const int quads = e->lanes / QF_QUAD_K;
    LLVMValueRef part[16] = {NULL};
    int index[64];

    for (int i = 0; i < quads; i++)
        part[i] = LLVMBuildBitCast(e->build, quad[u * quads + i], e->vi32, "");
    /* Pairwise: lane `row` of two quads, then concatenations. */
    index[0] = row, index[1] = e->lanes + row;
    if (quads == 1) part[0] = cg_shuffle(e, part[0], part[0], index, 1);
    for (int i = 0; i + 1 < quads; i += 2)
        part[i / 2] = cg_shuffle(e, part[i], part[i + 1], index, 2);
    for (int have = quads / 2, width = 2; have > 1; have /= 2, width *= 2) {
        for (int i = 0; i < 2 * width; i++) index[i] = i;
        for (int i = 0; i < have; i += 2)
            part[i / 2] = cg_shuffle(e, part[i], part[i + 1], index, 2 * width);
    }
    LLVMTypeRef bytes = LLVMVectorType(e->i8, (unsigned)e->lanes);
    LLVMValueRef codes = LLVMBuildBitCast(e->build, part[0], bytes, "");
    return LLVMBuildSIToFP(e->build, LLVMBuildZExt(e->build, codes, e->vi32, ""), e->vf32, "");
}

/* Where column vector u of a slice goes: out[column / panel][depth][panel]. */
static LLVMValueRef place(const cg_emit *e, LLVMValueRef out, LLVMValueRef part_bytes,
                          int column)
{
    LLVMValueRef part =
        cg_at(e, out, LLVMBuildMul(e->build, part_bytes, cg_i64(e, column / e->panel), ""));
    return cg_at_const(e, part, 4L * (column % e->panel));
}

/* One vector's rows of a block, a row after the other. */
static void emit_rows(const cg_emit *e, LLVMValueRef record, LLVMValueRef *quad, int v,
                      LLVMValueRef out, LLVMValueRef part_bytes, int first_column)
{
    for (int r = 0; r < e->lanes; r++) {
        const int row = v * e->lanes + r;
        LLVMValueRef scale = cg_param_splat(e, record, 0, row);
        LLVMValueRef offset = cg_param_splat(e, record, 1, row);
        for (int u = 0; u < QF_BLOCK_K / e->lanes; u++) {
            LLVMValueRef w = cg_fma(e, scale, row_codes(e, quad, r, u), offset);
            LLVMValueRef at = place(e, out, part_bytes, first_column + u * e->lanes);
            cg_store(e, w, cg_at_const(e, at, 4L * row * e->panel), e->align);
        }
    }
}

/* The same, a column after the other. */
static void emit_columns(const cg_emit *e, LLVMValueRef record, LLVMValueRef *quad, int v,
                         LLVMValueRef out, LLVMValueRef part_bytes, int first_column)
{
    LLVMValueRef scale = cg_params(e, record, 0, v), offset = cg_params(e, record, 1, v);

    for (int k = 0; k < QF_BLOCK_K; k++) {
        LLVMValueRef code = cg_quad_floats(e, quad[k / QF_QUAD_K], k % QF_QUAD_K);
        LLVMValueRef at = place(e, out, part_bytes, first_column + k);
        e->isa->spread(e, cg_fma(e, scale, code, offset),
                       cg_at_const(e, at, 4L * v * e->lanes * e->panel), 4 * e->panel);
    }
}

/* One block; `out` is at the panel's first row. */
static void emit_block(const cg_emit *e, const block_at *at, LLVMValueRef out,
                       LLVMValueRef part_bytes, int first_column)
{
    for (int v = 0; v < 2; v++) {
        cg_block block =
            cg_block_at(e, cg_at_const(e, at->codes, (int64_t)v * cg_block_bytes(e)));
        LLVMValueRef quad[QF_BLOCK_QUADS];
        for (int j = 0; j < QF_BLOCK_QUADS; j++) quad[j] = cg_quad(&block, j);
        (e->isa->spread ? emit_columns : emit_rows)(e, at->record, quad, v, out, part_bytes,
                                                    first_column);
    }
}

/* Offsets from the beginning of a panel to the block at a column of the slice.  Those wholly
 * beyond the last column repeat the slice's first, their results are never stored. */
static block_at offsets_of(const cg_emit *e, const cg_args *args, LLVMValueRef slice, int first)
{
    const int group = e->id->group;
    LLVMValueRef column = slice;

    if (first > 0) {
        LLVMValueRef there = cg_add(e, slice, cg_i64(e, first));
        column = LLVMBuildSelect(e->build, cg_less(e, there, args->n), there, slice, "");
    }
    LLVMValueRef g = cg_div(e, column, group);
    LLVMValueRef within = cg_div(e, cg_sub(e, column, cg_mul(e, g, group)), QF_BLOCK_K);
    return (block_at){cg_mul(e, g, cg_record_bytes(e)),
                      cg_mul(e, within, 2L * cg_block_bytes(e))};
}

/* The slice beginning at `column`, rows of every panel of the depth, into scratch. */
static void dequantise_slice(const cg_emit *e, const cg_args *args, LLVMValueRef column,
                             LLVMValueRef part_bytes)
{
    const int blocks = slice_columns(e) / QF_BLOCK_K;
    block_at offset[SLICE_BLOCKS_MAX], next[SLICE_BLOCKS_MAX];
    cg_loop panels;

    for (int b = 0; b < blocks; b++) {
        offset[b] = offsets_of(e, args, column, b * QF_BLOCK_K);
        next[b] =
            offsets_of(e, args, cg_add(e, column, cg_i64(e, slice_columns(e))), b * QF_BLOCK_K);
    }
    cg_loop_begin(e, &panels, cg_i64(e, 0), cg_div(e, args->k, e->panel), 1, 0, NULL);
    LLVMValueRef panel =
        cg_at(e, args->w, LLVMBuildMul(e->build, panels.index, args->w_stride, ""));
    LLVMValueRef out =
        cg_at(e, args->scratch, cg_mul(e, panels.index, 4L * e->panel * e->panel));
    for (int b = 0; b < blocks; b++) {
        LLVMValueRef record = cg_at(e, panel, offset[b].record);
        const block_at block = {
            record, cg_at(e, cg_at_const(e, record, cg_header_bytes(e)), offset[b].codes)};
        LLVMValueRef there = cg_beyond(e, panel, next[b].record);
        cg_prefetch(e, there, cg_header_bytes(e), CG_TO_READ);
        there = cg_beyond(e, there, cg_add(e, next[b].codes, cg_i64(e, cg_header_bytes(e))));
        cg_prefetch(e, there, 2L * cg_block_bytes(e), CG_TO_READ);
        emit_block(e, &block, out, part_bytes, b * QF_BLOCK_K);
    }
    cg_loop_end(e, &panels, NULL);
}

/* One tile-wide piece of a slice against all rows of dy. */
static void emit_piece(const cg_emit *e, const cg_args *args, LLVMValueRef column,
                       LLVMValueRef part_bytes, int first_part)
{
    LLVMValueRef part[CG_PANELS_MAX];
    cg_rows rows;

    for (int p = 0; p < cg_tile_panels(e); p++)
        part[p] = cg_at(e, args->scratch,
                        LLVMBuildMul(e->build, part_bytes, cg_i64(e, first_part + p), ""));
    cg_rows_begin(e, args, column, &rows);
    cg_outer_product(e, args, &rows, part, args->k);
    cg_rows_end(e, &rows);
}

static void emit(const cg_emit *e)
{
    const cg_args args = cg_load_args(e);
    /* bytes between the parts, one panel wide each, of a dequantised slice */
    LLVMValueRef part_bytes = cg_mul(e, args.k, 4L * e->panel);
    cg_loop slices;

    cg_loop_begin(e, &slices, cg_i64(e, 0), args.n, slice_columns(e), 0, NULL);
    dequantise_slice(e, &args, slices.index, part_bytes);
    for (int first = 0; first < slice_columns(e) / e->panel; first += cg_tile_panels(e)) {
        LLVMValueRef column = cg_add(e, slices.index, cg_i64(e, (int64_t)first * e->panel));
        cg_if inside;
        cg_if_begin(e, &inside, cg_less(e, column, args.n));
        emit_piece(e, &args, column, part_bytes, first);
        cg_if_end(e, &inside);
    }
    cg_loop_end(e, &slices, NULL);
}

static qf_status check(const cg_emit *e)
{
    if (slice_columns(e) % e->id->tile.nr) {
        cg_misfit(e, QF_MISFIT_COLUMNS);
        return qf_fail(QF_UNSUPPORTED, "nr %d does not divide a slice of %d columns",
                       e->id->tile.nr, slice_columns(e));
    }
    return cg_check_registers(e, e->id->tile.mr * cg_tile_vectors(e), cg_tile_vectors(e) + 1);
}

const cg_recipe cg_recipe_GRAD = {check, emit};
