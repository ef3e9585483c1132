/* roofline.c -- roof kernels on all threads of a pool, timed. */
#include "roofline.h"

#include <string.h>

#include "qforge/measure.h"
#include "qforge/memory.h"

static const cli_roof_row rows[CLI_ROOFS] = {
    [CLI_ROOF_FMA] = {"fp32 multiply-add", "fma", QF_ROOF_FMA, 0, 0},
    [CLI_ROOF_DOT] = {"int8 dot, narrow sums", "dot", QF_ROOF_DOT, 0, 0},
    [CLI_ROOF_DOT_WIDE] = {"int8 dot, wide sums", "dot_wide", QF_ROOF_DOT_WIDE, 0, 0},
    [CLI_ROOF_L1] = {"L1 read", "l1", QF_ROOF_READ, 1, 1},
    [CLI_ROOF_L2] = {"L2 read", "l2", QF_ROOF_READ, 2, 1},
    [CLI_ROOF_L3] = {"L3 read", "l3", QF_ROOF_READ, 3, 1},
    [CLI_ROOF_DRAM_1] = {"DRAM read, 1 stream", "dram_1", QF_ROOF_READ, 4, 1},
    [CLI_ROOF_DRAM_2] = {"DRAM read, 2 streams", "dram_2", QF_ROOF_READ, 4, 2},
    [CLI_ROOF_DRAM_4] = {"DRAM read, 4 streams", "dram_4", QF_ROOF_READ, 4, 4},
    [CLI_ROOF_DRAM_8] = {"DRAM read, 8 streams", "dram_8", QF_ROOF_READ, 4, 8},
};

enum {
    RUN = 16 << 10,   /* bytes between streams: weight panels lie so far apart */
    WINDOW = 4 << 20, /* bytes of memory a call reads */
};

const cli_roof_row *cli_roof_of(cli_roof roof)
{
    QF_ASSERT((unsigned)roof < CLI_ROOFS);
    return &rows[roof];
}

/* ---- one measurement ---- */

/* What every thread works on: its own slice of the data, its own sink.  A slice of memory
 * is read window after window, one per call: a call is then so short that on a busy
 * machine most calls run undisturbed, as those of the products held against it do. */
typedef struct trial {
    qf_pool *pool;
    qf_roof_fn *run;
    qf_roof_args args; /* bytes: of a window */
    int64_t slice;     /* bytes, whole windows */
    int64_t offset;    /* of the window in its slice */
    uint8_t *data, *sink;
} trial;

static void work(void *context, int part, int parts)
{
    const trial *t = context;
    qf_roof_args args = t->args;

    (void)parts;
    args.data = t->data + part * t->slice + t->offset;
    args.sink = t->sink + (int64_t)part * QF_ROOF_SINK_BYTES;
    t->run(&args);
}

static void run_once(void *context)
{
    trial *t = context;
    qf_pool_run(t->pool, work, t);
    t->offset = (t->offset + t->args.bytes) % t->slice;
}

/* Bytes each thread reads: half of a private cache, an equal share of a quarter of the
 * last one (neighbours of a virtual machine have their part of it), far more than all
 * caches of memory. */
static int64_t slice_bytes(const cli_roofline *line, int level)
{
    const int threads = qf_pool_threads(line->pool);
    const int64_t last = qf_cpu_cache_bytes(line->cpu, 3);

    if (level < 3) return qf_cpu_cache_bytes(line->cpu, level) / 2;
    if (level == 3) {
        const int64_t share = last / 4 / threads, least = 2 * qf_cpu_cache_bytes(line->cpu, 2);
        return share > least ? share : least;
    }
    return qf_cpu_cold_bytes(line->cpu) / threads;
}

static void set_sizes(const cli_roofline *line, const cli_roof_row *row, trial *t)
{
    const int64_t whole = row->streams > 1 ? row->streams * (int64_t)RUN : 4096;
    qf_roof_args *args = &t->args;

    if (row->kind != QF_ROOF_READ) {
        t->slice = args->bytes = QF_ROOF_DATA_BYTES;
        args->rounds = 2000; /* some 50 us */
        return;
    }
    const int64_t slice = slice_bytes(line, row->level);
    args->bytes = ((row->level == 4 ? WINDOW : slice) / whole + 1) * whole;
    t->slice = (slice / args->bytes + 1) * args->bytes;
    if (row->level < 4) t->slice = args->bytes;
    args->run = row->streams > 1 ? RUN : args->bytes;
    /* Caches: enough rounds that waking the threads costs nothing. */
    args->rounds = row->level == 4 ? 1 : (8 << 20) / args->bytes + 1;
}

static qf_status get_memory(const cli_roofline *line, trial *t)
{
    const size_t threads = (size_t)qf_pool_threads(line->pool);
    t->data = qf_alloc_array(threads, (size_t)t->slice);
    t->sink = qf_alloc_array(threads, QF_ROOF_SINK_BYTES);
    if (!t->data || !t->sink) return QF_MEMORY;
    /* Ordinary numbers: zeros and infinities may be quicker or slower. */
    for (size_t i = 0; i < threads * (size_t)t->slice / 4096; i++) {
        const float one = 1;
        memcpy(t->data + i * 4096, &one, sizeof one);
    }
    return QF_OK;
}

static cli_rate rate_of(double amount, const qf_timing *t)
{
    return (cli_rate){amount / t->median_ns, amount / t->high_ns, amount / t->low_ns,
                      amount / t->best_ns};
}

qf_status cli_roof_measure(const cli_roofline *line, cli_roof which, cli_rate *rate)
{
    const cli_roof_row *row = cli_roof_of(which);
    const qf_roof roof = {row->kind, qf_cpu_best_isa(line->cpu), row->streams};
    trial t = {.pool = line->pool};
    qf_measure_options options = qf_measure_defaults;

    QF_TRY(qf_roof_get(line->jit, &roof, &t.run));
    set_sizes(line, row, &t);
    qf_status status = get_memory(line, &t);
    if (status == QF_OK) {
        options.max_seconds = line->seconds;
        options.min_seconds = line->seconds / 4;
        const qf_timing timing = qf_measure(&options, run_once, NULL, &t);
        const double amount = qf_roof_work(&roof, &t.args) * qf_pool_threads(line->pool);
        *rate = rate_of(amount, &timing);
    }
    qf_free(t.sink);
    qf_free(t.data);
    return status;
}

/* ---- the roof over a product ---- */

enum { THREADS_MAX = 257 };
static double known[CLI_ROOFS][THREADS_MAX]; /* 0: not measured */

void cli_roof_forget(void)
{
    memset(known, 0, sizeof known);
}

/* The median, measured at the first question. */
static qf_status cached(const cli_roofline *line, cli_roof roof, double *median)
{
    double *value = &known[roof][qf_pool_threads(line->pool)];

    if (*value == 0) {
        cli_rate rate;
        QF_TRY(cli_roof_measure(line, roof, &rate));
        *value = rate.median;
    }
    *median = *value;
    return QF_OK;
}

/* The best number of streams. */
static qf_status memory_limit(const cli_roofline *line, cli_limit *limit)
{
    limit->rate = 0;
    for (int roof = CLI_ROOF_DRAM_1; roof <= CLI_ROOF_DRAM_8; roof++) {
        double rate;
        QF_TRY(cached(line, (cli_roof)roof, &rate));
        if (rate > limit->rate) *limit = (cli_limit){.roof = (cli_roof)roof, .rate = rate};
    }
    return QF_OK;
}

static qf_status read_limit(const cli_roofline *line, int64_t bytes, qf_cache_mode cache,
                            cli_limit *limit)
{
    const int threads = qf_pool_threads(line->pool);
    const bool turns =
        cache == QF_WARM && qf_cache_copies(line->cpu, cache, bytes, threads) > 1;

    for (int level = turns ? 3 : 1; level <= 3 && cache != QF_COLD; level++) {
        const int64_t holds = qf_cpu_cache_bytes(line->cpu, level) * (level < 3 ? threads : 1);
        if (bytes > holds) continue;
        limit->roof = (cli_roof)(CLI_ROOF_L1 + level - 1);
        return cached(line, limit->roof, &limit->rate);
    }
    return memory_limit(line, limit);
}

/* Of the roof's, for a product of codes: a multiplication and an addition; a byte product for
 * each plane; or three instructions (a lookup, a product, an addition) where two make half as
 * many. */
static double operations(int planes)
{
    if (planes == QF_TABLES) return 0.75;
    return planes ? planes : 2;
}

qf_status cli_roof_bound(const cli_roofline *line, const qf_problem *problem, qf_recipe recipe,
                         int64_t weight_bytes, qf_cache_mode cache, cli_bound *bound)
{
    const int planes = qf_recipe_of(recipe)->planes;
    const double products = (double)problem->m * (double)problem->n * (double)problem->k;
    cli_limit *arithmetic = &bound->arithmetic, *reading = &bound->reading;

    arithmetic->roof = planes ? CLI_ROOF_DOT : CLI_ROOF_FMA;
    QF_TRY(cached(line, arithmetic->roof, &arithmetic->rate));
    QF_TRY(read_limit(line, weight_bytes, cache, reading));
    arithmetic->ns = products * operations(planes) / arithmetic->rate;
    reading->ns = (double)weight_bytes / reading->rate;
    return QF_OK;
}

const cli_limit *cli_bound_limit(const cli_bound *bound)
{
    return bound->arithmetic.ns > bound->reading.ns ? &bound->arithmetic : &bound->reading;
}

qf_status cli_roof_share(const cli_roofline *line, const qf_problem *problem, qf_recipe recipe,
                         int64_t weight_bytes, qf_cache_mode cache, qf_timed *call,
                         void *context, double *share)
{
    enum { ROUNDS = 5 };
    qf_measure_options options = qf_measure_defaults;
    double rounds[ROUNDS];
    cli_bound bound;

    options.max_seconds = 0.5;
    for (int i = 0; i < ROUNDS; i++) {
        cli_roof_forget();
        QF_TRY(cli_roof_bound(line, problem, recipe, weight_bytes, cache, &bound));
        rounds[i] =
            cli_bound_limit(&bound)->ns / qf_measure(&options, call, NULL, context).median_ns;
    }
    qf_sort(rounds, ROUNDS);
    *share = rounds[ROUNDS / 2];
    return QF_OK;
}
