/* cgroup.c -- limits of control groups, affinity, physical memory. */
#include "cgroup.h"

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "qforge/memory.h"

enum { PATH_BYTES = 1024 };

/* One line of directory/name; false when there is no such file. */
static bool read_line(const char *directory, const char *name, char *line, int size)
{
    char path[PATH_BYTES + 64];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "re");
    if (!file) return false;
    const bool read = fgets(line, size, file) != NULL;
    fclose(file);
    return read;
}

static int64_t read_number(const char *directory, const char *name)
{
    char line[64];
    return read_line(directory, name, line, sizeof line) ? strtoll(line, NULL, 10) : 0;
}

static void tighten_cpus(qf_limits *limits, double quota, double period)
{
    if (quota <= 0 || period <= 0) return;
    const double cpus = quota / period;
    if (limits->cpus == 0 || cpus < limits->cpus) limits->cpus = cpus;
}

/* Bytes the group uses for good: pages of files are given back when memory is short. */
static int64_t memory_used(const char *directory)
{
    char path[PATH_BYTES + 64], line[128];
    int64_t used = read_number(directory, "memory.current") +
                   read_number(directory, "memory.usage_in_bytes");

    snprintf(path, sizeof path, "%s/memory.stat", directory);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file)) {
        long long bytes;
        if (sscanf(line, "inactive_file %lld", &bytes) == 1 ||
            sscanf(line, "active_file %lld", &bytes) == 1)
            used -= bytes;
    }
    if (file) fclose(file);
    return used > 0 ? used : 0;
}

static void tighten_memory(qf_limits *limits, const char *directory, const char *name)
{
    const int64_t bytes = read_number(directory, name);
    /* v1 says "no limit" with a number near 2^63. */
    if (bytes <= 0 || bytes >= INT64_MAX / 2) return;
    const int64_t used = memory_used(directory), left = used < bytes ? bytes - used : 0;
    if (limits->memory_bytes == 0 || bytes < limits->memory_bytes) limits->memory_bytes = bytes;
    if (left < limits->memory_left) limits->memory_left = left;
}

/* The files of v2 and v1 have different names, so one reader serves both. */
static void read_group(const char *directory, qf_limits *limits)
{
    char line[128], *end;

    if (read_line(directory, "cpu.max", line, sizeof line)) {
        const double quota = strtod(line, &end); /* "max 100000": 0, no limit */
        tighten_cpus(limits, quota, strtod(end, NULL));
    }
    tighten_cpus(limits, (double)read_number(directory, "cpu.cfs_quota_us"),
                 (double)read_number(directory, "cpu.cfs_period_us"));
    tighten_memory(limits, directory, "memory.max");
    tighten_memory(limits, directory, "memory.limit_in_bytes");
}

/* The group `path` below `root` and every group above it. */
static void read_branch(const char *root, const char *path, qf_limits *limits)
{
    char directory[PATH_BYTES];
    const size_t above = strlen(root);

    if ((size_t)snprintf(directory, sizeof directory, "%s%s", root, path) >= sizeof directory)
        return;
    for (;;) {
        read_group(directory, limits);
        char *slash = strrchr(directory, '/');
        if (!slash || slash < directory + above) return;
        *slash = 0;
    }
}

/* A line of /proc/self/cgroup: "0::/path" (v2) or "4:cpu,cpuacct:/path" (v1, one
 * hierarchy per controller, mounted under its name). */
static void read_membership(char *line, const char *root, qf_limits *limits)
{
    char mount[PATH_BYTES];
    line[strcspn(line, "\n")] = 0;
    char *controllers = strchr(line, ':');
    char *path = controllers ? strchr(controllers + 1, ':') : NULL;
    if (!path) return;
    *controllers++ = 0, *path++ = 0;
    if (!*controllers) {
        read_branch(root, path, limits);
        return;
    }
    snprintf(mount, sizeof mount, "%s/%s", root, controllers);
    read_branch(mount, path, limits);
    /* In a container the group's own path is not visible: its root is the group. */
    read_group(mount, limits);
}

qf_limits qf_limits_read(const char *membership, const char *root)
{
    char line[PATH_BYTES];
    qf_limits limits = {.memory_left = INT64_MAX};
    FILE *file = fopen(membership, "re");

    while (file && fgets(line, sizeof line, file)) read_membership(line, root, &limits);
    if (file) fclose(file);
    return limits;
}

static qf_limits own_limits(void)
{
    return qf_limits_read("/proc/self/cgroup", "/sys/fs/cgroup");
}

int qf_usable_cores(void)
{
    cpu_set_t set;
    int cores = (int)sysconf(_SC_NPROCESSORS_ONLN);

    if (sched_getaffinity(0, sizeof set, &set) == 0) cores = CPU_COUNT(&set);
    /* Rounded down: one thread too many is throttled, and every product waits for it. */
    const double cpus = own_limits().cpus;
    if (cpus > 0 && cpus < cores) cores = (int)cpus;
    return cores < 1 ? 1 : cores;
}

int64_t qf_usable_memory(void)
{
    const int64_t physical = (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
    const int64_t limit = own_limits().memory_bytes;
    return limit > 0 && limit < physical ? limit : physical;
}

/* What the system says is there without swapping; all of it where it does not say. */
static int64_t available(void)
{
    char line[128];
    long long kilobytes = 0;
    FILE *file = fopen("/proc/meminfo", "re");

    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "MemAvailable: %lld kB", &kilobytes) == 1) break;
    if (file) fclose(file);
    return kilobytes > 0 ? kilobytes * 1024 : qf_usable_memory();
}

int64_t qf_memory_available(void)
{
    const int64_t system = available(), left = own_limits().memory_left;
    return left < system ? left : system;
}
