/* cpu_identity.c -- identity from libcpuid where it is packaged, else from cpuid itself
 * or the kernel's text. */
#include "cpu_identity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#if defined(QF_HAVE_LIBCPUID)
#include <libcpuid/libcpuid.h>
#endif

#if defined(QF_HAVE_LIBCPUID)
/* A library that is older than the CPU names it after whatever it resembles: 0.6 takes Zen 5
 * for an Athlon X2. */
static bool is_known(const struct cpu_id_t *id)
{
    return id->vendor != VENDOR_AMD || id->ext_family <= 0x19 ||
           strtod(cpuid_lib_version(), NULL) >= 0.7;
}

void qf_identify(qf_cpu *cpu)
{
    struct cpu_raw_data_t raw;
    struct cpu_id_t id;

    cpuid_set_warn_function(NULL); /* a library never prints */
    if (!cpuid_present() || cpuid_get_raw_data(&raw) < 0 || cpu_identify(&raw, &id) < 0) return;
    snprintf(cpu->vendor, sizeof cpu->vendor, "%.15s", id.vendor_str);
    snprintf(cpu->brand, sizeof cpu->brand, "%.63s", id.brand_str);
    if (is_known(&id)) snprintf(cpu->codename, sizeof cpu->codename, "%.63s", id.cpu_codename);
    cpu->family = id.ext_family;
    cpu->model = id.ext_model;
    cpu->stepping = id.stepping;
}

#elif defined(__x86_64__)
static void read_brand(qf_cpu *cpu)
{
    unsigned word[12];
    for (unsigned i = 0; i < 3; i++)
        if (!__get_cpuid(0x80000002 + i, &word[4 * i], &word[4 * i + 1], &word[4 * i + 2],
                         &word[4 * i + 3]))
            return;
    snprintf(cpu->brand, sizeof cpu->brand, "%.48s", (const char *)word);
}

void qf_identify(qf_cpu *cpu)
{
    unsigned a, b, c, d, text[3];

    if (!__get_cpuid(0, &a, &text[0], &text[2], &text[1])) return;
    snprintf(cpu->vendor, sizeof cpu->vendor, "%.12s", (const char *)text);
    read_brand(cpu);
    if (!__get_cpuid(1, &a, &b, &c, &d)) return;
    const int family = a >> 8 & 15, model = a >> 4 & 15;
    cpu->family = family == 15 ? family + (int)(a >> 20 & 255) : family;
    cpu->model = family == 15 || family == 6 ? (int)(a >> 16 & 15) << 4 | model : model;
    cpu->stepping = a & 15;
}

#else
/* /proc/cpuinfo of the first CPU: "CPU implementer : 0x41". */
static bool cpuinfo_field(const char *name, char *value, size_t size)
{
    char line[256];
    bool found = false;
    FILE *file = fopen("/proc/cpuinfo", "re");
    while (file && !found && fgets(line, sizeof line, file)) {
        const char *colon = strchr(line, ':');
        if (!colon || strncmp(line, name, strlen(name)) != 0) continue;
        colon += 1 + strspn(colon + 1, " ");
        snprintf(value, size, "%.*s", (int)strcspn(colon, "\n"), colon);
        found = true;
    }
    if (file) fclose(file);
    return found;
}

void qf_identify(qf_cpu *cpu)
{
    char text[64];
    if (cpuinfo_field("CPU implementer", text, sizeof text))
        snprintf(cpu->vendor, sizeof cpu->vendor, "%.15s", text);
    if (cpuinfo_field("model name", text, sizeof text) ||
        cpuinfo_field("uarch", text, sizeof text))
        snprintf(cpu->brand, sizeof cpu->brand, "%s", text);
    if (cpuinfo_field("CPU architecture", text, sizeof text))
        cpu->family = (int)strtol(text, NULL, 0);
    if (cpuinfo_field("CPU part", text, sizeof text)) cpu->model = (int)strtol(text, NULL, 0);
    if (cpuinfo_field("CPU variant", text, sizeof text))
        cpu->stepping = (int)strtol(text, NULL, 0);
}
#endif

void qf_identify_hypervisor(qf_cpu *cpu)
{
#if defined(__x86_64__)
    static const char *const names[][2] = {
        {"KVMKVMKVM", "kvm"},     {"Microsoft Hv", "hyperv"},    {"VMwareVMware", "vmware"},
        {"XenVMMXenVMM", "xen"},  {"TCGTCGTCGTCG", "qemu"},      {"bhyve bhyve ", "bhyve"},
        {"ACRNACRNACRN", "acrn"}, {"VBoxVBoxVBox", "virtualbox"}};
    unsigned a, b, c, d;
    char text[13] = "";

    snprintf(cpu->hypervisor, sizeof cpu->hypervisor, "none");
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c >> 31 & 1)) return;
    __cpuid(0x40000000, a, b, c, d); /* beyond the range __get_cpuid() would check */
    memcpy(text, &b, 4), memcpy(text + 4, &c, 4), memcpy(text + 8, &d, 4);
    snprintf(cpu->hypervisor, sizeof cpu->hypervisor, "%s", *text ? text : "unnamed");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(text, names[i][0]) == 0)
            snprintf(cpu->hypervisor, sizeof cpu->hypervisor, "%s", names[i][1]);
#else
    snprintf(cpu->hypervisor, sizeof cpu->hypervisor, "unknown");
#endif
}
