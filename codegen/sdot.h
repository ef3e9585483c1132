/* sdot.h -- the byte products of AArch64: four products and their sum in one instruction. */
#ifndef QF_CODEGEN_SDOT_H
#define QF_CODEGEN_SDOT_H

#include "isa.h"

/* Signed by signed: codes of up to four bits are not negative, wider ones are split. */
extern const cg_dot cg_sdot, cg_sdot_scalable;
/* Unsigned by signed (I8MM). */
extern const cg_dot cg_usdot, cg_usdot_scalable;

#endif
