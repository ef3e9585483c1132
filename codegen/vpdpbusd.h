/* vpdpbusd.h -- byte products of x86 with VNNI: four products of unsigned codes and signed
 * activations, added to a 32-bit lane by one instruction, for 256 and 512-bit vectors. */
#ifndef QF_CODEGEN_VPDPBUSD_H
#define QF_CODEGEN_VPDPBUSD_H

#include "isa.h"

extern const cg_dot cg_vpdpbusd;

#endif
