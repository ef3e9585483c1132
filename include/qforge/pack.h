/* qforge/pack.h -- weights in the order kernels read them.
 *
 * A panel is P rows of W (P = qf_isa_panel: two vectors of L = P/2 fp32 lanes; the
 * last panel is padded with rows of zeros).  Panels follow each other; inside one, k
 * runs forward, so a kernel reads one sequential stream per panel.
 *
 * Quantised: a panel is one record per group of k,
 *
 *     scale[P] offset[P]                   fp32 or fp16
 *     group/32 blocks of 32 k; per block
 *         vector 0 (rows 0..L-1):   `bits` words of 4*L bytes
 *         vector 1 (rows L..P-1):   `bits` words of 4*L bytes
 *
 * Byte 4*r + t of a word belongs to row r and to k = 4*quad + t: a "quad" is L rows
 * times 4 consecutive k, the operand of one dot-product instruction.  A block holds
 * eight quads q0..q7 per vector, packed as
 *
 *     q8  word i = quad i
 *     q4  word i = q[2i] | q[2i+1] << 4
 *     q2  word i = q[4i] | q[4i+1] << 2 | q[4i+2] << 4 | q[4i+3] << 6
 *     q3  word 0 = q0 | q1 << 3 | (q6 & 3) << 6
 *         word 1 = q2 | q3 << 3 | (q7 & 3) << 6
 *         word 2 = q4 | q5 << 3 | (q6 >> 2) << 6 | (q7 >> 2) << 7
 *
 * The 3+3+2 packing of three bits is torchao's idea; it unpacks in half the
 * operations of a 2-bit plane plus a 1-bit plane.
 *
 * In the order NIBBLES, of two bits alone, a block is four words of 2*P bytes.  Byte 2*r + p of
 * word i belongs to row r and holds bit p of eight codes, k = 8*i to 8*i + 7 from bit 0 up:
 * each half of it says which of four activations to add, the index of a table of sixteen sums.
 *
 * Ragged k: the last record is whole, its missing codes are 0; kernels see zeros in
 * the activations there.  f32: a panel is [k][P] floats. */
#ifndef QFORGE_PACK_H
#define QFORGE_PACK_H

#include <stdint.h>

#include "qforge/kernel.h"
#include "qforge/qmatrix.h"
#include "qforge/status.h"

enum { QF_BLOCK_K = 32, QF_QUAD_K = 4, QF_BLOCK_QUADS = QF_BLOCK_K / QF_QUAD_K };

typedef struct qf_layout {
    qf_quant quant;
    int group;        /* 0 for f32 */
    int panel;        /* P, rows */
    qf_params params; /* of scales and offsets */
    qf_order order;   /* of codes */
} qf_layout;

/* What a kernel reads. */
qf_layout qf_layout_of(const qf_kernel_id *id);
/* Code of row 0 .. P-1 at k of a record's group. */
int qf_record_code(const qf_layout *layout, const uint8_t *record, int row, int k);

int64_t qf_layout_record_bytes(const qf_layout *layout);                /* 0 for f32 */
int64_t qf_layout_header_bytes(const qf_layout *layout);                /* of a record */
int64_t qf_layout_panel_bytes(const qf_layout *layout, int64_t k);      /* of a whole panel */
int64_t qf_layout_bytes(const qf_layout *layout, int64_t n, int64_t k); /* of all panels */

/* Owns its bytes. */
typedef struct qf_packed {
    qf_layout layout;
    int64_t n, k;   /* logical */
    int64_t panels; /* ceil(n / P) */
    int64_t panel_bytes;
    uint8_t *bytes; /* 64-aligned */
} qf_packed;

/* Room for n rows of k, zeroed: what makes weights in place starts here. */
QF_MUST_CHECK qf_status qf_packed_create(const qf_layout *layout, int64_t n, int64_t k,
                                         qf_packed *packed);
/* Writes the scale and the offset of a panel's row (0 .. P-1) into its record. */
void qf_record_set_params(const qf_layout *layout, uint8_t *record, int row, float scale,
                          float offset);

/* Packs.  QF_RANGE when a scale or offset does not fit fp16. */
QF_MUST_CHECK qf_status qf_pack_quantised(const qf_layout *layout, const qf_qmatrix *matrix,
                                          qf_packed *packed);
/* w is [n][k] with `stride` floats between rows; the layout's quant is QF_F32. */
QF_MUST_CHECK qf_status qf_pack_f32(const qf_layout *layout, const float *w, int64_t stride,
                                    int64_t n, int64_t k, qf_packed *packed);
void qf_packed_release(qf_packed *packed);

/* Rewrites the offsets [n][groups] of packed weights (F32 params): how training folds
 * an adapter in.  Codes and scales stay. */
void qf_packed_set_offsets(qf_packed *packed, const float *offset);

/* Reads w back as kernels see it, params rounded, [n][k]: the tests' oracle. */
void qf_packed_dequantise(const qf_packed *packed, float *w);

/* f32 panels of part of a matrix into a caller's buffer, for products whose right
 * operand changes from call to call: rows j of panels [begin, end) get
 * w[j * row_stride + i * k_stride] for 0 <= i < k.  `bytes` is the first panel's. */
void qf_pack_f32_panels(int panel, const float *w, int64_t row_stride, int64_t k_stride,
                        int64_t n, int64_t k, int64_t begin, int64_t end, float *panels);

#endif
