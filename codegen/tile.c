/* tile.c -- the block of C in registers. */
#include "tile.h"

#include <stddef.h>

cg_args cg_load_args(const cg_emit *e)
{
    cg_args args = {
        .a = cg_argument(e, e->pointer, offsetof(qf_gemm_args, a)),
        .a_stride = cg_argument(e, e->i64, offsetof(qf_gemm_args, a_stride)),
        .w = cg_argument(e, e->pointer, offsetof(qf_gemm_args, w)),
        .w_stride = cg_argument(e, e->i64, offsetof(qf_gemm_args, w_stride)),
        .c = cg_argument(e, e->pointer, offsetof(qf_gemm_args, c)),
        .ldc = cg_argument(e, e->i64, offsetof(qf_gemm_args, ldc)),
        .scratch = cg_argument(e, e->pointer, offsetof(qf_gemm_args, scratch)),
        .m = cg_argument(e, e->i64, offsetof(qf_gemm_args, m)),
        .n = cg_argument(e, e->i64, offsetof(qf_gemm_args, n)),
        .k = cg_argument(e, e->i64, offsetof(qf_gemm_args, k)),
        .accumulate = cg_argument(e, e->i64, offsetof(qf_gemm_args, accumulate)),
        .tail_a = cg_argument(e, e->pointer, offsetof(qf_gemm_args, tail_a)),
        .tail_a_stride = cg_argument(e, e->i64, offsetof(qf_gemm_args, tail_a_stride)),
        .tail_w = cg_argument(e, e->pointer, offsetof(qf_gemm_args, tail_w)),
        .tail_w_stride = cg_argument(e, e->i64, offsetof(qf_gemm_args, tail_w_stride)),
        .tail_k = cg_argument(e, e->i64, offsetof(qf_gemm_args, tail_k)),
    };
    args.row_bytes = cg_mul(e, args.ldc, sizeof(float));
    return args;
}

int cg_tile_panels(const cg_emit *e)
{
    return e->id->tile.nr / e->panel;
}

int cg_tile_vectors(const cg_emit *e)
{
    return e->id->tile.nr / e->lanes;
}

/* One pointer per panel of the tile at column n, `stride` bytes apart. */
static void point(const cg_emit *e, LLVMValueRef w, LLVMValueRef stride, LLVMValueRef columns,
                  LLVMValueRef n, LLVMValueRef *panel)
{
    LLVMValueRef index = cg_div(e, n, e->panel);
    for (int p = 0; p < cg_tile_panels(e); p++) {
        LLVMValueRef column = cg_add(e, n, cg_i64(e, (int64_t)p * e->panel));
        LLVMValueRef at =
            cg_at(e, w, LLVMBuildMul(e->build, cg_add(e, index, cg_i64(e, p)), stride, ""));
        panel[p] =
            p == 0 ? at
                   : LLVMBuildSelect(e->build, cg_less(e, column, columns), at, panel[0], "");
    }
}

void cg_panel_pointers(const cg_emit *e, const cg_args *args, LLVMValueRef n,
                       LLVMValueRef *panel)
{
    point(e, args->w, args->w_stride, args->n, n, panel);
}

void cg_rows_begin(const cg_emit *e, const cg_args *args, LLVMValueRef n, cg_rows *rows)
{
    const int mr = e->id->tile.mr;

    cg_loop_begin(e, &rows->loop, cg_i64(e, 0), args->m, mr, 0, NULL);
    LLVMValueRef row = rows->loop.index, block = cg_div(e, row, mr);
    rows->a = cg_at(e, args->a, LLVMBuildMul(e->build, block, args->a_stride, ""));
    rows->tail = cg_at(e, args->tail_a, LLVMBuildMul(e->build, block, args->tail_a_stride, ""));
    rows->n = n;
    rows->c = cg_at(e, cg_at(e, args->c, cg_mul(e, n, sizeof(float))),
                    LLVMBuildMul(e->build, row, args->row_bytes, ""));
    rows->left = cg_sub(e, args->m, row);
    rows->columns = cg_sub(e, args->n, n);
}

void cg_rows_end(const cg_emit *e, cg_rows *rows)
{
    cg_loop_end(e, &rows->loop, NULL);
}

/* ---- storing ---- */

static void store_vector(const cg_emit *e, LLVMValueRef at, LLVMValueRef value,
                         LLVMValueRef mask, bool add)
{
    LLVMTypeRef types[] = {e->vf32, e->pointer};
    LLVMValueRef align = LLVMConstInt(e->i32, 4, 0);

    if (!mask) {
        if (add) value = LLVMBuildFAdd(e->build, cg_load(e, e->vf32, at, 4), value, "");
        cg_store(e, value, at, 4);
        return;
    }
    if (add) {
        LLVMValueRef load[] = {at, align, mask, cg_zero(e->vf32)};
        LLVMValueRef old = cg_intrinsic(e, "llvm.masked.load", types, 2, load, 4);
        value = LLVMBuildFAdd(e->build, old, value, "");
    }
    LLVMValueRef store[] = {value, at, align, mask};
    cg_intrinsic(e, "llvm.masked.store", types, 2, store, 4);
}

static void store_rows(const cg_emit *e, const cg_args *args, LLVMValueRef at,
                       LLVMValueRef rows, LLVMValueRef *mask, LLVMValueRef *acc, bool add)
{
    const int vectors = cg_tile_vectors(e);

    for (int m = 0; m < e->id->tile.mr; m++) {
        cg_if valid;
        if (m > 0) cg_if_begin(e, &valid, cg_less(e, cg_i64(e, m), rows));
        LLVMValueRef row = cg_at(e, at, cg_mul(e, args->row_bytes, m));
        for (int v = 0; v < vectors; v++)
            store_vector(e, cg_at_const(e, row, (int64_t)v * 4 * e->lanes),
                         acc[m * vectors + v], mask ? mask[v] : NULL, add);
        if (m > 0) cg_if_end(e, &valid);
    }
}

static void store_block(const cg_emit *e, const cg_args *args, LLVMValueRef at,
                        LLVMValueRef rows, LLVMValueRef *mask, LLVMValueRef *acc)
{
    cg_if add;
    cg_if_begin(e, &add,
                LLVMBuildICmp(e->build, LLVMIntNE, args->accumulate, cg_i64(e, 0), ""));
    store_rows(e, args, at, rows, mask, acc, true);
    cg_else(e, &add);
    store_rows(e, args, at, rows, mask, acc, false);
    cg_if_end(e, &add);
}

void cg_store_tile(const cg_emit *e, const cg_args *args, LLVMValueRef at, LLVMValueRef rows,
                   LLVMValueRef columns, LLVMValueRef *acc)
{
    LLVMValueRef mask[2 * CG_PANELS_MAX];
    cg_if edge;

    cg_if_begin(e, &edge, cg_less(e, columns, cg_i64(e, e->id->tile.nr)));
    for (int v = 0; v < cg_tile_vectors(e); v++)
        mask[v] = cg_mask_below(e, cg_sub(e, columns, cg_i64(e, (int64_t)v * e->lanes)));
    store_block(e, args, at, rows, mask, acc);
    cg_else(e, &edge);
    store_block(e, args, at, rows, NULL, acc);
    cg_if_end(e, &edge);
}

/* ---- the fp32 outer product ---- */

/* Bytes of packed rows: they come from L2, blocks one after the other, so a block's last steps
 * fetch the next one's first. */
enum { ROWS_AHEAD = 1536 };

static void product_step(const cg_emit *e, LLVMValueRef a, LLVMValueRef *b, LLVMValueRef k,
                         int step, LLVMValueRef *acc)
{
    const int mr = e->id->tile.mr, vectors = cg_tile_vectors(e);
    LLVMValueRef w[2 * CG_PANELS_MAX];
    LLVMValueRef a_row = cg_at(e, a, cg_mul(e, k, 4L * mr));
    LLVMValueRef b_row = cg_mul(e, k, 4L * e->panel);

    for (int v = 0; v < vectors; v++)
        w[v] = cg_load(e, e->vf32,
                       cg_at_const(e, cg_at(e, b[v / 2], b_row),
                                   4L * e->panel * step + 4L * e->lanes * (v % 2)),
                       e->align);
    cg_splats splats = {.at = cg_at_const(e, a_row, 4L * mr * step), .count = mr};
    for (int m = 0; m < mr; m++) {
        cg_splat_take(e, &splats, m);
        for (int v = 0; v < vectors; v++)
            acc[m * vectors + v] = cg_splat_fma(e, &splats, w[v], acc[m * vectors + v]);
    }
}

static void product_loop(const cg_emit *e, LLVMValueRef a, LLVMValueRef *b, LLVMValueRef begin,
                         LLVMValueRef end, int unroll, LLVMValueRef *acc)
{
    const int count = e->id->tile.mr * cg_tile_vectors(e);
    const int64_t row = 4L * e->id->tile.mr;
    cg_loop loop;

    cg_loop_begin(e, &loop, begin, end, unroll, count, acc);
    if (unroll > 1)
        cg_prefetch(
            e, cg_beyond(e, a, cg_add(e, cg_mul(e, loop.index, row), cg_i64(e, ROWS_AHEAD))),
            row * unroll, CG_TO_READ_AT_ONCE);
    for (int step = 0; step < unroll; step++) {
        product_step(e, a, b, loop.index, step, acc);
        if (step + 1 < unroll) cg_tie(e, acc, count);
    }
    cg_loop_end(e, &loop, acc);
}

void cg_add_tail(const cg_emit *e, const cg_args *args, const cg_rows *rows, LLVMValueRef *acc)
{
    LLVMValueRef panel[CG_PANELS_MAX];

    point(e, args->tail_w, args->tail_w_stride, args->n, rows->n, panel);
    product_loop(e, rows->tail, panel, cg_i64(e, 0), args->tail_k, 1, acc);
}

void cg_tiles_of_whole_depth(const cg_emit *e, cg_sum_tile *sum)
{
    const cg_args args = cg_load_args(e);
    LLVMValueRef panel[CG_PANELS_MAX], acc[CG_ACC_MAX];
    cg_loop columns;
    cg_rows rows;

    cg_loop_begin(e, &columns, cg_i64(e, 0), args.n, e->id->tile.nr, 0, NULL);
    cg_panel_pointers(e, &args, columns.index, panel);
    cg_rows_begin(e, &args, columns.index, &rows);
    for (int i = 0; i < e->id->tile.mr * cg_tile_vectors(e); i++) acc[i] = cg_zero(e->vf32);
    sum(e, &args, rows.a, panel, acc);
    cg_add_tail(e, &args, &rows, acc);
    cg_store_tile(e, &args, rows.c, rows.left, rows.columns, acc);
    cg_rows_end(e, &rows);
    cg_loop_end(e, &columns, NULL);
}

void cg_fetch_block(const cg_emit *e, const cg_args *args, const cg_rows *rows)
{
    for (int m = 0; m < e->id->tile.mr; m++)
        cg_prefetch(e, cg_beyond(e, rows->c, cg_mul(e, args->row_bytes, m)),
                    4L * e->id->tile.nr, CG_TO_WRITE);
}

void cg_outer_product(const cg_emit *e, const cg_args *args, const cg_rows *rows,
                      LLVMValueRef *b, LLVMValueRef depth)
{
    const int unroll = e->id->tile.unroll, mr = e->id->tile.mr;
    LLVMValueRef acc[CG_ACC_MAX];

    cg_fetch_block(e, args, rows);
    for (int i = 0; i < mr * cg_tile_vectors(e); i++) acc[i] = cg_zero(e->vf32);
    LLVMValueRef whole = cg_mul(e, cg_div(e, depth, unroll), unroll);
    product_loop(e, rows->a, b, cg_i64(e, 0), whole, unroll, acc);
    if (unroll > 1) product_loop(e, rows->a, b, whole, depth, 1, acc);
    if (qf_recipe_of(e->id->recipe)->op == QF_FORWARD) cg_add_tail(e, args, rows, acc);
    cg_store_tile(e, args, rows->c, rows->left, rows->columns, acc);
}
