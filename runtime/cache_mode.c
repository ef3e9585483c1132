/* cache_mode.c -- the rows of cache_modes.def, and how many copies of weights each takes. */
#include "qforge/cache_mode.h"

#include <string.h>

#include "qforge/status.h"

static const char *const names[] = {
#define QF_CACHE_MODE(id, name, summary) name,
#include "qforge/cache_modes.def"
#undef QF_CACHE_MODE
};

const char *qf_cache_mode_name(qf_cache_mode mode)
{
    QF_ASSERT((unsigned)mode < QF_CACHE_MODE_COUNT);
    return names[mode];
}

qf_cache_mode qf_cache_mode_named(const char *name)
{
    int i = 0;
    while (i < QF_CACHE_MODE_COUNT && strcmp(names[i], name) != 0) i++;
    return (qf_cache_mode)i;
}

/* Half of the last cache is left to activations and to neighbours. */
static int warm_copies(const qf_cpu *cpu, int64_t bytes, int threads)
{
    enum { MOST = 4096 };
    const int64_t wanted = 2 * qf_cpu_cache_bytes(cpu, 2) * threads / bytes + 1;
    const int64_t room = qf_cpu_cache_bytes(cpu, 3) / 2 / bytes;
    const int64_t copies = wanted < room ? wanted : room;

    if (copies < 1) return 1;
    return copies < MOST ? (int)copies : MOST;
}

int qf_cache_copies(const qf_cpu *cpu, qf_cache_mode mode, int64_t bytes, int threads)
{
    QF_ASSERT((unsigned)mode < QF_CACHE_MODE_COUNT && bytes > 0 && threads > 0);
    if (mode == QF_HOT) return 1;
    return mode == QF_WARM ? warm_copies(cpu, bytes, threads) : qf_cpu_cold_copies(cpu, bytes);
}
