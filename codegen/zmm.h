/* zmm.h -- 512-bit vectors stay whole, also for processors LLVM prefers 256 bits on. */
#ifndef QF_CODEGEN_ZMM_H
#define QF_CODEGEN_ZMM_H

#include "emit.h"

/* A cg_isa's mark. */
void cg_prefer_zmm(const cg_emit *e);

#endif
