/* test_cpu.c -- the machine: consistent with itself, with the kernel, and with made-up
 * system trees. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qforge/cpu.h"
#include "runtime/cgroup.h"
#include "runtime/cpu_features.h"
#include "runtime/cpu_identity.h"
#include "runtime/fingerprint.h"

static void test_detect(void **state)
{
    (void)state;
    qf_cpu cpu, again;
    cpu_set_t set;
    assert_int_equal(qf_cpu_detect(&cpu), QF_OK);
    assert_true(*cpu.vendor && *cpu.brand && *cpu.arch && *cpu.hypervisor);
    assert_true(qf_cpu_runs(&cpu, QF_ISA_C));
    assert_true(qf_cpu_runs(&cpu, qf_cpu_best_isa(&cpu)));
    assert_int_equal(cpu.vector_bytes, qf_isa_of(qf_cpu_best_isa(&cpu))->vector_bytes);
    assert_int_equal(sched_getaffinity(0, sizeof set, &set), 0);
    assert_in_range(cpu.cores, 1, CPU_COUNT(&set));
    assert_true(cpu.memory_bytes > 1 << 20);
    assert_int_equal(qf_cpu_detect(&again), QF_OK);
    assert_memory_equal(&cpu, &again, sizeof cpu);
}

/* A lesser machine on request: fewer kernels, other keys, nothing else. */
static void better_isas_hide_on_request(void **state)
{
    (void)state;
    qf_cpu all, lesser, again;
    assert_int_equal(qf_cpu_detect(&all), QF_OK);
    for (int isa = 0; isa < QF_ISA_COUNT; isa++) {
        setenv("QFORGE_ISA", qf_isa_of((qf_isa)isa)->name, 1);
        if (!qf_cpu_runs(&all, (qf_isa)isa)) {
            assert_int_equal(qf_cpu_detect(&lesser), QF_UNSUPPORTED);
            assert_int_equal(qf_cpu_detect_as((qf_isa)isa, &again), QF_UNSUPPORTED);
            continue;
        }
        assert_int_equal(qf_cpu_detect(&lesser), QF_OK);
        assert_int_equal(qf_cpu_best_isa(&lesser), isa);
        assert_int_equal(lesser.vector_bytes, qf_isa_of((qf_isa)isa)->vector_bytes);
        const bool best = isa == (int)qf_cpu_best_isa(&all);
        assert_int_equal(strcmp(lesser.tune_key, all.tune_key) == 0, best);
        setenv("QFORGE_ISA", "c", 1); /* asked for by name, the environment has no say */
        assert_int_equal(qf_cpu_detect_as((qf_isa)isa, &again), QF_OK);
        assert_memory_equal(&lesser, &again, sizeof again);
    }
    setenv("QFORGE_ISA", "teleport", 1);
    assert_int_equal(qf_cpu_detect(&lesser), QF_UNSUPPORTED);
    setenv("QFORGE_ISA", "", 1);
    assert_int_equal(qf_cpu_detect(&lesser), QF_OK);
    assert_memory_equal(&lesser, &all, sizeof all);
    unsetenv("QFORGE_ISA");
    qf_message_clear();
}

/* Every feature isas.def asks for on this architecture has a probe. */
static void test_isa_rows_are_probed(void **state)
{
    (void)state;
    qf_cpu cpu;
    assert_int_equal(qf_cpu_detect(&cpu), QF_OK);
    for (int i = 0; i < QF_ISA_COUNT; i++) {
        const qf_isa_row *row = qf_isa_of((qf_isa)i);
        if (strcmp(row->arch, cpu.arch) == 0) assert_true(qf_features_known(row->features));
    }
}

static void test_feature_lists(void **state)
{
    (void)state;
    assert_true(qf_features_usable(""));
    assert_false(qf_features_usable("+teleport"));
    assert_false(qf_features_usable("+"));
    assert_false(qf_features_usable("avx2"));
    assert_false(qf_features_usable("+avx2,+teleport"));
    assert_false(qf_features_usable(",+avx2"));
#if defined(__x86_64__)
    assert_true(qf_features_usable("+sse2"));
    assert_false(qf_features_usable("+sse")); /* a prefix of a name is no name */
    assert_false(qf_features_usable("+sse2x"));
    assert_true(qf_features_known("+avx512f,+avx512vnni"));
    /* The compiler's own probe, which also asks the OS. */
    __builtin_cpu_init();
    assert_int_equal(qf_features_usable("+avx2"), __builtin_cpu_supports("avx2") != 0);
    assert_int_equal(qf_features_usable("+fma"), __builtin_cpu_supports("fma") != 0);
    assert_int_equal(qf_features_usable("+bmi2"), __builtin_cpu_supports("bmi2") != 0);
    assert_int_equal(qf_features_usable("+avx512f"), __builtin_cpu_supports("avx512f") != 0);
    assert_int_equal(qf_features_usable("+avx512vnni"),
                     __builtin_cpu_supports("avx512vnni") != 0);
#endif
}

static void test_cache_sizes(void **state)
{
    (void)state;
    qf_cpu cpu, blank = {0};
    assert_int_equal(qf_cpu_detect(&cpu), QF_OK);
    assert_in_range(qf_cpu_cache_bytes(&cpu, 1), 4 << 10, 1 << 20);
    assert_in_range(qf_cpu_cache_bytes(&cpu, 2), 64 << 10, 64 << 20);
    for (int level = 1; level <= 3; level++)
        assert_true(qf_cpu_cache_bytes(&blank, level) >= 32 << 10);

    const qf_cpu large = {.cache = {{.level = 3, .kind = 'u', .bytes = 480 << 20}},
                          .caches = 1,
                          .memory_bytes = INT64_C(64) << 30};
    qf_cpu small = large;
    small.memory_bytes = INT64_C(1) << 30;
    assert_int_equal(qf_cpu_cold_bytes(&large), INT64_C(4 * 480) << 20);
    assert_int_equal(qf_cpu_cold_bytes(&small), 256 << 20); /* memory decides */
    blank.memory_bytes = INT64_C(64) << 30;
    assert_int_equal(qf_cpu_cold_bytes(&blank), 256 << 20);
    assert_int_equal(qf_cpu_cold_copies(&small, 64 << 20), 6);
    assert_int_equal(qf_cpu_cold_copies(&small, INT64_C(1) << 30), 2);
    assert_int_equal(qf_cpu_cold_copies(&small, 1), 4096);
}

/* ---- made-up trees ---- */

static char tree[64];

static void write_file(const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", tree, name);
    for (char *slash = path + strlen(tree) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = 0;
        mkdir(path, 0700);
        *slash = '/';
    }
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int make_tree(void **state)
{
    (void)state;
    snprintf(tree, sizeof tree, "/tmp/qforge-cpu-XXXXXX");
    return mkdtemp(tree) == NULL;
}

static int drop_tree(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", tree);
    return system(command);
}

static qf_limits limits_of(const char *membership)
{
    char path[128];
    write_file("membership", membership);
    snprintf(path, sizeof path, "%s/membership", tree);
    return qf_limits_read(path, tree);
}

static void test_limits_of_version_2(void **state)
{
    (void)state;
    write_file("cpu.max", "max 100000\n");
    write_file("a/cpu.max", "250000 100000\n");
    write_file("a/memory.max", "1073741824\n");
    write_file("a/b/cpu.max", "max 100000\n");
    write_file("a/b/memory.max", "max\n");
    qf_limits l = limits_of("0::/a/b\n");
    assert_float_equal(l.cpus, 2.5, 0);
    assert_int_equal(l.memory_bytes, 1 << 30); /* of the group above */
    write_file("a/memory.current", "73741824\n");
    write_file("a/memory.stat", "anon 1\ninactive_file 33741800\nactive_file 24\n");
    l = limits_of("0::/a/b\n");
    assert_int_equal(l.memory_left, (1 << 30) - 40000000); /* pages of files come back */
    write_file("a/b/cpu.max", "50000 100000\n");
    write_file("a/b/memory.max", "4096\n");
    l = limits_of("0::/a/b\n");
    assert_float_equal(l.cpus, 0.5, 0);
    assert_int_equal(l.memory_bytes, 4096);
    assert_int_equal(l.memory_left, 4096);
    write_file("a/b/memory.current", "5000\n"); /* the limit was lowered since */
    assert_int_equal(limits_of("0::/a/b\n").memory_left, 0);
    l = limits_of("0::/\n");
    assert_float_equal(l.cpus, 0, 0);
    assert_int_equal(l.memory_bytes, 0);
    assert_true(l.memory_left == INT64_MAX);
}

static void test_limits_of_version_1(void **state)
{
    (void)state;
    write_file("memory/box/memory.limit_in_bytes", "2147483648\n");
    write_file("memory/memory.limit_in_bytes", "9223372036854771712\n");
    write_file("cpu,cpuacct/box/cpu.cfs_quota_us", "300000\n");
    write_file("cpu,cpuacct/box/cpu.cfs_period_us", "100000\n");
    write_file("cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
    const qf_limits l = limits_of("3:cpu,cpuacct:/box\n2:memory:/box\n1:name=systemd:/box\n");
    assert_float_equal(l.cpus, 3, 0);
    assert_int_equal(l.memory_bytes, INT64_C(1) << 31);
    write_file("memory/box/memory.usage_in_bytes", "1147483648\n");
    assert_int_equal(limits_of("2:memory:/box\n").memory_left, 1000000000);
}

static void test_limits_of_nonsense(void **state)
{
    (void)state;
    char longest[5000];
    memset(longest, '/', sizeof longest - 1);
    longest[sizeof longest - 1] = 0;
    static const char *const texts[] = {"", "\n", ":", "0:", "0::", "no colon", "0::relative"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const qf_limits l = limits_of(texts[i]);
        assert_true(l.cpus >= 0 && l.memory_bytes >= 0);
    }
    const qf_limits l = limits_of(longest);
    assert_true(l.cpus >= 0 && l.memory_bytes >= 0);
    const qf_limits none = qf_limits_read("/nonexistent", "/nonexistent");
    assert_true(none.cpus == 0 && none.memory_bytes == 0);
}

static void test_caches_of_the_kernel(void **state)
{
    (void)state;
    char root[128];
    qf_cpu cpu = {0};
    write_file("cache/index0/type", "Data\n");
    write_file("cache/index0/level", "7\n"); /* a level libcpuid will not fill */
    write_file("cache/index0/size", "48K\n");
    write_file("cache/index0/coherency_line_size", "128\n");
    write_file("cache/index0/ways_of_associativity", "12\n");
    write_file("cache/index0/shared_cpu_list", "0-1,4,6-7\n");
    write_file("cache/index1/type", "Unified\n");
    write_file("cache/index1/level", "8\n");
    write_file("cache/index1/size", "3M\n");
    snprintf(root, sizeof root, "%s/cache", tree);
    qf_read_caches(root, &cpu);
    assert_true(cpu.caches >= 2);
    const qf_cache *data = &cpu.cache[cpu.caches - 2], *unified = &cpu.cache[cpu.caches - 1];
    assert_int_equal(data->level, 7);
    assert_int_equal(data->kind, 'd');
    assert_int_equal(data->bytes, 48 << 10);
    assert_int_equal(data->line, 128);
    assert_int_equal(data->ways, 12);
    assert_int_equal(data->shared_by, 5);
    assert_int_equal(unified->kind, 'u');
    assert_int_equal(unified->bytes, 3 << 20);
    assert_int_equal(unified->shared_by, 0);
}

/* AMD's sum over the package is no core's third level; who shares a cache, or another's word,
 * is believed. */
static void test_third_level(void **state)
{
    static const struct {
        const char *vendor;
        int family, model, shared_by;
        int64_t megabytes, wanted;
    } machines[] = {
        {"AuthenticAMD", 0x1a, 2, 0, 508, 32}, {"AuthenticAMD", 0x1a, 2, 16, 96, 96},
        {"AuthenticAMD", 0x19, 1, 0, 16, 16},  {"AuthenticAMD", 0x17, 0x31, 0, 256, 16},
        {"AuthenticAMD", 0x17, 1, 0, 64, 8},   {"AuthenticAMD", 0x16, 0x30, 0, 64, 64},
        {"GenuineIntel", 6, 207, 0, 320, 320},
    };
    (void)state;
    for (size_t i = 0; i < sizeof machines / sizeof *machines; i++) {
        qf_cpu cpu = {
            .family = machines[i].family,
            .model = machines[i].model,
            .cache = {{2, 'u', INT64_C(64) << 20, 64, 8, 0},
                      {3, 'u', machines[i].megabytes << 20, 64, 16, machines[i].shared_by}},
            .caches = 2};
        snprintf(cpu.vendor, sizeof cpu.vendor, "%s", machines[i].vendor);
        qf_bound_third_level(&cpu);
        assert_int_equal(cpu.cache[1].bytes, machines[i].wanted << 20);
        assert_int_equal(cpu.cache[0].bytes, INT64_C(64) << 20);
    }
}

/* Keys are stable, and each moves with its own facts only. */
static void test_fingerprints(void **state)
{
    (void)state;
    qf_cpu cpu = {.vendor = "GenuineForge",
                  .brand = "Anvil 9",
                  .arch = "x86_64",
                  .hypervisor = "none",
                  .family = 25,
                  .model = 1,
                  .cores = 2,
                  .cache = {{1, 'd', 32768, 64, 8, 1}, {2, 'u', 524288, 64, 8, 1}},
                  .caches = 2};
    qf_fingerprint(&cpu, "avx,avx2");
    /* A change of these breaks every ledger in the field. */
    assert_string_equal(cpu.isa_key, "16f825d1ed88d856");
    assert_string_equal(cpu.tune_key, "9ed6fef0b54fcea2");
    assert_string_equal(cpu.perf_key, "f6b886e908d479d0");

    qf_cpu other = cpu;
    other.cores = 4;
    qf_fingerprint(&other, "avx,avx2");
    assert_string_equal(other.tune_key, cpu.tune_key);
    assert_string_not_equal(other.perf_key, cpu.perf_key);

    other = cpu;
    other.cache[1].bytes *= 2;
    qf_fingerprint(&other, "avx,avx2");
    assert_string_equal(other.isa_key, cpu.isa_key);
    assert_string_not_equal(other.tune_key, cpu.tune_key);
    assert_string_not_equal(other.perf_key, cpu.perf_key);

    other = cpu;
    qf_fingerprint(&other, "avx,avx2,fma");
    assert_string_not_equal(other.isa_key, cpu.isa_key);
    assert_string_not_equal(other.tune_key, cpu.tune_key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_detect),
        cmocka_unit_test(better_isas_hide_on_request),
        cmocka_unit_test(test_isa_rows_are_probed),
        cmocka_unit_test(test_feature_lists),
        cmocka_unit_test(test_cache_sizes),
        cmocka_unit_test(test_limits_of_version_2),
        cmocka_unit_test(test_limits_of_version_1),
        cmocka_unit_test(test_limits_of_nonsense),
        cmocka_unit_test(test_caches_of_the_kernel),
        cmocka_unit_test(test_third_level),
        cmocka_unit_test(test_fingerprints),
    };
    return cmocka_run_group_tests(tests, make_tree, drop_tree);
}
