/* tile.h -- blocks of C shared by all recipes: storing accumulators, and the fp32
 * outer-product micro-kernel. */
#ifndef QF_CODEGEN_TILE_H
#define QF_CODEGEN_TILE_H

#include "emit.h"

enum { CG_ROWS_MAX = 16, CG_PANELS_MAX = 4, CG_ACC_MAX = CG_ROWS_MAX * 2 * CG_PANELS_MAX };

/* The fields of qf_gemm_args, loaded once. */
typedef struct cg_args {
    LLVMValueRef a, a_stride, w, w_stride, c, ldc, scratch, m, n, k, accumulate;
    LLVMValueRef tail_a, tail_a_stride, tail_w, tail_w_stride, tail_k;
    LLVMValueRef row_bytes; /* of c */
} cg_args;
cg_args cg_load_args(const cg_emit *e);

/* Panels a tile spans, and vectors of a row of it. */
int cg_tile_panels(const cg_emit *e);
int cg_tile_vectors(const cg_emit *e);

/* Pointers to the tile's panels beginning at column n: w + panel * w_stride each; those
 * wholly beyond the last column repeat the first, their results are never stored. */
void cg_panel_pointers(const cg_emit *e, const cg_args *args, LLVMValueRef n,
                       LLVMValueRef *panel);

/* for each block of mr rows, in a piece of columns beginning at n. */
typedef struct cg_rows {
    cg_loop loop;
    LLVMValueRef a;       /* the block's activations */
    LLVMValueRef tail;    /* those of the tail */
    LLVMValueRef n;       /* the piece's first column */
    LLVMValueRef c;       /* its block of C */
    LLVMValueRef left;    /* rows from here on */
    LLVMValueRef columns; /* columns from n on */
} cg_rows;
void cg_rows_begin(const cg_emit *e, const cg_args *args, LLVMValueRef n, cg_rows *rows);
void cg_rows_end(const cg_emit *e, cg_rows *rows);

/* Fetches the block of C at hand, which was last touched a step of depth ago and has left L1.
 */
void cg_fetch_block(const cg_emit *e, const cg_args *args, const cg_rows *rows);

/* acc += the tail's products for the block of rows at hand. */
void cg_add_tail(const cg_emit *e, const cg_args *args, const cg_rows *rows, LLVMValueRef *acc);

/* acc[mr * vectors] += the block's products with the tile's panels, over all depth.
 *   a      the block's activations
 *   panel  one pointer per panel of the tile */
typedef void cg_sum_tile(const cg_emit *e, const cg_args *args, LLVMValueRef a,
                         LLVMValueRef *panel, LLVMValueRef *acc);
/* The whole body of a forward recipe that does not cut depth: every tile summed from zero, its
 * tail added, and stored. */
void cg_tiles_of_whole_depth(const cg_emit *e, cg_sum_tile *sum);

/* C block at `at`, of which `rows` rows and `columns` columns (both may exceed the tile)
 * are valid: writes or adds acc[mr * vectors], row-major. */
void cg_store_tile(const cg_emit *e, const cg_args *args, LLVMValueRef at, LLVMValueRef rows,
                   LLVMValueRef columns, LLVMValueRef *acc);

/* acc = sum over k < depth of a[k][mr] (outer) b[k][panel] for the block of rows at hand,
 * forward with the tail, stored as above.  b: one pointer per panel of the tile. */
void cg_outer_product(const cg_emit *e, const cg_args *args, const cg_rows *rows,
                      LLVMValueRef *b, LLVMValueRef depth);

#endif
