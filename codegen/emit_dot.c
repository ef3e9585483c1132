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
 * are separate streams of weights (see emit_rows.c). */
#include "isa.h"
#include "qforge/pack.h"
#include "recipe.h"
#include "tile.h"
#include "unpack.h"

/* Codes wider than the dot instruction can take are split into planes of this many bits. */
static int plane_bits(const cg_emit *e)
{
    const int bits = qf_quant_of(e->id->quant)->bits;
    return bits <= e->isa->dot->max_bits ? bits : e->isa->dot->max_bits;
}

static int planes(const cg_emit *e)
{
    return qf_quant_of(e->id->quant)->bits / plane_bits(e);
}

/* Blocks of 32 k whose sums fit the dot accumulator. */
static int blocks_per_sum(const cg_emit *e)
{
    const int group_blocks = e->id->group / QF_BLOCK_K;
    const int fit = e->isa->dot->max_adds(plane_bits(e)) / QF_BLOCK_QUADS;
    return fit < group_blocks ? fit : group_blocks;
}

static LLVMValueRef plane_of(const cg_emit *e, LLVMValueRef quad, int plane)
{
    const int bits = plane_bits(e);
    if (planes(e) == 1) return quad;
    if (plane > 0) quad = LLVMBuildLShr(e->build, quad, cg_bytes(e, plane * bits), "");
    return LLVMBuildAnd(e->build, quad, cg_bytes(e, (1 << bits) - 1), "");
}

/* dot[m * 2 + v] over blocks [first, first + count) of one plane of one panel's record. */
static void sum_blocks(const cg_emit *e, LLVMValueRef x, LLVMValueRef codes, int first,
                       int count, int plane, LLVMValueRef *sum)
{
    const int mr = e->id->tile.mr;
    const cg_dot *dot = e->isa->dot;

    /* tied together after every quad: the sums and the two streams they come from */
    LLVMValueRef state[2 * CG_ROWS_MAX + 2];
    LLVMValueRef *const x_at = &state[2 * mr], *const codes_at = &state[2 * mr + 1];
    for (int i = 0; i < 2 * mr; i++) state[i] = cg_zero(dot->type(e));
    *x_at = x, *codes_at = codes;
    for (int b = first; b < first + count; b++) {
        cg_block block[2] = {{.e = e}, {.e = e}};
        for (int j = 0; j < QF_BLOCK_QUADS; j++) {
            LLVMValueRef quad[2];
            for (int v = 0; v < 2; v++) {
                block[v].at = cg_at_const(e, *codes_at, (2L * b + v) * cg_block_bytes(e));
                quad[v] = plane_of(e, cg_quad(&block[v], j), plane);
            }
            for (int m = 0; m < mr; m++) {
                const int64_t at = 4L * ((b * QF_BLOCK_QUADS + j) * mr + m);
                LLVMValueRef four = cg_load_splat_quad(e, cg_at_const(e, *x_at, at));
                for (int v = 0; v < 2; v++)
                    state[2 * m + v] = dot->add(e, state[2 * m + v], quad[v], four);
            }
            cg_tie(e, state, 2 * mr + 2);
        }
    }
    for (int i = 0; i < 2 * mr; i++) sum[i] = dot->finish(e, state[i]);
}

/* Exact integer dots of one record: total[m * 2 + v], <lanes x i32>. */
static void dot_record(const cg_emit *e, LLVMValueRef x, LLVMValueRef codes,
                       LLVMValueRef *total)
{
    const int mr = e->id->tile.mr, step = blocks_per_sum(e);
    const int blocks = e->id->group / QF_BLOCK_K;
    LLVMValueRef sum[2 * CG_ROWS_MAX];

    for (int i = 0; i < 2 * mr; i++) total[i] = NULL;
    for (int plane = 0; plane < planes(e); plane++) {
        for (int first = 0; first < blocks; first += step) {
            const int count = blocks - first < step ? blocks - first : step;
            sum_blocks(e, x, codes, first, count, plane, sum);
            for (int i = 0; i < 2 * mr; i++) {
                if (plane > 0)
                    sum[i] =
                        LLVMBuildShl(e->build, sum[i], cg_words(e, plane * plane_bits(e)), "");
                total[i] = total[i] ? LLVMBuildAdd(e->build, total[i], sum[i], "") : sum[i];
            }
        }
    }
}

/* One group of one panel: integers to floats, scales and offsets. */
static void emit_record(const cg_emit *e, LLVMValueRef x_record, LLVMValueRef record, int panel,
                        LLVMValueRef *acc)
{
    const int mr = e->id->tile.mr, vectors = cg_tile_vectors(e);
    LLVMValueRef total[2 * CG_ROWS_MAX], scale[2], offset[2];

    dot_record(e, cg_at_const(e, x_record, 8L * mr), cg_at_const(e, record, cg_header_bytes(e)),
               total);
    for (int v = 0; v < 2; v++) {
        scale[v] = cg_params(e, record, 0, v);
        offset[v] = cg_params(e, record, 1, v);
    }
    for (int m = 0; m < mr; m++) {
        LLVMValueRef x_scale = cg_load_splat(e, cg_at_const(e, x_record, 4L * m));
        LLVMValueRef x_sum = cg_load_splat(e, cg_at_const(e, x_record, 4L * (mr + m)));
        for (int v = 0; v < 2; v++) {
            LLVMValueRef *out = &acc[m * vectors + 2 * panel + v];
            LLVMValueRef both = LLVMBuildFMul(e->build, scale[v], x_scale, "");
            LLVMValueRef dot = LLVMBuildSIToFP(e->build, total[2 * m + v], e->vf32, "");
            *out = cg_fma(e, dot, both, cg_fma(e, offset[v], x_sum, *out));
        }
    }
}

static void emit(const cg_emit *e)
{
    const cg_args args = cg_load_args(e);
    const int mr = e->id->tile.mr, group = e->id->group;
    const int count = mr * cg_tile_vectors(e);
    LLVMValueRef panel[CG_PANELS_MAX], acc[CG_ACC_MAX];
    cg_loop columns, rows, groups;

    cg_loop_begin(e, &columns, cg_i64(e, 0), args.n, e->id->tile.nr, 0, NULL);
    cg_panel_pointers(e, &args, columns.index, panel);
    cg_loop_begin(e, &rows, cg_i64(e, 0), args.m, mr, 0, NULL);
    LLVMValueRef block = cg_div(e, rows.index, mr);
    LLVMValueRef a = cg_at(e, args.a, LLVMBuildMul(e->build, block, args.a_stride, ""));
    for (int i = 0; i < count; i++) acc[i] = cg_zero(e->vf32);

    cg_loop_begin(e, &groups, cg_i64(e, 0), cg_div(e, args.k, group), 1, count, acc);
    LLVMValueRef x = cg_at(e, a, cg_mul(e, groups.index, (int64_t)mr * (8 + group)));
    LLVMValueRef at = cg_mul(e, groups.index, cg_record_bytes(e));
    for (int p = 0; p < cg_tile_panels(e); p++)
        emit_record(e, x, cg_at(e, panel[p], at), p, acc);
    cg_loop_end(e, &groups, acc);

    LLVMValueRef c = cg_at(e, cg_at(e, args.c, cg_mul(e, columns.index, 4)),
                           LLVMBuildMul(e->build, rows.index, args.row_bytes, ""));
    cg_store_tile(e, &args, c, cg_sub(e, args.m, rows.index), cg_sub(e, args.n, columns.index),
                  acc);
    cg_loop_end(e, &rows, NULL);
    cg_loop_end(e, &columns, NULL);
}

static qf_status check(const cg_emit *e)
{
    /* The integer sums of one panel must stay in registers; the float accumulators are
     * touched once a group and may wait in memory. */
    return cg_check_registers(e, 2 * e->id->tile.mr, 3);
}

const cg_recipe cg_recipe_DOT = {check, emit};
