/* memory.c -- aligned buffers.  A 64-byte header in front of each holds its size. */
#include "qforge/memory.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static atomic_size_t live, peak;

enum { HUGE_PAGE = 2 << 20 };

static void count(size_t bytes)
{
    const size_t now = atomic_fetch_add(&live, bytes) + bytes;
    size_t most = atomic_load(&peak);
    while (now > most && !atomic_compare_exchange_weak(&peak, &most, now)) {
    }
}

void *qf_alloc_unset(size_t bytes)
{
    if (bytes > PTRDIFF_MAX - 2 * HUGE_PAGE) {
        qf_fail(QF_MEMORY, "a buffer of %zu bytes is more than a program can have", bytes);
        return NULL;
    }
    const int huge = bytes >= HUGE_PAGE;
    const size_t align = huge ? HUGE_PAGE : QF_ALIGNMENT;
    /* The header takes one whole alignment unit so that the payload keeps it. */
    const size_t total = qf_round_up(bytes + align, align);
    uint8_t *block = aligned_alloc(align, total);
    if (!block) {
        qf_fail(QF_MEMORY, "no memory for a buffer of %zu bytes", bytes);
        return NULL;
    }
    if (huge) madvise(block + align, total - align, MADV_HUGEPAGE);
    uint8_t *payload = block + align;
    memcpy(payload - 2 * sizeof(size_t), &bytes, sizeof bytes);
    memcpy(payload - sizeof(size_t), &align, sizeof align);
    count(bytes);
    return payload;
}

void *qf_alloc(size_t bytes)
{
    void *buffer = qf_alloc_unset(bytes);
    if (buffer) memset(buffer, 0, bytes);
    return buffer;
}

void *qf_alloc_array(size_t items, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(items, size, &bytes)) bytes = SIZE_MAX;
    return qf_alloc(bytes);
}

void qf_free(void *buffer)
{
    if (!buffer) return;
    size_t bytes, align;
    memcpy(&bytes, (uint8_t *)buffer - 2 * sizeof(size_t), sizeof bytes);
    memcpy(&align, (uint8_t *)buffer - sizeof(size_t), sizeof align);
    atomic_fetch_sub(&live, bytes);
    free((uint8_t *)buffer - align);
}

/* ---- reserved ---- */

static size_t page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

/* The first page keeps the size. */
void *qf_reserve(size_t bytes)
{
    const size_t page = page_size();
    void *block = MAP_FAILED;

    if (bytes < PTRDIFF_MAX - page)
        block = mmap(NULL, bytes + page, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (block == MAP_FAILED) {
        qf_fail(QF_MEMORY, "no addresses for a buffer of %zu bytes", bytes);
        return NULL;
    }
    if (bytes >= HUGE_PAGE) madvise(block, bytes + page, MADV_HUGEPAGE);
    memcpy(block, &bytes, sizeof bytes);
    return (uint8_t *)block + page;
}

void qf_reserve_drop(void *at, size_t bytes)
{
    const size_t page = page_size();
    const uintptr_t begin = ((uintptr_t)at + page - 1) / page * page;
    const uintptr_t end = ((uintptr_t)at + bytes) / page * page;

    if (begin < end) madvise((void *)begin, end - begin, MADV_DONTNEED);
}

void qf_reserve_free(void *buffer)
{
    const size_t page = page_size();
    size_t bytes;

    if (!buffer) return;
    uint8_t *block = (uint8_t *)buffer - page;
    memcpy(&bytes, block, sizeof bytes);
    munmap(block, bytes + page);
}

char *qf_strdup(const char *text)
{
    const size_t size = strlen(text) + 1;
    char *copy = qf_alloc(size);
    if (copy) memcpy(copy, text, size);
    return copy;
}

size_t qf_memory_live(void)
{
    return atomic_load(&live);
}

size_t qf_memory_peak(void)
{
    return atomic_load(&peak);
}

qf_status qf_arena_init(qf_arena *arena, size_t size)
{
    *arena = (qf_arena){.base = qf_alloc(size), .size = size};
    return arena->base ? QF_OK : QF_MEMORY;
}

qf_status qf_arena_reserve(qf_arena *arena, size_t size)
{
    *arena = (qf_arena){.base = qf_reserve(size), .size = size, .reserved = true};
    return arena->base ? QF_OK : QF_MEMORY;
}

void qf_arena_release(qf_arena *arena)
{
    if (arena->reserved)
        qf_reserve_free(arena->base);
    else
        qf_free(arena->base);
    *arena = (qf_arena){0};
}

void *qf_arena_take(qf_arena *arena, size_t bytes)
{
    uint8_t *slice = arena->base ? arena->base + arena->used : NULL;
    arena->used += qf_round_up(bytes, QF_ALIGNMENT);
    QF_ASSERT(!arena->base || arena->used <= arena->size);
    return slice;
}
