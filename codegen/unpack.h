/* unpack.h -- codes out of packed words (pack.h), a quad at a time. */
#ifndef QF_CODEGEN_UNPACK_H
#define QF_CODEGEN_UNPACK_H

#include "emit.h"

/* One vector of one block of 32 k: `bits` words in memory.  A word is loaded when the
 * first of its quads is asked for, so that it lives in a register no longer than it must. */
typedef struct cg_block {
    const cg_emit *e;
    LLVMValueRef at;
    LLVMValueRef word[8];
} cg_block;

cg_block cg_block_at(const cg_emit *e, LLVMValueRef at);
/* Quad j of 0..7 as <4 lanes x i8> of unsigned codes. */
LLVMValueRef cg_quad(cg_block *block, int j);
/* Bytes of one vector of a block. */
int cg_block_bytes(const cg_emit *e);

/* Scales (slot 0) or offsets (slot 1) of vector v of the record at `record`, as floats. */
LLVMValueRef cg_params(const cg_emit *e, LLVMValueRef record, int slot, int v);
/* One row's scale or offset in every lane; fp32 params only. */
LLVMValueRef cg_param_splat(const cg_emit *e, LLVMValueRef record, int slot, int row);
/* Bytes of a record and of its header, for the kernel being emitted. */
int cg_record_bytes(const cg_emit *e);
int cg_header_bytes(const cg_emit *e);

/* Fetches what lies as far behind `at` as the tile says; nothing where it says 0. */
void cg_fetch_ahead(const cg_emit *e, LLVMValueRef at, int64_t bytes);

#endif
