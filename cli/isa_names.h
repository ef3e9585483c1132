/* isa_names.h -- instruction sets as a user names them. */
#ifndef QF_CLI_ISA_NAMES_H
#define QF_CLI_ISA_NAMES_H

#include <stdint.h>

#include "qforge/kernel.h"

/* A bit per instruction set `name` stands for: one row of isas.def, or every vector length of
 * sve, sve2, rvv.  QF_USAGE with the names there are. */
QF_MUST_CHECK qf_status cli_isas_named(const char *option, const char *name, uint32_t *isas);

/* One of them: the one this machine runs, else the shortest. */
QF_MUST_CHECK qf_status cli_isa_named(const char *option, const char *name, qf_isa *isa);

#endif
