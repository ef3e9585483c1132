/* unpack.c -- one function per width, inverse of runtime/codes.c. */
#include "unpack.h"

#include "isa.h"
#include "qforge/pack.h"

int cg_record_bytes(const cg_emit *e)
{
    const qf_layout layout = qf_layout_of(e->id);
    return (int)qf_layout_record_bytes(&layout);
}

int cg_header_bytes(const cg_emit *e)
{
    const qf_layout layout = qf_layout_of(e->id);
    return (int)qf_layout_header_bytes(&layout);
}

int cg_block_bytes(const cg_emit *e)
{
    return qf_quant_of(e->id->quant)->bits * 4 * e->lanes;
}

LLVMValueRef cg_params(const cg_emit *e, LLVMValueRef record, int slot, int v)
{
    const int first = slot * e->panel + v * e->lanes;
    if (qf_layout_of(e->id).params == QF_PARAMS_F32)
        return cg_load(e, e->vf32, cg_at_const(e, record, 4 * first), e->align);
    LLVMValueRef half = cg_load(e, e->vf16, cg_at_const(e, record, 2 * first), e->align / 2);
    if (e->isa->widen) return e->isa->widen(e, half);
    return LLVMBuildFPExt(e->build, half, e->vf32, "");
}

LLVMValueRef cg_param_splat(const cg_emit *e, LLVMValueRef record, int slot, int row)
{
    QF_ASSERT(qf_layout_of(e->id).params == QF_PARAMS_F32);
    return cg_load_splat(e, cg_at_const(e, record, 4 * (slot * e->panel + row)));
}

void cg_fetch_ahead(const cg_emit *e, LLVMValueRef at, int64_t bytes)
{
    const int ahead = e->id->tile.prefetch;

    if (ahead)
        cg_prefetch(e, cg_beyond(e, at, cg_i64(e, 1024L * ahead)), bytes,
                    ahead <= QF_PREFETCH_L1 ? CG_TO_READ_AT_ONCE : CG_TO_READ);
}

cg_block cg_block_at(const cg_emit *e, LLVMValueRef at)
{
    return (cg_block){.e = e, .at = at};
}

static LLVMValueRef word(cg_block *block, int i)
{
    const cg_emit *e = block->e;
    if (!block->word[i])
        block->word[i] =
            cg_load(e, e->vi8, cg_at_const(e, block->at, (int64_t)i * 4 * e->lanes), e->align);
    return block->word[i];
}

/* (bytes >> shift) & mask */
static LLVMValueRef field(const cg_emit *e, LLVMValueRef bytes, int shift, int mask)
{
    if (shift && e->isa->cut) return e->isa->cut(e, bytes, shift, mask);
    if (shift) bytes = LLVMBuildLShr(e->build, bytes, cg_bytes(e, shift), "");
    if (mask & 1 && shift + __builtin_popcount((unsigned)mask) == 8) return bytes; /* no more */
    return LLVMBuildAnd(e->build, bytes, cg_bytes(e, mask), "");
}

static LLVMValueRef quad2(cg_block *block, int j)
{
    return field(block->e, word(block, j / 4), 2 * (j % 4), 3);
}

static LLVMValueRef quad3(cg_block *block, int j)
{
    const cg_emit *e = block->e;
    if (j < 6) return field(e, word(block, j / 2), 3 * (j % 2), 7);
    /* Six quads ago: loading again is cheaper than keeping, which spills the sums. */
    block->word[j - 6] = NULL;
    if (j == 6) block->word[2] = NULL;
    LLVMValueRef low = field(e, word(block, j - 6), 6, 3);
    LLVMValueRef high = field(e, word(block, 2), j - 2, 4);
    return LLVMBuildOr(e->build, low, high, "");
}

static LLVMValueRef quad4(cg_block *block, int j)
{
    return field(block->e, word(block, j / 2), 4 * (j % 2), 15);
}

static LLVMValueRef quad8(cg_block *block, int j)
{
    return word(block, j);
}

static LLVMValueRef (*const rows[QF_QUANT_COUNT])(cg_block *, int) = {
    [QF_Q2] = quad2,
    [QF_Q3] = quad3,
    [QF_Q4] = quad4,
    [QF_Q8] = quad8,
};

LLVMValueRef cg_quad(cg_block *block, int j)
{
    const qf_quant quant = block->e->id->quant;
    QF_ASSERT(rows[quant]);
    return rows[quant](block, j);
}
