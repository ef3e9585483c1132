/* usmmla.h -- the matrix product of I8MM, unsigned codes by signed activations. */
#ifndef QF_CODEGEN_USMMLA_H
#define QF_CODEGEN_USMMLA_H

#include "isa.h"

extern const cg_matrix cg_usmmla, cg_usmmla_scalable;

#endif
