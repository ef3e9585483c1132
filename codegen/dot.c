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

int cg_matrix_rows(const cg_emit *e)
{
    return e->isa->matrix ? cg_dot_rows(e) / 4 * 4 : 0;
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
    if (j == 0 && plane == 0) cg_fetch_ahead(e, s->block[v].at, cg_block_bytes(e));
    return cg_dot_plane(e, cg_quad(&s->block[v], j), plane);
}

/* Where quad j of the rows is. */
static LLVMValueRef rows_at(const state *s, int b, int j)
{
    const cg_emit *e = s->e;
    return cg_at_const(e, s->value[s->sums], 4L * (b * QF_BLOCK_QUADS + j) * cg_dot_rows(e));
}

/* So many of `count` products of a quad are begun before any is added, each in a register that
 * neither the sums nor the quads, what those come from and the row at hand are in: four, or two
 * where they do not come in fours; 1: there are too few to spare, of which more are wanted
 * where quads are unpacked between the products. */
static int products_at_once(const state *s, int count)
{
    const int vectors = 2 * s->quads->panels;
    const int words = s->quads->unpacked ? s->quads->panels - 1 : vectors + 1;
    const int spare = s->e->isa->registers - s->sums - vectors - words - 1;
    if (s->sums > s->e->isa->registers / 2 || spare < (s->quads->unpacked ? 2 : 6)) return 1;
    return spare > 4 && count % 4 == 0 ? 4 : 2;
}

/* sum[i] += product[i], all of them after the last product. */
static void add_all(const cg_emit *e, LLVMValueRef *product, int count, LLVMValueRef *sum)
{
    cg_tie(e, product, count);
    for (int i = 0; i < count; i++) sum[i] = LLVMBuildAdd(e->build, sum[i], product[i], "");
}

/* Where a product and its sum are two instructions, sums that any port could make take those
 * that multiply, the more so in turns, one of each: on a Zen 4 87 cycles for 128 of both, and
 * 78 where four products come before their four sums (docs/performance.md). */
static void add_rows_apart(state *s, LLVMValueRef at, int first, const LLVMValueRef *quad)
{
    const cg_emit *e = s->e;
    const int vectors = 2 * s->quads->panels, end = cg_dot_rows(e) * vectors;
    const int some = products_at_once(s, end - first * vectors);
    LLVMValueRef product[CG_CARRIED_MAX], x = NULL;
    int count = 0;

    for (int i = first * vectors; i < end; i++) {
        if (i % vectors == 0) x = cg_load_splat_quad(e, cg_at_const(e, at, 4L * (i / vectors)));
        product[count++] = e->isa->dot->product(e, quad[i % vectors], x);
        if (count < some && i + 1 < end) continue;
        add_all(e, product, count, &s->value[i + 1 - count]);
        count = 0;
    }
}

/* Products of one quad with the rows from `first` on. */
static void add_rows(state *s, LLVMValueRef at, int first, const LLVMValueRef *quad)
{
    const cg_emit *e = s->e;
    const int rows = cg_dot_rows(e), vectors = 2 * s->quads->panels;
    cg_splats splats = {.at = at, .count = rows};

    if (e->isa->dot->product && products_at_once(s, (rows - first) * vectors) > 1) {
        add_rows_apart(s, at, first, quad);
        return;
    }
    for (int m = first; m < rows; m++) {
        cg_splat_take_quad(e, &splats, m);
        for (int v = 0; v < vectors; v++) {
            LLVMValueRef *sum = &s->value[m * vectors + v];
            *sum = cg_splat_dot(e, &splats, quad[v], *sum);
        }
    }
}

static void tie(state *s)
{
    cg_tie(s->e, s->value, s->sums + 1 + s->quads->panels);
}

static void add_quad(state *s, int b, int j, int plane)
{
    LLVMValueRef quad[2 * CG_PANELS_MAX];

    for (int v = 0; v < 2 * s->quads->panels; v++) quad[v] = load_quad(s, b, j, plane, v);
    add_rows(s, rows_at(s, b, j), 0, quad);
    tie(s);
}

/* ---- two quads by matrices ---- */

/* Quads j and j + 1 of every vector: woven, and as they are for rows that are left. */
typedef struct two_quads {
    LLVMValueRef woven[2 * CG_PANELS_MAX][2], plain[2][2 * CG_PANELS_MAX];
} two_quads;

static void load_two(state *s, int b, int j, two_quads *q)
{
    const cg_emit *e = s->e;
    const bool rest = cg_matrix_rows(e) < cg_dot_rows(e), woven = s->quads->unpacked;
    LLVMValueRef two[2];

    for (int v = 0; v < 2 * s->quads->panels; v++) {
        LLVMValueRef a = load_quad(s, b, j, 0, v), c = load_quad(s, b, j + 1, 0, v);
        if (rest || !woven) e->isa->matrix->weave(e, a, c, two);
        q->woven[v][0] = woven ? a : two[0];
        q->woven[v][1] = woven ? c : two[1];
        q->plain[0][v] = woven && rest ? two[0] : a;
        q->plain[1][v] = woven && rest ? two[1] : c;
    }
}

/* Rows m to m + 3.  Sums of the even columns are kept where those of m and m + 1 will be, of
 * the odd ones at m + 2 and m + 3. */
static void add_four(state *s, int b, int j, int m, const two_quads *q)
{
    const cg_emit *e = s->e;
    const int vectors = 2 * s->quads->panels;
    LLVMValueRef x[2];

    e->isa->matrix->weave(e, e->isa->lanes->load(e, cg_at_const(e, rows_at(s, b, j), 4L * m)),
                          e->isa->lanes->load(e, cg_at_const(e, rows_at(s, b, j + 1), 4L * m)),
                          x);
    for (int i = 0; i < 4; i++)
        for (int v = 0; v < vectors; v++) {
            LLVMValueRef *sum = &s->value[(m + i) * vectors + v];
            *sum = e->isa->matrix->add(e, *sum, q->woven[v][i / 2], x[i % 2]);
        }
}

static void add_two_quads(state *s, int b, int j)
{
    two_quads q;

    load_two(s, b, j, &q);
    for (int m = 0; m < cg_matrix_rows(s->e); m += 4) add_four(s, b, j, m, &q);
    for (int i = 0; i < 2; i++)
        add_rows(s, rows_at(s, b, j + i), cg_matrix_rows(s->e), q.plain[i]);
    tie(s);
}

/* Sums of even and odd columns of two rows become those of each row: of columns 0 to 3,
 *     even = m0 m2 m0 m2 by 0 0 2 2,  odd = m0 m2 m0 m2 by 1 1 3 3. */
static void part_rows(state *s)
{
    const int vectors = 2 * s->quads->panels;
    LLVMValueRef row[2];

    for (int m = 0; m < cg_matrix_rows(s->e); m += m % 4 ? 3 : 1)
        for (int v = 0; v < vectors; v++) {
            LLVMValueRef *even = &s->value[m * vectors + v], *odd = even + 2 * vectors;
            s->e->isa->matrix->weave(s->e, *even, *odd, row);
            *even = row[0];
            *odd = row[1];
        }
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
        if (cg_matrix_rows(e))
            for (int j = 0; j < QF_BLOCK_QUADS; j += 2) add_two_quads(&s, b, j);
        else
            for (int j = 0; j < QF_BLOCK_QUADS; j++) add_quad(&s, b, j, plane);
    }
    part_rows(&s);
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

void cg_dot_groups(const cg_emit *e, const cg_args *args, LLVMValueRef a, LLVMValueRef *panel,
                   LLVMValueRef *acc, cg_sum_group *sum)
{
    const int count = e->id->tile.mr * cg_tile_vectors(e);
    LLVMValueRef record[CG_PANELS_MAX];
    cg_loop groups;

    cg_loop_begin(e, &groups, cg_i64(e, 0), cg_div(e, args->k, e->id->group), 1, count, acc);
    LLVMValueRef x = cg_at(e, a, cg_mul(e, groups.index, cg_x_record_bytes(e)));
    LLVMValueRef at = cg_mul(e, groups.index, cg_record_bytes(e));
    for (int p = 0; p < cg_tile_panels(e); p++) record[p] = cg_at(e, panel[p], at);
    sum(e, x, record, acc);
    cg_loop_end(e, &groups, acc);
}
