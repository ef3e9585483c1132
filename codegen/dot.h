/* dot.h -- exact integer dots of one group, shared by the int8 recipes. */
#ifndef QF_CODEGEN_DOT_H
#define QF_CODEGEN_DOT_H

#include "tile.h"
#include "unpack.h"

/* Rows of int8 activations: those of the tile times the planes of each. */
int cg_dot_rows(const cg_emit *e);
/* Bytes of the record of activations of one group. */
int64_t cg_x_record_bytes(const cg_emit *e);

/* Codes wider than the dot instruction can take are split into planes: 1 or more. */
int cg_dot_planes(const cg_emit *e);

/* Plane `plane` of a quad of whole codes. */
LLVMValueRef cg_dot_plane(const cg_emit *e, LLVMValueRef quad, int plane);

/* Where the quads of a group come from: packed words of one panel, or quads unpacked
 * into scratch for every panel of the tile,
 *     [k / 4][plane][2 vectors][4 lanes] bytes per panel. */
typedef struct cg_quads {
    bool unpacked;
    int panels;                         /* 1 when packed */
    LLVMValueRef stream[CG_PANELS_MAX]; /* first byte of the group's codes, per panel */
} cg_quads;

/* Rows whose sums are kept by twos: all that come in fours, where the instruction set has
 * products of matrices.  Quads in scratch are then woven (cg_matrix), each with the next. */
int cg_matrix_rows(const cg_emit *e);

/* Bytes of one quad of one panel in scratch. */
int cg_scratch_quad_bytes(const cg_emit *e);

/* total[m * 2 * panels + v] = sum over the group of code * x as <lanes x float>, for every
 * row m of the tile and every vector v of the panels.  x: the record's quads. */
void cg_dot_group(const cg_emit *e, LLVMValueRef x, const cg_quads *quads, LLVMValueRef *total);

/* acc += the products of one group: x_record is the block's, record[p] the p-th panel's. */
typedef void cg_sum_group(const cg_emit *e, LLVMValueRef x_record, LLVMValueRef *record,
                          LLVMValueRef *acc);
/* A tile (cg_sum_tile) group by group. */
void cg_dot_groups(const cg_emit *e, const cg_args *args, LLVMValueRef a, LLVMValueRef *panel,
                   LLVMValueRef *acc, cg_sum_group *sum);

/* acc[m * vectors + first + v] += scale[v] * x_scale[m] * total[m * count + v]
 *                                 + offset[v] * x_sum[m]
 * for `count` vectors of the records of count / 2 panels. */
void cg_dot_accumulate(const cg_emit *e, LLVMValueRef x_record, const LLVMValueRef *record,
                       int first, int count, LLVMValueRef *total, LLVMValueRef *acc);

#endif
