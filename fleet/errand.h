/* errand.h -- runs a program and waits for it. */
#ifndef QF_FLEET_ERRAND_H
#define QF_FLEET_ERRAND_H

#include <stdbool.h>
#include <sys/types.h>

#include "qforge/status.h"

typedef struct errand_end {
    int code;   /* exit code, when signal is 0 */
    int signal; /* what killed it */
} errand_end;

static inline bool errand_went_well(const errand_end *end)
{
    return end->code == 0 && end->signal == 0;
}

/* argv ends with NULL; argv[0] is a path.  quiet: what it prints on stdout is dropped.  It is
 * asked to stop (SIGTERM) when this process dies.  QF_OK however it ends; QF_IO, QF_MEMORY when
 * there is none. */
QF_MUST_CHECK qf_status errand_run(char *const argv[], bool quiet, errand_end *end);

/* The same in two parts, with time for something else between them. */
QF_MUST_CHECK qf_status errand_start(char *const argv[], bool quiet, pid_t *child);
QF_MUST_CHECK qf_status errand_wait(char *const argv[], pid_t child, errand_end *end);

#endif
