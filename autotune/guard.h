/* guard.h -- buffers that tell when someone steps over their edge.
 *
 *     [no access][ slack | payload ][no access]      QF_GUARD_END: flush with the end
 *     [no access][ payload | slack ][no access]      QF_GUARD_START
 *
 * The slack within the payload's pages holds a pattern that is looked at afterwards. */
#ifndef QF_AUTOTUNE_GUARD_H
#define QF_AUTOTUNE_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "qforge/status.h"

typedef enum qf_guard_side { QF_GUARD_END, QF_GUARD_START } qf_guard_side;

typedef struct qf_guarded {
    uint8_t *bytes; /* the payload, all 0xFF: NaN as float and as half */
    size_t size;
    uint8_t *map; /* with both guard pages */
    size_t map_size;
} qf_guarded;

QF_MUST_CHECK qf_status qf_guarded_init(size_t size, qf_guard_side side, qf_guarded *guarded);
void qf_guarded_release(qf_guarded *guarded);
/* From here on writing into the payload is a crash. */
void qf_guarded_freeze(const qf_guarded *guarded);
/* Whether nobody wrote into the slack. */
bool qf_guarded_intact(const qf_guarded *guarded);

#endif
