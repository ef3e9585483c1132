/* dot.c -- integer sums stay in the dot accumulator as long as they provably fit. */
#include "dot.h"

#include "isa.h"
#include "qforge/pack.h"

static int plane_bits(const cg_emit *e)
{
    const int bits = qf_quant_of(e->id->quant)->bits;
    return bits <= e->isa->dot->max_bits ? bits : e->isa->dot->max_bits;
}

int cg_dot_rows(const cg_emit *e)
{
    return e->id->tile.mr * qf_recipe_of(e->id->recipe)->planes;
}

int64_t cg_x_record_bytes(const cg_emit *e)
{
    return 8L * e->id->tile.mr + (int64_t)cg_dot_rows(e) * e->id->group;
}

int cg_dot_planes(const cg_emit *e)
{
    return qf_quant_of(e->id->quant)->bits / plane_bits(e);
}

LLVMValueRef cg_dot_plane(const cg_emit *e, LLVMValueRef quad, int plane)
{
    const int bits = plane_bits(e);
    if (cg_dot_planes(e) == 1) return quad;
    if (plane > 0) quad = LLVMBuildLShr(e->build, quad, cg_bytes(e, plane * bits), "");
    return LLVMBuildAnd(e->build, quad, cg_bytes(e, (1 << bits) - 1), "");
}

int cg_scratch_quad_bytes(const cg_emit *e)
{
    return cg_dot_planes(e) * QF_QUAD_K * e->panel;
}

/* Blocks of 32 k whose sums fit the dot accumulator. */
static int blocks_per_sum(const cg_emit *e)
{
    const int group_blocks = e->id->group / QF_BLOCK_K;
    const int fit = e->isa->dot->max_adds(plane_bits(e)) / QF_BLOCK_QUADS;
    return fit < group_blocks ? fit : group_blocks;
}

/* ---- one run of blocks that needs no widening ---- */

/* What is tied together after every quad: the sums, then x, then the streams of codes.
 * All loads go through the tied pointers. */
typedef struct state {
    const cg_emit *e;
    const cg_quads *quads;
    int sums; /* rows * vectors */
    LLVMValueRef value[CG_CARRIED_MAX];
    cg_block block[2]; /* packed: the words of the block at hand */
} state;

static LLVMValueRef load_quad(state *s, int b, int j, int plane, int v)
{
    const cg_emit *e = s->e;
    LLVMValueRef stream = s->value[s->sums + 1 + v / 2];

    if (s->quads->unpacked) {
        const int64_t at = (int64_t)(b * QF_BLOCK_QUADS + j) * cg_scratch_quad_bytes(e) +
                           (2L * plane + v % 2) * QF_QUAD_K * e->lanes;
        return cg_load(e, e->vi8, cg_at_const(e, stream, at), e->align);
    }
    s->block[v].at = cg_at_const(e, stream, (2L * b + v) * cg_block_bytes(e));
    return cg_dot_plane(e, cg_quad(&s->block[v], j), plane);
}

static void add_quad(state *s, int b, int j, int plane)
{
    const cg_emit *e = s->e;
    const int rows = cg_dot_rows(e), vectors = 2 * s->quads->panels;
    LLVMValueRef quad[2 * CG_PANELS_MAX];

    for (int v = 0; v < vectors; v++) quad[v] = load_quad(s, b, j, plane, v);
    cg_splats splats = {
        .at = cg_at_const(e, s->value[s->sums], 4L * (b * QF_BLOCK_QUADS + j) * rows),
        .count = rows};
    for (int m = 0; m < rows; m++) {
        cg_splat_take_quad(e, &splats, m);
        for (int v = 0; v < vectors; v++) {
            LLVMValueRef *sum = &s->value[m * vectors + v];
            *sum = cg_splat_dot(e, &splats, quad[v], *sum);
        }
    }
    cg_tie(e, s->value, s->sums + 1 + s->quads->panels);
}

/* sum = dots over blocks [first, first + count) of one plane, widened. */
static void sum_blocks(const cg_emit *e, LLVMValueRef x, const cg_quads *quads, int first,
                       int count, int plane, LLVMValueRef *sum)
{
    state s = {.e = e, .quads = quads, .sums = cg_dot_rows(e) * 2 * quads->panels};

    for (int i = 0; i < s.sums; i++) s.value[i] = cg_zero(e->isa->dot->type(e));
    s.value[s.sums] = x;
    for (int p = 0; p < quads->panels; p++) s.value[s.sums + 1 + p] = quads->stream[p];
    for (int b = first; b < first + count; b++) {
        s.block[0] = s.block[1] = (cg_block){.e = e};
        for (int j = 0; j < QF_BLOCK_QUADS; j++) add_quad(&s, b, j, plane);
    }
    for (int i = 0; i < s.sums; i++) sum[i] = e->isa->dot->finish(e, s.value[i]);
}

/* total[row * vectors + v] = dots of the whole group as <lanes x i32>, for every row of every
 * plane of activations. */
static void sum_group(const cg_emit *e, LLVMValueRef x, const cg_quads *quads,
                      LLVMValueRef *total)
{
    const int step = blocks_per_sum(e), blocks = e->id->group / QF_BLOCK_K;
    const int sums = cg_dot_rows(e) * 2 * quads->panels;
    LLVMValueRef sum[CG_CARRIED_MAX];

    for (int i = 0; i < sums; i++) total[i] = NULL;
    for (int plane = 0; plane < cg_dot_planes(e); plane++) {
        for (int first = 0; first < blocks; first += step) {
            const int count = blocks - first < step ? blocks - first : step;
            sum_blocks(e, x, quads, first, count, plane, sum);
            for (int i = 0; i < sums; i++) {
                if (plane > 0)
                    sum[i] =
                        LLVMBuildShl(e->build, sum[i], cg_words(e, plane * plane_bits(e)), "");
                total[i] = total[i] ? LLVMBuildAdd(e->build, total[i], sum[i], "") : sum[i];
            }
        }
    }
}

/* The digits of a row, high first and `stride` values apart, as one float.  Two digits fit
 * 32 bits: 128 products of 255 and 127, times 256; a third does not. */
static LLVMValueRef join_planes(const cg_emit *e, const LLVMValueRef *digit, int stride)
{
    const int planes = qf_recipe_of(e->id->recipe)->planes;
    LLVMValueRef low = digit[planes > 2 ? stride : 0];

    if (planes > 1) {
        low = LLVMBuildShl(e->build, low, cg_words(e, 8), "");
        low = LLVMBuildAdd(e->build, low, digit[(planes - 1) * stride], "");
    }
    low = LLVMBuildSIToFP(e->build, low, e->vf32, "");
    if (planes < 3) return low;
    LLVMValueRef high = LLVMBuildSIToFP(e->build, digit[0], e->vf32, "");
    return cg_fma(e, high, cg_splat(e, LLVMConstReal(e->f32, 65536)), low);
}

void cg_dot_group(const cg_emit *e, LLVMValueRef x, const cg_quads *quads, LLVMValueRef *total)
{
    const int planes = qf_recipe_of(e->id->recipe)->planes, vectors = 2 * quads->panels;
    LLVMValueRef sum[CG_CARRIED_MAX];

    sum_group(e, x, quads, sum);
    for (int m = 0; m < e->id->tile.mr; m++)
        for (int v = 0; v < vectors; v++)
            total[m * vectors + v] = join_planes(e, &sum[m * planes * vectors + v], vectors);
}

void cg_dot_accumulate(const cg_emit *e, LLVMValueRef x_record, const LLVMValueRef *record,
                       int first, int count, LLVMValueRef *total, LLVMValueRef *acc)
{
    const int mr = e->id->tile.mr, vectors = cg_tile_vectors(e);

    for (int v = 0; v < count; v++) {
        LLVMValueRef scale = cg_params(e, record[v / 2], 0, v % 2);
        LLVMValueRef offset = cg_params(e, record[v / 2], 1, v % 2);
        for (int m = 0; m < mr; m++) {
            LLVMValueRef x_scale = cg_load_splat(e, cg_at_const(e, x_record, 4L * m));
            LLVMValueRef x_sum = cg_load_splat(e, cg_at_const(e, x_record, 4L * (mr + m)));
            LLVMValueRef *out = &acc[m * vectors + first + v];
            LLVMValueRef both = LLVMBuildFMul(e->build, scale, x_scale, "");
            *out = cg_fma(e, total[m * count + v], both, cg_fma(e, offset, x_sum, *out));
        }
    }
}
