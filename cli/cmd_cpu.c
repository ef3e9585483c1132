/* cmd_cpu.c -- qforge cpu: the machine as kernels and the ledger see it. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "command.h"
#include "options.h"
#include "qforge/cpu.h"

static const char *cache_kind(char kind)
{
    return kind == 'd' ? "data" : kind == 'i' ? "instruction" : "unified";
}

static json_t *isas_json(const qf_cpu *cpu)
{
    json_t *names = json_array();
    for (int isa = 0; isa < QF_ISA_COUNT; isa++)
        if (qf_cpu_runs(cpu, (qf_isa)isa))
            json_array_append_new(names, json_string(qf_isa_of((qf_isa)isa)->name));
    return names;
}

static json_t *caches_json(const qf_cpu *cpu)
{
    json_t *caches = json_array();
    for (int i = 0; i < cpu->caches; i++) {
        const qf_cache *c = &cpu->cache[i];
        json_array_append_new(caches, json_pack("{s:i, s:s, s:I, s:i, s:i, s:i}", "level",
                                                c->level, "kind", cache_kind(c->kind), "bytes",
                                                (json_int_t)c->bytes, "line", c->line, "ways",
                                                c->ways, "shared_by", c->shared_by));
    }
    return caches;
}

static qf_status print_json(const qf_cpu *cpu)
{
    json_t *root = json_pack(
        "{s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:s, s:i, s:I, s:o, s:i, s:o, s:s, s:s, s:s}",
        "arch", cpu->arch, "vendor", cpu->vendor, "brand", cpu->brand, "codename",
        cpu->codename, "family", cpu->family, "model", cpu->model, "stepping", cpu->stepping,
        "hypervisor", cpu->hypervisor, "cores", cpu->cores, "memory_bytes",
        (json_int_t)cpu->memory_bytes, "isa", isas_json(cpu), "vector_bytes", cpu->vector_bytes,
        "caches", caches_json(cpu), "isa_key", cpu->isa_key, "tune_key", cpu->tune_key,
        "perf_key", cpu->perf_key);
    const bool printed = root && json_dumpf(root, stdout, JSON_INDENT(2)) == 0;
    json_decref(root);
    putchar('\n');
    return printed ? QF_OK : qf_fail(QF_IO, "cannot write to standard output");
}

static void print_caches(const qf_cpu *cpu)
{
    for (int i = 0; i < cpu->caches; i++) {
        const qf_cache *c = &cpu->cache[i];
        printf("L%d %-11s %7" PRId64 " KiB", c->level, cache_kind(c->kind), c->bytes / 1024);
        if (c->ways) printf(", %d ways of %d bytes", c->ways, c->line);
        if (c->shared_by) printf(", shared by %d", c->shared_by);
        putchar('\n');
    }
}

static void print_text(const qf_cpu *cpu)
{
    printf("%s (%s, %s), family %d model %d stepping %d\n", cpu->brand, cpu->vendor,
           cpu->codename, cpu->family, cpu->model, cpu->stepping);
    printf("%-14s %s, hypervisor %s\n", "architecture", cpu->arch, cpu->hypervisor);
    printf("%-14s", "kernels for");
    for (int isa = 0; isa < QF_ISA_COUNT; isa++)
        if (qf_cpu_runs(cpu, (qf_isa)isa)) printf(" %s", qf_isa_of((qf_isa)isa)->name);
    printf(" (vectors of %d bytes)\n", cpu->vector_bytes);
    print_caches(cpu);
    printf("%-14s %d usable\n", "cores", cpu->cores);
    printf("%-14s %.1f GiB\n", "memory", (double)cpu->memory_bytes / (1 << 30));
    printf("%-14s %s  kernels run where it is equal\n", "isa key", cpu->isa_key);
    printf("%-14s %s  tunings carry over\n", "tune key", cpu->tune_key);
    printf("%-14s %s  times compare\n", "perf key", cpu->perf_key);
}

qf_status cli_cmd_cpu(int argc, char **argv)
{
    bool json = false;
    const cli_option options[] = {{"json", 0, CLI_FLAG, &json, NULL, "print JSON"}, {0}};
    qf_cpu cpu;
    int rest;
    bool help;

    QF_TRY(cli_parse(argc, argv, "qforge cpu [--json]", options, &rest, &help));
    if (help) return QF_OK;
    QF_TRY(cli_no_operands(argc, argv, rest));
    QF_TRY(qf_cpu_detect(&cpu));
    if (json) return print_json(&cpu);
    print_text(&cpu);
    return QF_OK;
}
