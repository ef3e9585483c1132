/* pool.c -- fork and join by one generation counter; waiting is a short spin, then
 * a futex-backed condition, so that an idle or oversubscribed machine is not burnt. */
#include "qforge/pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "qforge/memory.h"

enum { SPINS = 20000, MAX_THREADS = 256 };

struct qf_pool {
    int threads;
    int pinned;
    cpu_set_t before; /* the caller's affinity, given back at the end */
    qf_task *task;
    void *context;
    atomic_uint generation; /* odd steps are not special; each run adds one */
    atomic_int pending;
    atomic_int asleep;
    atomic_bool stop;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct worker {
        qf_pool *pool;
        pthread_t thread;
        int part;
        int cpu; /* -1: not pinned */
    } worker[MAX_THREADS];
};

static void pause_briefly(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void pin(int cpu)
{
    if (cpu < 0) return;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)cpu, &set);
    pthread_setaffinity_np(pthread_self(), sizeof set, &set); /* best effort */
}

static void await_run(qf_pool *pool, unsigned seen)
{
    for (int spin = 0; spin < SPINS; spin++) {
        if (atomic_load_explicit(&pool->generation, memory_order_acquire) != seen) return;
        pause_briefly();
    }
    pthread_mutex_lock(&pool->lock);
    atomic_fetch_add(&pool->asleep, 1);
    while (atomic_load(&pool->generation) == seen) pthread_cond_wait(&pool->wake, &pool->lock);
    atomic_fetch_sub(&pool->asleep, 1);
    pthread_mutex_unlock(&pool->lock);
}

static void *work(void *argument)
{
    struct worker *self = argument;
    qf_pool *pool = self->pool;
    unsigned seen = 0;

    pin(self->cpu);
    for (;;) {
        await_run(pool, seen);
        seen++;
        if (atomic_load(&pool->stop)) return NULL;
        pool->task(pool->context, self->part, pool->threads);
        atomic_fetch_sub_explicit(&pool->pending, 1, memory_order_release);
    }
}

static void release_workers(qf_pool *pool)
{
    atomic_fetch_add(&pool->generation, 1);
    if (atomic_load(&pool->asleep) == 0) return;
    pthread_mutex_lock(&pool->lock);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
}

static int usable_cpus(int *cpu)
{
    cpu_set_t set;
    int count = 0;
    if (sched_getaffinity(0, sizeof set, &set) != 0) return 0;
    for (int i = 0; i < CPU_SETSIZE && count < MAX_THREADS; i++)
        if (CPU_ISSET((size_t)i, &set)) cpu[count++] = i;
    return count;
}

/* None is running yet, whatever the pool remembers. */
static qf_status start_workers(qf_pool *pool, int threads)
{
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    atomic_store(&pool->generation, 0);
    atomic_store(&pool->pending, 0);
    atomic_store(&pool->asleep, 0);
    pool->threads = 1;
    for (int part = 1; part < threads; part++) {
        const int error =
            pthread_create(&pool->worker[part].thread, NULL, work, &pool->worker[part]);
        if (error)
            return qf_fail(QF_MEMORY, "cannot start thread %d of %d: %s", part, threads,
                           strerror(error));
        pool->threads++;
    }
    return QF_OK;
}

qf_status qf_pool_create(int threads, qf_pool **out)
{
    int cpu[MAX_THREADS];
    const int cpus = usable_cpus(cpu);
    const char *wish = getenv("QFORGE_PIN");

    *out = NULL;
    if (threads == 0) threads = cpus > 0 ? cpus : 1;
    if (threads < 0 || threads > MAX_THREADS)
        return qf_fail(QF_USAGE, "%d threads: between 1 and %d are possible", threads,
                       MAX_THREADS);
    qf_pool *pool = qf_alloc(sizeof *pool);
    if (!pool) return QF_MEMORY;
    /* More threads than CPUs cannot be pinned one to one: leave them to the kernel. */
    pool->pinned = threads <= cpus && !(wish && strcmp(wish, "0") == 0);
    pthread_getaffinity_np(pthread_self(), sizeof pool->before, &pool->before);
    for (int part = 1; part < threads; part++)
        pool->worker[part] = (struct worker){pool, 0, part, pool->pinned ? cpu[part] : -1};
    const qf_status status = start_workers(pool, threads);
    if (status != QF_OK) {
        qf_pool_destroy(pool);
        return status;
    }
    if (pool->pinned) pin(cpu[0]);
    *out = pool;
    return QF_OK;
}

void qf_pool_destroy(qf_pool *pool)
{
    if (!pool) return;
    atomic_store(&pool->stop, true);
    release_workers(pool);
    for (int part = 1; part < pool->threads; part++)
        pthread_join(pool->worker[part].thread, NULL);
    if (pool->pinned)
        pthread_setaffinity_np(pthread_self(), sizeof pool->before, &pool->before);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->lock);
    qf_free(pool);
}

qf_status qf_pool_after_fork(qf_pool *pool)
{
    return pool ? start_workers(pool, pool->threads) : QF_OK;
}

int qf_pool_threads(const qf_pool *pool)
{
    return pool ? pool->threads : 1;
}

void qf_pool_run(qf_pool *pool, qf_task *task, void *context)
{
    if (!pool || pool->threads == 1) {
        task(context, 0, 1);
        return;
    }
    pool->task = task;
    pool->context = context;
    atomic_store(&pool->pending, pool->threads - 1);
    release_workers(pool);
    task(context, 0, pool->threads);
    for (int spin = 0; atomic_load_explicit(&pool->pending, memory_order_acquire) > 0; spin++) {
        if (spin < SPINS)
            pause_briefly();
        else
            sched_yield();
    }
}

void qf_pool_rest(qf_pool *pool)
{
    const struct timespec nap = {0, 100000};

    if (!pool) return;
    while (atomic_load(&pool->asleep) < pool->threads - 1) nanosleep(&nap, NULL);
}

void qf_pool_apart(const qf_pool *pool, void (*call)(void *context), void *context)
{
    cpu_set_t own, others;

    if (!pool || !pool->pinned ||
        pthread_getaffinity_np(pthread_self(), sizeof own, &own) != 0) {
        call(context);
        return;
    }
    CPU_XOR(&others, &pool->before, &own);
    CPU_AND(&others, &others, &pool->before);
    const cpu_set_t *apart = CPU_COUNT(&others) > 0 ? &others : &pool->before;
    pthread_setaffinity_np(pthread_self(), sizeof *apart, apart);
    call(context);
    pthread_setaffinity_np(pthread_self(), sizeof own, &own);
}

qf_range qf_partition(int64_t count, int64_t grain, int part, int parts)
{
    const int64_t grains = (count + grain - 1) / grain;
    const int64_t begin = grains * part / parts * grain;
    const int64_t end = grains * (part + 1) / parts * grain;
    return (qf_range){begin < count ? begin : count, end < count ? end : count};
}
