/* arm_lanes.h -- products "by element" of AArch64. */
#ifndef QF_CODEGEN_ARM_LANES_H
#define QF_CODEGEN_ARM_LANES_H

#include "isa.h"

extern const cg_lanes cg_lanes_neon;
/* Of every 128 bits the same four: with signed codes, and with unsigned ones (I8MM). */
extern const cg_lanes cg_lanes_sve, cg_lanes_sve2;

#endif
