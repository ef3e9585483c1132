/* dequantise.c -- lanes are rows: a shift, a mask, a conversion and an fma per vector. */
#include "dequantise.h"

#include "qforge/pack.h"

LLVMValueRef cg_quad_floats(const cg_emit *e, LLVMValueRef quad, int t)
{
    LLVMValueRef words = LLVMBuildBitCast(e->build, quad, e->vi32, "");
    if (t > 0) words = LLVMBuildLShr(e->build, words, cg_words(e, 8 * t), "");
    if (t < 3) words = LLVMBuildAnd(e->build, words, cg_words(e, 255), "");
    return LLVMBuildSIToFP(e->build, words, e->vf32, "");
}

/* One block of 32 k, both vectors, to out[32][panel]. */
static void emit_block(const cg_emit *e, LLVMValueRef codes, LLVMValueRef *scale,
                       LLVMValueRef *offset, LLVMValueRef out)
{
    for (int v = 0; v < 2; v++) {
        cg_block block = {.e = e};
        for (int j = 0; j < QF_BLOCK_QUADS; j++) {
            block.at = cg_at_const(e, codes, (int64_t)v * cg_block_bytes(e));
            LLVMValueRef quad = cg_quad(&block, j);
            for (int t = 0; t < QF_QUAD_K; t++) {
                LLVMValueRef w = cg_fma(e, scale[v], cg_quad_floats(e, quad, t), offset[v]);
                const int64_t at = 4L * ((QF_QUAD_K * j + t) * e->panel + v * e->lanes);
                cg_store(e, w, cg_at_const(e, out, at), e->align);
            }
            cg_tie(e, &codes, 1);
        }
    }
}

void cg_dequantise_panel(const cg_emit *e, LLVMValueRef panel, LLVMValueRef ahead,
                         LLVMValueRef k, LLVMValueRef out)
{
    const int group = e->id->group;
    LLVMValueRef scale[2], offset[2];
    cg_loop groups, blocks;

    cg_loop_begin(e, &groups, cg_i64(e, 0), cg_div(e, k, group), 1, 0, NULL);
    LLVMValueRef record = cg_at(e, panel, cg_mul(e, groups.index, cg_record_bytes(e)));
    LLVMValueRef plain = cg_at(e, out, cg_mul(e, groups.index, 4L * e->panel * group));
    cg_prefetch(e, cg_beyond(e, record, ahead), cg_record_bytes(e), CG_TO_READ);
    for (int v = 0; v < 2; v++) {
        scale[v] = cg_params(e, record, 0, v);
        offset[v] = cg_params(e, record, 1, v);
    }
    cg_loop_begin(e, &blocks, cg_i64(e, 0), cg_i64(e, group / QF_BLOCK_K), 1, 0, NULL);
    LLVMValueRef codes = cg_at(e, cg_at_const(e, record, cg_header_bytes(e)),
                               cg_mul(e, blocks.index, 2L * cg_block_bytes(e)));
    emit_block(e, codes, scale, offset,
               cg_at(e, plain, cg_mul(e, blocks.index, 4L * e->panel * QF_BLOCK_K)));
    cg_loop_end(e, &blocks, NULL);
    cg_loop_end(e, &groups, NULL);
}
