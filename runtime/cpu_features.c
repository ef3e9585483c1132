/* cpu_features.c -- one row per feature: where its bit is, what the OS must have enabled.
 *
 * A row costs nothing until isas.def names the feature.  Rows are only ever appended
 * within their architecture: qf_features_print() feeds the fingerprints. */
#include "cpu_features.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>

enum { EAX, EBX, ECX, EDX };
enum { SSE_STATE = 0x2, AVX_STATE = 0x6, AVX512_STATE = 0xE6 }; /* bits of XCR0 */

typedef struct feature {
    const char *name;
    unsigned leaf, subleaf;
    int reg, bit;
    unsigned state; /* of XCR0: registers the OS must save */
} feature;

static const feature features[] = {
    {"sse2", 1, 0, EDX, 26, 0},
    {"sse3", 1, 0, ECX, 0, 0},
    {"ssse3", 1, 0, ECX, 9, 0},
    {"sse4.1", 1, 0, ECX, 19, 0},
    {"sse4.2", 1, 0, ECX, 20, 0},
    {"popcnt", 1, 0, ECX, 23, 0},
    {"lzcnt", 0x80000001, 0, ECX, 5, 0},
    {"bmi", 7, 0, EBX, 3, 0},
    {"bmi2", 7, 0, EBX, 8, 0},
    {"gfni", 7, 0, ECX, 8, 0},
    {"avx", 1, 0, ECX, 28, AVX_STATE},
    {"f16c", 1, 0, ECX, 29, AVX_STATE},
    {"fma", 1, 0, ECX, 12, AVX_STATE},
    {"avx2", 7, 0, EBX, 5, AVX_STATE},
    {"avxvnni", 7, 1, EAX, 4, AVX_STATE},
    {"avxifma", 7, 1, EAX, 23, AVX_STATE},
    {"avxvnniint8", 7, 1, EDX, 4, AVX_STATE},
    {"avxvnniint16", 7, 1, EDX, 10, AVX_STATE},
    {"avx512f", 7, 0, EBX, 16, AVX512_STATE},
    {"avx512dq", 7, 0, EBX, 17, AVX512_STATE},
    {"avx512cd", 7, 0, EBX, 28, AVX512_STATE},
    {"avx512bw", 7, 0, EBX, 30, AVX512_STATE},
    {"avx512vl", 7, 0, EBX, 31, AVX512_STATE},
    {"avx512ifma", 7, 0, EBX, 21, AVX512_STATE},
    {"avx512vbmi", 7, 0, ECX, 1, AVX512_STATE},
    {"avx512vbmi2", 7, 0, ECX, 6, AVX512_STATE},
    {"avx512vnni", 7, 0, ECX, 11, AVX512_STATE},
    {"avx512bitalg", 7, 0, ECX, 12, AVX512_STATE},
    {"avx512vpopcntdq", 7, 0, ECX, 14, AVX512_STATE},
    {"avx512fp16", 7, 0, EDX, 23, AVX512_STATE},
    {"avx512bf16", 7, 1, EAX, 5, AVX512_STATE},
};

static uint64_t enabled_state(void)
{
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE)) return SSE_STATE;
    __asm__ volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
    return (uint64_t)d << 32 | a;
}

static bool present(const feature *f)
{
    unsigned r[4];
    if (!__get_cpuid_count(f->leaf, f->subleaf, &r[EAX], &r[EBX], &r[ECX], &r[EDX]))
        return false;
    return (r[f->reg] >> f->bit & 1) && (enabled_state() & f->state) == f->state;
}

#elif defined(__aarch64__) || defined(__riscv) || defined(__powerpc64__)
#include <sys/auxv.h>
#include <sys/prctl.h>

/* The kernel's own word for what it saves and restores. */
typedef struct feature {
    const char *name;
    unsigned long vector; /* AT_HWCAP or AT_HWCAP2 */
    int bit;
} feature;

static const feature features[] = {
#if defined(__aarch64__)
    {"neon", AT_HWCAP, 1},   {"fullfp16", AT_HWCAP, 10}, {"dotprod", AT_HWCAP, 20},
    {"sve", AT_HWCAP, 22},   {"sve2", AT_HWCAP2, 1},     {"i8mm", AT_HWCAP2, 13},
    {"bf16", AT_HWCAP2, 14}, {"sme", AT_HWCAP2, 23},
#elif defined(__powerpc64__)
    {"vsx", AT_HWCAP, 7},
    {"power9-vector", AT_HWCAP2, 23},
#else
    {"m", AT_HWCAP, 'm' - 'a'}, {"a", AT_HWCAP, 0},         {"f", AT_HWCAP, 'f' - 'a'},
    {"d", AT_HWCAP, 'd' - 'a'}, {"c", AT_HWCAP, 'c' - 'a'}, {"v", AT_HWCAP, 'v' - 'a'},
#endif
};

static bool present(const feature *f)
{
    return getauxval(f->vector) >> f->bit & 1;
}

#else
typedef struct feature {
    const char *name;
} feature;
static const feature features[] = {{"none"}};
static bool present(const feature *f)
{
    (void)f;
    return false;
}
#endif

enum { FEATURES = sizeof features / sizeof *features };

static const feature *feature_named(const char *name, size_t length)
{
    for (int i = 0; i < FEATURES; i++)
        if (strncmp(features[i].name, name, length) == 0 && !features[i].name[length])
            return &features[i];
    return NULL;
}

static bool every(const char *list, bool test_presence)
{
    while (*list) {
        const size_t length = strcspn(list, ",");
        if (*list != '+' || length < 2) return false;
        const feature *f = feature_named(list + 1, length - 1);
        if (!f || (test_presence && !present(f))) return false;
        list += length + (list[length] == ',');
    }
    return true;
}

bool qf_features_usable(const char *list)
{
    return every(list, true);
}

/* The length is the thread's own and may be set: what the kernel says now is what holds for
 * threads that begin later. */
int qf_features_vector_bytes(const char *list)
{
#if defined(__aarch64__) && defined(PR_SVE_GET_VL)
    if (strstr(list, "+sve")) {
        const int length = prctl(PR_SVE_GET_VL);
        return length > 0 ? length & PR_SVE_VL_LEN_MASK : -1;
    }
#endif
#if defined(__riscv)
    if (strstr(list, "+v")) {
        long length;
        __asm__ volatile("csrr %0, 0xc22" : "=r"(length)); /* vlenb */
        return (int)length;
    }
#endif
    (void)list;
    return 0;
}

bool qf_features_known(const char *list)
{
    return every(list, false);
}

void qf_features_print(char *text, size_t size)
{
    size_t used = 0;
    text[0] = 0;
    for (int i = 0; i < FEATURES; i++) {
        if (!present(&features[i])) continue;
        const int wrote =
            snprintf(text + used, size - used, "%s%s", used ? "," : "", features[i].name);
        if (wrote < 0 || (size_t)wrote >= size - used) return;
        used += (size_t)wrote;
    }
}
