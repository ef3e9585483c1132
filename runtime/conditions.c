/* conditions.c -- the canary, and the system's own counts. */
#include "qforge/conditions.h"

#include <dirent.h>
#include <math.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "qforge/clock.h"

enum { REPEATS = 2, CHAIN = 4096, WALK = 1 << 17 };

static const double tolerance = 0.05;

/* ---- the canary ------------------------------------------------------------------------ */

static uint64_t field[WALK];   /* a megabyte */
static volatile uint64_t sink; /* so that the work is done */

/* A chain of multiplications, which only frequency changes, and a walk through a cache that
 * neighbours may share. */
static void sing(void *context)
{
    uint64_t x = sink | 1;

    (void)context;
    for (int i = 0; i < CHAIN; i++) x = x * 6364136223846793005u + 1442695040888963407u;
    for (int i = 0; i < WALK; i += 8) x += field[i];
    sink = x;
}

qf_timing qf_canary_sing(void *context)
{
    /* Fifteen samples bound the median by the fourth and the twelfth. */
    static const qf_measure_options options = {
        .max_seconds = 0.02, .sample_ns = 50e3, .target = 1, .min_samples = 15};

    (void)context;
    /* Pages never written are all one page of zeros, which lies in the first cache. */
    if (!field[0]) memset(field, 1, sizeof field);
    return qf_measure(&options, sing, NULL, NULL);
}

double qf_canary_drift(const qf_timing *before, const qf_timing *after)
{
    const bool slower = after->low_ns > (1 + tolerance) * before->high_ns;
    const bool faster = (1 + tolerance) * after->high_ns < before->low_ns;
    return slower || faster ? after->median_ns / before->median_ns : 1;
}

/* ---- counts ---------------------------------------------------------------------------- */

typedef struct counts {
    int64_t ns;
    double steal_ms, delay_ms;
    int switches, cpu;
    int64_t migrations; /* -1: the system does not tell */
} counts;

/* The eighth number of the first line, in ticks. */
static double read_steal(void)
{
    unsigned long long steal = 0;
    FILE *file = fopen("/proc/stat", "re");

    if (!file) return 0;
    if (fscanf(file, "cpu %*u %*u %*u %*u %*u %*u %*u %llu", &steal) != 1) steal = 0;
    fclose(file);
    return 1e3 * (double)steal / (double)sysconf(_SC_CLK_TCK);
}

static double read_delay_of(const char *thread)
{
    char path[300];
    unsigned long long delay = 0;

    snprintf(path, sizeof path, "/proc/self/task/%s/schedstat", thread);
    FILE *file = fopen(path, "re");
    if (!file) return 0;
    if (fscanf(file, "%*u %llu", &delay) != 1) delay = 0;
    fclose(file);
    return 1e-6 * (double)delay;
}

static double read_delay(void)
{
    DIR *threads = opendir("/proc/self/task");
    double delay = 0;

    if (!threads) return 0;
    for (struct dirent *entry; (entry = readdir(threads));)
        if (entry->d_name[0] != '.') delay += read_delay_of(entry->d_name);
    closedir(threads);
    return delay;
}

static int64_t read_migrations(void)
{
    char line[256];
    int64_t count = -1;
    FILE *file = fopen("/proc/thread-self/sched", "re");

    while (file && count < 0 && fgets(line, sizeof line, file))
        if (strncmp(line, "se.nr_migrations", 16) == 0 && strchr(line, ':'))
            count = strtoll(strchr(line, ':') + 1, NULL, 10);
    if (file) fclose(file);
    return count;
}

static counts count_now(void)
{
    struct rusage usage = {0};
    getrusage(RUSAGE_SELF, &usage);
    return (counts){.steal_ms = read_steal(),
                    .delay_ms = read_delay(),
                    .switches = (int)usage.ru_nivcsw,
                    .cpu = sched_getcpu(),
                    .migrations = read_migrations(),
                    .ns = qf_now_ns()};
}

static double gain(double before, double after)
{
    return after > before ? after - before : 0;
}

static void note(const counts *before, const counts *after, qf_conditions *c)
{
    c->spent_ms = 1e-6 * (double)(after->ns - before->ns);
    c->steal_ms = gain(before->steal_ms, after->steal_ms);
    c->delay_ms = gain(before->delay_ms, after->delay_ms);
    c->switches = after->switches - before->switches;
    c->moves = before->migrations >= 0 && after->migrations >= 0
                   ? (int)(after->migrations - before->migrations)
                   : before->cpu != after->cpu;
}

/* ---- both ------------------------------------------------------------------------------ */

qf_status qf_time_steadily(qf_timing_work *work, void *context, double seconds,
                           qf_canary *canary, void *canary_context, qf_conditions *c)
{
    const int64_t begun = qf_now_ns();
    if (!canary) canary = qf_canary_sing;
    qf_timing before = canary(canary_context);

    for (*c = (qf_conditions){0};; c->repeats++) {
        const counts start = count_now();
        QF_TRY(work(context));
        const counts end = count_now();
        const qf_timing after = canary(canary_context);
        note(&start, &end, c);
        c->canary_ns = before.median_ns;
        c->drift = qf_canary_drift(&before, &after);
        const double again = 1e-9 * (double)(qf_now_ns() - begun) + 1e-3 * c->spent_ms;
        if (c->drift == 1 || c->repeats == REPEATS || again > seconds) return QF_OK;
        before = after;
    }
}

qf_conditions qf_conditions_sum(const qf_conditions *a, const qf_conditions *b)
{
    if (!(a->canary_ns > 0)) return *b;
    return (qf_conditions){
        .canary_ns = a->canary_ns,
        .drift = fabs(log(b->drift)) > fabs(log(a->drift)) ? b->drift : a->drift,
        .repeats = a->repeats + b->repeats,
        .spent_ms = a->spent_ms + b->spent_ms,
        .steal_ms = a->steal_ms + b->steal_ms,
        .delay_ms = a->delay_ms + b->delay_ms,
        .switches = a->switches + b->switches,
        .moves = a->moves + b->moves,
    };
}
