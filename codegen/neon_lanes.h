/* neon_lanes.h -- NEON's products "by element". */
#ifndef QF_CODEGEN_NEON_LANES_H
#define QF_CODEGEN_NEON_LANES_H

#include "isa.h"

extern const cg_lanes cg_lanes_neon;

#endif
