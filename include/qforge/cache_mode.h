/* qforge/cache_mode.h -- where a product that is timed finds its weights.
 *
 * HOT: one copy of the weights, again and again: they come from the nearest cache they fit.
 *
 * WARM: they come from the last-level cache.  As many copies take turns as are together larger
 * than twice the L2 of the cores that read them (each reads its part of every copy), but no
 * more than half of the last-level cache holds.  Weights that are larger than twice those L2 by
 * themselves are one copy, as when HOT: the two modes are then the same.
 *
 * COLD: they come from memory.  Copies take turns far beyond the last-level cache
 * (qf_cpu_cold_bytes), as when a model larger than it decodes.
 *
 * Before version 7 of the ledger there was no HOT, and WARM was what HOT is now: older rows
 * that say warm are right for weights larger than twice L2, and hot times of smaller ones. */
#ifndef QFORGE_CACHE_MODE_H
#define QFORGE_CACHE_MODE_H

#include <stdint.h>

#include "qforge/cpu.h"

typedef enum qf_cache_mode {
#define QF_CACHE_MODE(id, name, summary) QF_##id,
#include "qforge/cache_modes.def"
#undef QF_CACHE_MODE
    QF_CACHE_MODE_COUNT
} qf_cache_mode;

const char *qf_cache_mode_name(qf_cache_mode mode);  /* "hot", "warm", "cold" */
qf_cache_mode qf_cache_mode_named(const char *name); /* QF_CACHE_MODE_COUNT: there is none */

/* How many copies of weights of `bytes` (> 0) take turns when `threads` read a part of each;
 * HOT: 1.  Very small ones stay in nearer caches than they should, however many there are: no
 * more than 4096 are made. */
int qf_cache_copies(const qf_cpu *cpu, qf_cache_mode mode, int64_t bytes, int threads);

#endif
