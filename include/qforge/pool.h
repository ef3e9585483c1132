/* qforge/pool.h -- a pinned team of threads with static partitions.
 *
 * Part i always runs on thread i, thread 0 is the caller, and the parts of one
 * run never overlap another run: a reduction in part order gives the same bits
 * every time.  Workers spin briefly between runs, then sleep. */
#ifndef QFORGE_POOL_H
#define QFORGE_POOL_H

#include <stdint.h>

#include "qforge/status.h"

typedef struct qf_pool qf_pool;
typedef void qf_task(void *context, int part, int parts);

/* threads: 1..256; 0 means one per usable CPU.  Pins thread i to the i-th CPU of the
 * affinity mask unless the environment says QFORGE_PIN=0.  The caller is pinned too
 * (and is released again by qf_pool_destroy). */
QF_MUST_CHECK qf_status qf_pool_create(int threads, qf_pool **pool);
void qf_pool_destroy(qf_pool *pool);      /* NULL is fine */
int qf_pool_threads(const qf_pool *pool); /* NULL is a team of one */

/* For the child of a fork, which has the caller but not its workers: starts them again, on
 * the same CPUs.  QF_MEMORY: with fewer threads than before. */
QF_MUST_CHECK qf_status qf_pool_after_fork(qf_pool *pool);

/* Runs task(context, i, threads) on every thread and waits for all.  A NULL pool
 * runs one part on the caller.  Not reentrant: a task may not call it. */
void qf_pool_run(qf_pool *pool, qf_task *task, void *context);

/* For other libraries' threads, so that neither team takes the other's CPUs.
 * qf_pool_rest returns when every worker sleeps.  qf_pool_apart runs call(context) on the
 * caller as if it had not been pinned: threads started inside inherit the CPUs it had
 * before the pool, but for its own when there are others. */
void qf_pool_rest(qf_pool *pool);
void qf_pool_apart(const qf_pool *pool, void (*call)(void *context), void *context);

/* The slice [begin, end) of `count` items that belongs to `part`, cut at multiples
 * of `grain`. */
typedef struct qf_range {
    int64_t begin, end;
} qf_range;
qf_range qf_partition(int64_t count, int64_t grain, int part, int parts);

#endif
