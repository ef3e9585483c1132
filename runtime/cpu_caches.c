/* cpu_caches.c -- cache sizes: libcpuid's word first, the kernel's for what it does not
 * know (sharing) and for machines it does not know. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu_identity.h"

#if defined(QF_HAVE_LIBCPUID)
#include <libcpuid/libcpuid.h>
#endif

static qf_cache *cache_of(qf_cpu *cpu, int level, char kind)
{
    for (int i = 0; i < cpu->caches; i++)
        if (cpu->cache[i].level == level && cpu->cache[i].kind == kind) return &cpu->cache[i];
    if (cpu->caches == QF_CACHES_MAX) return NULL;
    cpu->cache[cpu->caches] = (qf_cache){.level = level, .kind = kind};
    return &cpu->cache[cpu->caches++];
}

/* Fills what is still unknown of one cache; values below 1 mean "not known". */
static void learn(qf_cpu *cpu, const qf_cache *fact)
{
    if (fact->bytes < 1) return;
    qf_cache *cache = cache_of(cpu, fact->level, fact->kind);
    if (!cache) return;
    if (!cache->bytes) cache->bytes = fact->bytes;
    if (!cache->line && fact->line > 0) cache->line = fact->line;
    if (!cache->ways && fact->ways > 0) cache->ways = fact->ways;
    if (!cache->shared_by && fact->shared_by > 0) cache->shared_by = fact->shared_by;
}

#if defined(QF_HAVE_LIBCPUID)
static void ask_libcpuid(qf_cpu *cpu)
{
    struct cpu_raw_data_t raw;
    struct cpu_id_t id;

    cpuid_set_warn_function(NULL);
    if (!cpuid_present() || cpuid_get_raw_data(&raw) < 0 || cpu_identify(&raw, &id) < 0) return;
    const qf_cache facts[] = {
        {1, 'd', id.l1_data_cache * 1024LL, id.l1_data_cacheline, id.l1_data_assoc, 0},
        {1, 'i', id.l1_instruction_cache * 1024LL, id.l1_instruction_cacheline,
         id.l1_instruction_assoc, 0},
        {2, 'u', id.l2_cache * 1024LL, id.l2_cacheline, id.l2_assoc, 0},
        {3, 'u', id.l3_cache * 1024LL, id.l3_cacheline, id.l3_assoc, 0},
        {4, 'u', id.l4_cache * 1024LL, id.l4_cacheline, id.l4_assoc, 0},
    };
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) learn(cpu, &facts[i]);
}
#endif

static bool read_line(const char *root, int index, const char *name, char *line, int size)
{
    char path[512];
    snprintf(path, sizeof path, "%s/index%d/%s", root, index, name);
    FILE *file = fopen(path, "re");
    if (!file) return false;
    const bool read = fgets(line, size, file) != NULL;
    fclose(file);
    return read;
}

static int64_t read_count(const char *root, int index, const char *name)
{
    char line[64], *end;
    if (!read_line(root, index, name, line, sizeof line)) return 0;
    const int64_t value = strtoll(line, &end, 10);
    if (*end == 'K') return value * 1024;
    if (*end == 'M') return value * 1024 * 1024;
    return value;
}

/* "0-3,8" names five CPUs. */
static int count_listed(const char *list)
{
    int count = 0;
    while (isdigit((unsigned char)*list)) {
        char *end;
        const long first = strtol(list, &end, 10);
        const long last = *end == '-' ? strtol(end + 1, &end, 10) : first;
        if (last >= first && last - first < 65536) count += (int)(last - first) + 1;
        list = *end == ',' ? end + 1 : end;
    }
    return count;
}

static void ask_kernel(const char *root, qf_cpu *cpu)
{
    char line[1024];
    for (int i = 0; read_line(root, i, "type", line, sizeof line); i++) {
        qf_cache fact = {
            .level = (int)read_count(root, i, "level"),
            .kind = (char)tolower((unsigned char)line[0]), /* Data, Instruction, Unified */
            .bytes = read_count(root, i, "size"),
            .line = (int)read_count(root, i, "coherency_line_size"),
            .ways = (int)read_count(root, i, "ways_of_associativity"),
        };
        if (read_line(root, i, "shared_cpu_list", line, sizeof line))
            fact.shared_by = count_listed(line);
        learn(cpu, &fact);
    }
}

void qf_bound_third_level(qf_cpu *cpu)
{
    const bool amd = strcmp(cpu->vendor, "AuthenticAMD") == 0;
    const int64_t zen1 = INT64_C(8) << 20, zen2 = 2 * zen1, zen3 = 4 * zen1;
    const int64_t most = cpu->family >= 0x19 ? zen3 : cpu->model >= 0x30 ? zen2 : zen1;

    for (int i = 0; amd && cpu->family >= 0x17 && i < cpu->caches; i++) {
        qf_cache *cache = &cpu->cache[i];
        if (cache->level == 3 && !cache->shared_by && cache->bytes > most) cache->bytes = most;
    }
}

void qf_read_caches(const char *root, qf_cpu *cpu)
{
#if defined(QF_HAVE_LIBCPUID)
    ask_libcpuid(cpu);
#endif
    ask_kernel(root, cpu);
    qf_bound_third_level(cpu);
}
