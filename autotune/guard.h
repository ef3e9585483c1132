/* guard.h -- buffers that tell when someone steps over their edge.
 *
 *     [no access][ slack | payload ][no access]      QF_GUARD_END: flush with the end
 *     [no access][ payload | slack ][no access]      QF_GUARD_START
 *
 * The slack beside the payload holds a pattern that is looked at afterwards. */
#ifndef QF_AUTOTUNE_GUARD_H
#define QF_AUTOTUNE_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "qforge/status.h"

typedef enum qf_guard_side { QF_GUARD_END, QF_GUARD_START } qf_guard_side;

/* Pages between guards, for one payload after the other: making them anew for each takes
 * longer than judging what is in them.  Zeroed it has none; grows as payloads ask. */
typedef struct qf_guard_area {
    uint8_t *map; /* with both guard pages; as the kernel sees it */
    uint8_t *own; /* the pages between once more, writable; or they themselves */
    size_t inside;
} qf_guard_area;

typedef enum qf_guard_use { QF_GUARD_READ, QF_GUARD_WRITE } qf_guard_use;

typedef struct qf_guarded {
    uint8_t *bytes; /* the payload as the kernel gets it: READ: writing into it is a crash */
    uint8_t *own;   /* the same, for who fills it: all 0xFF, NaN as float and as half */
    size_t size;
    const qf_guard_area *area; /* borrowed */
} qf_guarded;

/* Takes the area from the payload before.  An area has one use for all its time.  Once it is
 * filled, and before the kernel runs, freeze: where pages cannot be mapped twice (no
 * memfd_create) READ depends on it. */
QF_MUST_CHECK qf_status qf_guarded_init(qf_guard_area *area, qf_guard_use use, size_t size,
                                        qf_guard_side side, qf_guarded *guarded);
void qf_guarded_freeze(const qf_guarded *guarded);
/* Whether nobody wrote into the slack. */
bool qf_guarded_intact(const qf_guarded *guarded);
void qf_guard_area_release(qf_guard_area *area);

#endif
