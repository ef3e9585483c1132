/* emit_rows.c -- exact products for few rows: nothing is kept, weights are dequantised
 * in registers and used at once.
 *
 *     for each tile-wide piece of columns
 *         for each block of mr rows
 *             for each group of k, each panel of the tile, each k
 *                 w = scale * code + offset          (two vectors: the panel's rows)
 *                 acc[m] += a[k][m] * w              (for every m)
 *
 * The panels of a tile are as many separate streams of weights: several in flight fill
 * the memory pipeline that a single one leaves half empty. */
#include "dequantise.h"
#include "isa.h"
#include "qforge/pack.h"
#include "recipe.h"
#include "tile.h"

/* One k of one panel for every row; w is the panel's two vectors. */
static void accumulate(const cg_emit *e, LLVMValueRef a, int64_t k, const LLVMValueRef w[2],
                       int panel, LLVMValueRef *acc)
{
    const int mr = e->id->tile.mr, vectors = cg_tile_vectors(e);

    cg_splats splats = {.at = cg_at_const(e, a, 4 * k * mr), .count = mr};
    for (int m = 0; m < mr; m++) {
        cg_splat_take(e, &splats, m);
        for (int v = 0; v < 2; v++) {
            LLVMValueRef *sum = &acc[m * vectors + 2 * panel + v];
            *sum = cg_splat_fma(e, &splats, w[v], *sum);
        }
    }
}

/* One block of 32 k of one panel. */
static void emit_block(const cg_emit *e, LLVMValueRef a, LLVMValueRef codes,
                       const LLVMValueRef scale[2], const LLVMValueRef offset[2], int panel,
                       LLVMValueRef *acc)
{
    cg_block block[2] = {{.e = e}, {.e = e}};
    LLVMValueRef stream[] = {a, codes};

    for (int j = 0; j < QF_BLOCK_QUADS; j++) {
        LLVMValueRef quad[2];
        for (int v = 0; v < 2; v++) {
            block[v].at = cg_at_const(e, stream[1], (int64_t)v * cg_block_bytes(e));
            if (j == 0) cg_fetch_ahead(e, block[v].at, cg_block_bytes(e));
            quad[v] = cg_quad(&block[v], j);
        }
        for (int t = 0; t < QF_QUAD_K; t++) {
            LLVMValueRef w[2];
            for (int v = 0; v < 2; v++)
                w[v] = cg_fma(e, scale[v], cg_quad_floats(e, quad[v], t), offset[v]);
            accumulate(e, stream[0], QF_QUAD_K * j + t, w, panel, acc);
            cg_tie(e, stream, 2);
            cg_tie(e, acc, e->id->tile.mr * cg_tile_vectors(e));
        }
    }
}

static void sum_quantised(const cg_emit *e, const cg_args *args, LLVMValueRef a,
                          LLVMValueRef *panel, LLVMValueRef *acc)
{
    const int group = e->id->group, mr = e->id->tile.mr;
    const int count = mr * cg_tile_vectors(e);
    cg_loop groups, blocks;

    cg_loop_begin(e, &groups, cg_i64(e, 0), cg_div(e, args->k, group), 1, count, acc);
    LLVMValueRef at = cg_mul(e, groups.index, cg_record_bytes(e));
    LLVMValueRef x = cg_at(e, a, cg_mul(e, groups.index, 4L * mr * group));
    for (int p = 0; p < cg_tile_panels(e); p++) {
        LLVMValueRef record = cg_at(e, panel[p], at), scale[2], offset[2];
        for (int v = 0; v < 2; v++) {
            scale[v] = cg_params(e, record, 0, v);
            offset[v] = cg_params(e, record, 1, v);
        }
        cg_loop_begin(e, &blocks, cg_i64(e, 0), cg_i64(e, group / QF_BLOCK_K), 1, count, acc);
        emit_block(e, cg_at(e, x, cg_mul(e, blocks.index, 4L * mr * QF_BLOCK_K)),
                   cg_at(e, cg_at_const(e, record, cg_header_bytes(e)),
                         cg_mul(e, blocks.index, 2L * cg_block_bytes(e))),
                   scale, offset, p, acc);
        cg_loop_end(e, &blocks, acc);
    }
    cg_loop_end(e, &groups, acc);
}

static void plain_loop(const cg_emit *e, LLVMValueRef a, LLVMValueRef *panel,
                       LLVMValueRef begin, LLVMValueRef end, int unroll, LLVMValueRef *acc)
{
    cg_loop loop;

    cg_loop_begin(e, &loop, begin, end, unroll, e->id->tile.mr * cg_tile_vectors(e), acc);
    LLVMValueRef x = cg_at(e, a, cg_mul(e, loop.index, 4L * e->id->tile.mr));
    LLVMValueRef row = cg_mul(e, loop.index, 4L * e->panel);
    for (int step = 0; step < unroll; step++) {
        for (int p = 0; p < cg_tile_panels(e); p++) {
            LLVMValueRef w[2];
            for (int v = 0; v < 2; v++)
                w[v] = cg_load(e, e->vf32,
                               cg_at_const(e, cg_at(e, panel[p], row),
                                           4L * (step * e->panel + v * e->lanes)),
                               e->align);
            accumulate(e, x, step, w, p, acc);
        }
    }
    cg_loop_end(e, &loop, acc);
}

static void sum_plain(const cg_emit *e, const cg_args *args, LLVMValueRef a,
                      LLVMValueRef *panel, LLVMValueRef *acc)
{
    const int unroll = e->id->tile.unroll;
    LLVMValueRef whole = cg_mul(e, cg_div(e, args->k, unroll), unroll);

    plain_loop(e, a, panel, cg_i64(e, 0), whole, unroll, acc);
    if (unroll > 1) plain_loop(e, a, panel, whole, args->k, 1, acc);
}

static void emit_tile(const cg_emit *e, const cg_args *args, LLVMValueRef a,
                      LLVMValueRef *panel, LLVMValueRef *acc)
{
    (e->id->quant == QF_F32 ? sum_plain : sum_quantised)(e, args, a, panel, acc);
}

static void emit(const cg_emit *e)
{
    cg_tiles_of_whole_depth(e, emit_tile);
}

static qf_status check(const cg_emit *e)
{
    if (e->id->quant != QF_F32) QF_TRY(cg_check_not_unrolled(e));
    /* Beside the accumulators: two vectors of weights in the making, their two words, a
     * mask, a broadcast and one to spare; scales and offsets may come from memory. */
    return cg_check_registers(e, e->id->tile.mr * cg_tile_vectors(e), 7);
}

const cg_recipe cg_recipe_ROWS = {check, emit};
