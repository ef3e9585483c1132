/* guard.c -- buffers between pages nobody may touch. */
#include "guard.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "qforge/memory.h"

enum { SLACK = 0xA5, FRESH = 0xFF };

qf_status qf_guarded_init(size_t size, qf_guard_side side, qf_guarded *guarded)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t inside = qf_round_up(size ? size : 1, page);

    *guarded = (qf_guarded){.size = size, .map_size = inside + 2 * page};
    guarded->map = mmap(NULL, guarded->map_size, PROT_NONE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (guarded->map == MAP_FAILED ||
        mprotect(guarded->map + page, inside, PROT_READ | PROT_WRITE) != 0) {
        const int error = errno;
        qf_guarded_release(guarded);
        return qf_fail(QF_MEMORY, "no memory for a guarded buffer of %zu bytes: %s", size,
                       strerror(error));
    }
    memset(guarded->map + page, SLACK, inside);
    guarded->bytes = guarded->map + page + (side == QF_GUARD_END ? inside - size : 0);
    memset(guarded->bytes, FRESH, size);
    return QF_OK;
}

void qf_guarded_release(qf_guarded *guarded)
{
    if (guarded->map && guarded->map != MAP_FAILED) munmap(guarded->map, guarded->map_size);
    *guarded = (qf_guarded){0};
}

void qf_guarded_freeze(const qf_guarded *guarded)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    mprotect(guarded->map + page, guarded->map_size - 2 * page, PROT_READ);
}

bool qf_guarded_intact(const qf_guarded *guarded)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const uint8_t *end = guarded->map + guarded->map_size - page;

    for (const uint8_t *b = guarded->map + page; b < guarded->bytes; b++)
        if (*b != SLACK) return false;
    for (const uint8_t *b = guarded->bytes + guarded->size; b < end; b++)
        if (*b != SLACK) return false;
    return true;
}
