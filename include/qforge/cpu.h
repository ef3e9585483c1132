/* qforge/cpu.h -- what machine this is.
 *
 * libcpuid gives identity and caches where it is packaged (x86); what the kernels may
 * use is asked of the CPU and the operating system together (cpuid and xgetbv, hwcap),
 * because a feature the OS did not enable faults. */
#ifndef QFORGE_CPU_H
#define QFORGE_CPU_H

#include <stdbool.h>
#include <stdint.h>

#include "qforge/kernel.h"
#include "qforge/status.h"

typedef struct qf_cache {
    int level;
    char kind;      /* 'd' data, 'i' instruction, 'u' unified */
    int64_t bytes;  /* of one instance */
    int line, ways; /* bytes; 0 where unknown */
    int shared_by;  /* logical CPUs per instance, 0 where unknown */
} qf_cache;

enum { QF_CACHES_MAX = 8, QF_KEY_MAX = 24 };

typedef struct qf_cpu {
    char vendor[16], brand[64], codename[64], arch[16], hypervisor[24];
    int family, model, stepping;
    uint32_t isas;    /* bit per qf_isa, usable here: the OS enabled it */
    int vector_bytes; /* of the best usable ISA */
    int cores;        /* usable by this process */
    qf_cache cache[QF_CACHES_MAX];
    int caches;
    int64_t memory_bytes; /* of the machine, or the cgroup's limit */
    /* Fingerprints, hexadecimal: kernels can run / tunings carry over / times compare. */
    char isa_key[QF_KEY_MAX], tune_key[QF_KEY_MAX], perf_key[QF_KEY_MAX];
} qf_cpu;

/* The environment's QFORGE_ISA names the best ISA to see; QF_UNSUPPORTED when the machine
 * lacks it. */
QF_MUST_CHECK qf_status qf_cpu_detect(qf_cpu *cpu);
/* The machine as if `best` were its best ISA, whatever the environment says: what QFORGE_ISA
 * shows of it.  QF_UNSUPPORTED when it lacks it. */
QF_MUST_CHECK qf_status qf_cpu_detect_as(qf_isa best, qf_cpu *cpu);
bool qf_cpu_runs(const qf_cpu *cpu, qf_isa isa);
qf_isa qf_cpu_best_isa(const qf_cpu *cpu); /* the last usable row; QF_ISA_C if none */
/* Data or unified cache bytes of a level (1..3); a cautious guess where unknown. */
int64_t qf_cpu_cache_bytes(const qf_cpu *cpu, int level);
/* What must be walked through before anything seen earlier is in memory alone: four times the
 * last cache, at least 256 MiB, but no more than a quarter of memory. */
int64_t qf_cpu_cold_bytes(const qf_cpu *cpu);
/* How many buffers of `bytes` that takes, 2 to 4096: very small ones stay in cache however
 * many there are. */
int qf_cpu_cold_copies(const qf_cpu *cpu, int64_t bytes);

#endif
