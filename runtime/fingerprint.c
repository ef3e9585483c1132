/* fingerprint.c -- FNV-1a over a canonical text. */
#include "fingerprint.h"
#include "qforge/hash.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void print_key(const char *text, char key[QF_KEY_MAX])
{
    snprintf(key, QF_KEY_MAX, "%016" PRIx64, qf_hash(QF_HASH_START, text, strlen(text)));
}

static const qf_cache *cache_of(const qf_cpu *cpu, int level)
{
    static const qf_cache none = {0};
    for (int i = 0; i < cpu->caches; i++)
        if (cpu->cache[i].level == level && cpu->cache[i].kind != 'i') return &cpu->cache[i];
    return &none;
}

void qf_fingerprint(qf_cpu *cpu, const char *features)
{
    char text[1024];

    snprintf(text, sizeof text, "isa1 %s %s", cpu->arch, features);
    print_key(text, cpu->isa_key);
    snprintf(text, sizeof text, "tune1 %s %s %d %d %" PRId64 " %" PRId64 " %" PRId64,
             cpu->isa_key, cpu->vendor, cpu->family, cpu->model, cache_of(cpu, 1)->bytes,
             cache_of(cpu, 2)->bytes, cache_of(cpu, 3)->bytes);
    print_key(text, cpu->tune_key);
    snprintf(text, sizeof text, "perf1 %s %s %d %d %s %d %d", cpu->tune_key, cpu->brand,
             cpu->stepping, cpu->cores, cpu->hypervisor, cache_of(cpu, 2)->shared_by,
             cache_of(cpu, 3)->shared_by);
    print_key(text, cpu->perf_key);
}
