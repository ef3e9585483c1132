/* cpu.c -- the machine as one value, gathered from its parts. */
#include "qforge/cpu.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "cgroup.h"
#include "cpu_features.h"
#include "cpu_identity.h"
#include "cpu_isas.h"
#include "fingerprint.h"

static const char cache_root[] = "/sys/devices/system/cpu/cpu0/cache";

/* Hides what is better than `best`: kernels for a lesser CPU run, are tuned and are timed on
 * this one.  Such a machine is another one to the ledger. */
static void hide_isas(qf_cpu *cpu, qf_isa best, char *features, size_t size)
{
    if (best == qf_cpu_best_isa(cpu)) return;
    cpu->isas &= (2u << best) - 1;
    const size_t used = strlen(features);
    snprintf(features + used, size - used, " as %s", qf_isa_of(best)->name);
}

static void detect(qf_cpu *cpu, char *features, size_t size)
{
    struct utsname system;

    memset(cpu, 0, sizeof *cpu);
    snprintf(cpu->arch, sizeof cpu->arch, "%.15s",
             uname(&system) == 0 ? system.machine : "unknown");
    snprintf(cpu->vendor, sizeof cpu->vendor, "unknown");
    snprintf(cpu->brand, sizeof cpu->brand, "unknown");
    snprintf(cpu->codename, sizeof cpu->codename, "unknown");
    qf_identify(cpu);
    qf_identify_hypervisor(cpu);
    qf_read_caches(cache_root, cpu);
    cpu->isas = qf_isas_usable(cpu->arch);
    cpu->cores = qf_usable_cores();
    cpu->memory_bytes = qf_usable_memory();
    qf_features_print(features, size);
}

static void finish(qf_cpu *cpu, qf_isa best, char *features, size_t size)
{
    hide_isas(cpu, best, features, size);
    cpu->vector_bytes = qf_isa_of(qf_cpu_best_isa(cpu))->vector_bytes;
    qf_fingerprint(cpu, features);
}

qf_status qf_cpu_detect(qf_cpu *cpu)
{
    char features[600];
    qf_isa best;

    detect(cpu, features, sizeof features);
    QF_TRY(qf_isas_wished(cpu->isas, &best));
    finish(cpu, best, features, sizeof features);
    return QF_OK;
}

qf_status qf_cpu_detect_as(qf_isa best, qf_cpu *cpu)
{
    char features[600];

    detect(cpu, features, sizeof features);
    if (!qf_cpu_runs(cpu, best))
        return qf_fail(QF_UNSUPPORTED, "this machine runs no '%s'", qf_isa_of(best)->name);
    finish(cpu, best, features, sizeof features);
    return QF_OK;
}

bool qf_cpu_runs(const qf_cpu *cpu, qf_isa isa)
{
    return cpu->isas >> isa & 1;
}

qf_isa qf_cpu_best_isa(const qf_cpu *cpu)
{
    return qf_isas_best(cpu->isas);
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
