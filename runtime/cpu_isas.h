/* cpu_isas.h -- which rows of isas.def run here: a bit per qf_isa. */
#ifndef QF_RUNTIME_CPU_ISAS_H
#define QF_RUNTIME_CPU_ISAS_H

#include <stdint.h>

#include "qforge/kernel.h"

/* Of this architecture (uname's name for it), switched on by the operating system. */
uint32_t qf_isas_usable(const char *arch);
qf_isa qf_isas_best(uint32_t isas); /* the last row among them; QF_ISA_C if none */
/* The best of them that the environment's QFORGE_ISA lets be seen; QF_UNSUPPORTED when it
 * names one that is not among them. */
QF_MUST_CHECK qf_status qf_isas_wished(uint32_t isas, qf_isa *best);

#endif
