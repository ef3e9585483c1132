/* dequantise.h -- packed codes to fp32 panels in scratch. */
#ifndef QF_CODEGEN_DEQUANTISE_H
#define QF_CODEGEN_DEQUANTISE_H

#include "unpack.h"

/* Byte t of each lane of a quad, as floats: the codes of k = 4 j + t. */
LLVMValueRef cg_quad_floats(const cg_emit *e, LLVMValueRef quad, int t);

/* Panel at `panel` (depth k, whole records) to out[k][panel].  The panel `ahead` bytes on,
 * which is next, is fetched meanwhile. */
void cg_dequantise_panel(const cg_emit *e, LLVMValueRef panel, LLVMValueRef ahead,
                         LLVMValueRef k, LLVMValueRef out);

#endif
