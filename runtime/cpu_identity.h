/* cpu_identity.h -- who made the CPU, what it is called, what caches it has.  Each
 * function fills its part of a qf_cpu and leaves what it cannot learn as it was. */
#ifndef QF_RUNTIME_CPU_IDENTITY_H
#define QF_RUNTIME_CPU_IDENTITY_H

#include "qforge/cpu.h"

void qf_identify(qf_cpu *cpu); /* vendor, brand, codename, family, model, stepping */
void qf_identify_hypervisor(qf_cpu *cpu);

/* What a core may use of a third level that is told for the whole package: AMD's does so where
 * nothing says who shares it, as in virtual machines that hide CPUID's leaf 8000001D.  Its
 * cores share it by complexes: 32 MB at most since Zen 3 (but for stacked caches), 16 in Zen 2,
 * 8 before.  Needs vendor, family and model. */
void qf_bound_third_level(qf_cpu *cpu);

/* `root` is /sys/devices/system/cpu/cpu0/cache. */
void qf_read_caches(const char *root, qf_cpu *cpu);

#endif
