/* cpu.c -- the machine as one value, gathered from its parts. */
#include "qforge/cpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "cgroup.h"
#include "cpu_features.h"
#include "cpu_identity.h"
#include "fingerprint.h"

static const char cache_root[] = "/sys/devices/system/cpu/cpu0/cache";

/* The kernels' architecture names are uname's. */
static void detect_isas(qf_cpu *cpu)
{
    for (int isa = 0; isa < QF_ISA_COUNT; isa++) {
        const qf_isa_row *row = qf_isa_of((qf_isa)isa);
        const bool ours = strcmp(row->arch, "any") == 0 || strcmp(row->arch, cpu->arch) == 0;
        if (!ours || !qf_features_usable(row->features)) continue;
        const int length = qf_features_vector_bytes(row->features);
        if (length == 0 || length == row->vector_bytes) cpu->isas |= 1u << isa;
    }
}

/* QFORGE_ISA=avx2 hides what is better: kernels for a lesser CPU run, are tuned and are timed
 * on this one.  Such a machine is another one to the ledger. */
static qf_status hide_isas(qf_cpu *cpu, char *features, size_t size)
{
    const char *wish = getenv("QFORGE_ISA");

    if (!wish || !*wish) return QF_OK;
    const qf_isa best = qf_isa_named(wish);
    if (best == QF_ISA_COUNT || !qf_cpu_runs(cpu, best))
        return qf_fail(QF_UNSUPPORTED,
                       "QFORGE_ISA: this machine runs no '%.40s' (see qforge cpu)", wish);
    if (best == qf_cpu_best_isa(cpu)) return QF_OK;
    cpu->isas &= (2u << best) - 1;
    const size_t used = strlen(features);
    snprintf(features + used, size - used, " as %s", qf_isa_of(best)->name);
    return QF_OK;
}

qf_status qf_cpu_detect(qf_cpu *cpu)
{
    struct utsname system;
    char features[600];

    memset(cpu, 0, sizeof *cpu);
    snprintf(cpu->arch, sizeof cpu->arch, "%.15s",
             uname(&system) == 0 ? system.machine : "unknown");
    snprintf(cpu->vendor, sizeof cpu->vendor, "unknown");
    snprintf(cpu->brand, sizeof cpu->brand, "unknown");
    snprintf(cpu->codename, sizeof cpu->codename, "unknown");
    qf_identify(cpu);
    qf_identify_hypervisor(cpu);
    qf_read_caches(cache_root, cpu);
    detect_isas(cpu);
    cpu->cores = qf_usable_cores();
    cpu->memory_bytes = qf_usable_memory();
    qf_features_print(features, sizeof features);
    QF_TRY(hide_isas(cpu, features, sizeof features));
    cpu->vector_bytes = qf_isa_of(qf_cpu_best_isa(cpu))->vector_bytes;
    qf_fingerprint(cpu, features);
    return QF_OK;
}

bool qf_cpu_runs(const qf_cpu *cpu, qf_isa isa)
{
    return cpu->isas >> isa & 1;
}

qf_isa qf_cpu_best_isa(const qf_cpu *cpu)
{
    int isa = QF_ISA_COUNT - 1;
    while (isa > QF_ISA_C && !qf_cpu_runs(cpu, (qf_isa)isa)) isa--;
    return (qf_isa)isa;
}

int64_t qf_cpu_cache_bytes(const qf_cpu *cpu, int level)
{
    static const int64_t guess[] = {32 << 10, 32 << 10, 256 << 10, 2 << 20};

    QF_ASSERT(level >= 1 && level <= 3);
    for (int i = 0; i < cpu->caches; i++)
        if (cpu->cache[i].level == level && cpu->cache[i].kind != 'i' && cpu->cache[i].bytes)
            return cpu->cache[i].bytes;
    return guess[level];
}

int64_t qf_cpu_cold_bytes(const qf_cpu *cpu)
{
    int64_t bytes = 4 * qf_cpu_cache_bytes(cpu, 3);

    if (bytes < INT64_C(256) << 20) bytes = INT64_C(256) << 20;
    return bytes > cpu->memory_bytes / 4 ? cpu->memory_bytes / 4 : bytes;
}

int qf_cpu_cold_copies(const qf_cpu *cpu, int64_t bytes)
{
    enum { MOST = 4096 };
    const int64_t copies = qf_cpu_cold_bytes(cpu) / bytes + 2;
    return copies < MOST ? (int)copies : MOST;
}
