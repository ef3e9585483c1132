/* guard.c -- pages mapped twice: between guards for the kernel, apart for who fills them. */
#include "guard.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "qforge/memory.h"

enum { SLACK = 0xA5, FRESH = 0xFF };

static size_t page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

static bool is_twice(const qf_guard_area *area)
{
    return area->own != area->map + page_size();
}

void qf_guard_area_release(qf_guard_area *area)
{
    if (area->own && is_twice(area)) munmap(area->own, area->inside);
    if (area->map) munmap(area->map, area->inside + 2 * page_size());
    *area = (qf_guard_area){0};
}

/* NULL when there is no memory. */
static void *map_pages(void *at, size_t size, int protection, int flags, int file)
{
    void *map = mmap(at, size, protection, flags, file, 0);
    return map == MAP_FAILED ? NULL : map;
}

static bool map_twice(qf_guard_area *area, qf_guard_use use, int file)
{
    const int protection = use == QF_GUARD_READ ? PROT_READ : PROT_READ | PROT_WRITE;

    if (ftruncate(file, (off_t)area->inside) != 0) return false;
    area->own = map_pages(NULL, area->inside, PROT_READ | PROT_WRITE, MAP_SHARED, file);
    return area->own && map_pages(area->map + page_size(), area->inside, protection,
                                  MAP_SHARED | MAP_FIXED, file);
}

/* With no file. */
static bool map_once(qf_guard_area *area)
{
    area->own = area->map + page_size();
    return mprotect(area->own, area->inside, PROT_READ | PROT_WRITE) == 0;
}

static qf_status grow(qf_guard_area *area, qf_guard_use use, size_t inside)
{
    const int file = memfd_create("guarded", MFD_CLOEXEC);

    qf_guard_area_release(area);
    area->inside = inside;
    area->map = map_pages(NULL, inside + 2 * page_size(), PROT_NONE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
    const bool mapped = area->map && (file < 0 ? map_once(area) : map_twice(area, use, file));
    const int error = errno;
    if (file >= 0) close(file);
    if (mapped) return QF_OK;
    qf_guard_area_release(area);
    return qf_fail(QF_MEMORY, "no memory for a guarded buffer of %zu bytes: %s", inside,
                   strerror(error));
}

qf_status qf_guarded_init(qf_guard_area *area, qf_guard_use use, size_t size,
                          qf_guard_side side, qf_guarded *guarded)
{
    const size_t page = page_size(), inside = qf_round_up(size ? size : 1, page);

    if (area->inside < inside)
        QF_TRY(grow(area, use, inside));
    else if (use == QF_GUARD_READ && !is_twice(area))
        mprotect(area->own, area->inside, PROT_READ | PROT_WRITE);
    const size_t first = side == QF_GUARD_END ? area->inside - size : 0;
    *guarded = (qf_guarded){area->map + page + first, area->own + first, size, area};
    memset(area->own, SLACK, area->inside);
    memset(guarded->own, FRESH, size);
    return QF_OK;
}

void qf_guarded_freeze(const qf_guarded *guarded)
{
    const qf_guard_area *area = guarded->area;
    if (!is_twice(area)) mprotect(area->own, area->inside, PROT_READ);
}

static bool all_slack(const uint8_t *bytes, size_t size)
{
    return size == 0 || (*bytes == SLACK && memcmp(bytes, bytes + 1, size - 1) == 0);
}

bool qf_guarded_intact(const qf_guarded *guarded)
{
    const uint8_t *begin = guarded->area->own, *end = begin + guarded->area->inside;
    const uint8_t *behind = guarded->own + guarded->size;

    return all_slack(begin, (size_t)(guarded->own - begin)) &&
           all_slack(behind, (size_t)(end - behind));
}
