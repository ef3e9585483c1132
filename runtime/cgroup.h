/* cgroup.h -- what the operating system lets this process have. */
#ifndef QF_RUNTIME_CGROUP_H
#define QF_RUNTIME_CGROUP_H

#include <stdint.h>

typedef struct qf_limits {
    double cpus;          /* CPU time per time; 0: no limit */
    int64_t memory_bytes; /* 0: no limit */
    int64_t memory_left;  /* below the tightest limit at present; INT64_MAX: no limit */
} qf_limits;

/* Reads the control groups (v2, v1 or both at once) of a process and all groups above
 * it; the tightest limit holds.  membership is /proc/self/cgroup, root /sys/fs/cgroup. */
qf_limits qf_limits_read(const char *membership, const char *root);

/* CPUs this process may keep busy: affinity and CPU-time limit, at least 1. */
int qf_usable_cores(void);
/* Of the machine, or the limit when that is less. */
int64_t qf_usable_memory(void);

#endif
