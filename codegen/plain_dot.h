/* plain_dot.h -- byte products for machines without an instruction for them. */
#ifndef QF_CODEGEN_PLAIN_DOT_H
#define QF_CODEGEN_PLAIN_DOT_H

#include "isa.h"

extern const cg_dot cg_plain_dot;

#endif
