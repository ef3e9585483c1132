/* fingerprint.h -- short stable hashes of what a CPU is. */
#ifndef QF_RUNTIME_FINGERPRINT_H
#define QF_RUNTIME_FINGERPRINT_H

#include "qforge/cpu.h"

/* Sets the three keys from the other fields and `features` (names present, comma
 * separated).  16 hexadecimal digits each:
 *   isa_key   architecture and features          kernels can run
 *   tune_key  ... vendor, family, model, caches  tunings carry over
 *   perf_key  ... brand, stepping, cores, hypervisor, sharing   times compare
 * Equal inputs give equal keys in every version: rows of the ledger hang on them. */
void qf_fingerprint(qf_cpu *cpu, const char *features);

#endif
