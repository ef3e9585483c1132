/* qforge/memory.h -- aligned buffers and arenas.
 *
 * Every buffer is zeroed unless asked not to be, aligned to 64 bytes, and from 2 MiB up to 2
 * MiB with transparent huge pages asked for, so that a weight stream costs few TLB misses.
 * Whoever makes a buffer unmakes it. */
#ifndef QFORGE_MEMORY_H
#define QFORGE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "qforge/status.h"

#define QF_ALIGNMENT 64

/* NULL when memory is out or `bytes` exceeds PTRDIFF_MAX (and leaves a sentence).
 * Zero bytes give a valid, unique pointer.  Thread-safe. */
void *qf_alloc(size_t bytes);
/* The same with whatever was there in it, for what is written whole at once. */
void *qf_alloc_unset(size_t bytes);
void *qf_alloc_array(size_t count, size_t size); /* checks the product */
void qf_free(void *buffer);                      /* NULL is fine */
char *qf_strdup(const char *text);               /* freed with qf_free */

/* Bytes in live buffers of qf_alloc now, and the most there ever were. */
size_t qf_memory_live(void);
size_t qf_memory_peak(void);

/* Room for what is never all there at once: zeroed, aligned to a page, and no page takes
 * memory before it is written or after it is dropped (it is zero again then).  Its bytes are
 * not those of qf_memory_live.  NULL, with a sentence, when addresses are out. */
void *qf_reserve(size_t bytes);
void qf_reserve_drop(void *at, size_t bytes); /* the pages that lie wholly within */
void qf_reserve_free(void *buffer);           /* NULL is fine */

/* Bytes this process could still take now without swapping: what the system calls
 * available, or what its control groups leave when that is less. */
int64_t qf_memory_available(void);

static inline size_t qf_round_up(size_t value, size_t multiple)
{
    return (value + multiple - 1) / multiple * multiple;
}

/* A block handed out in slices and released whole.  Used twice: once measuring
 * (base NULL: slices are counted, pointers are NULL), once for real. */
typedef struct qf_arena {
    uint8_t *base; /* owned when made by qf_arena_init */
    size_t size;   /* bytes */
    size_t used;   /* bytes, multiple of QF_ALIGNMENT */
    bool reserved; /* made by qf_arena_reserve */
} qf_arena;

QF_MUST_CHECK qf_status qf_arena_init(qf_arena *arena, size_t size);
/* The same of qf_reserve. */
QF_MUST_CHECK qf_status qf_arena_reserve(qf_arena *arena, size_t size);
void qf_arena_release(qf_arena *arena);
/* A zeroed slice (as the arena was fresh), 64-byte aligned.  NULL while measuring;
 * running over the end is a programming error. */
void *qf_arena_take(qf_arena *arena, size_t bytes);

#endif
