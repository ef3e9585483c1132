/* worker.h -- work that may crash or never return, in a process of its own. */
#ifndef QF_AUTOTUNE_WORKER_H
#define QF_AUTOTUNE_WORKER_H

#include <stddef.h>

#include "qforge/store.h"

/* Runs in the child, which sees the parent's memory as it was and is the only thread of
 * it.  What it writes into record, up to its death, is what the parent gets. */
typedef qf_status qf_work(void *context, void *record);

typedef struct qf_death {
    qf_verdict verdict; /* OK: it returned; else CRASH or TIMEOUT */
    char how[64];       /* "Segmentation fault", "did not return" */
} qf_death;

/* record: `size` bytes, plain data, the caller's; copied in, and out however it ends.
 * cpu_seconds: what all threads of the child together may burn before it counts as hung; one
 * that sleeps gets twenty times as long on the wall's clock, and half a minute.  The caller's
 * thread waits.
 * The work's own status and sentence; QF_OK when it died of itself, which *death tells;
 * QF_MEMORY, QF_IO: there was no process, or another killed it. */
QF_MUST_CHECK qf_status qf_work_apart(qf_work *work, void *context, void *record, size_t size,
                                      double cpu_seconds, qf_death *death);

#endif
