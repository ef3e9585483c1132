/* measure.c -- warm up, sample until the median is known well enough, never longer than
 * allowed. */
#include "qforge/measure.h"

#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "qforge/clock.h"
#include "qforge/random.h"
#include "stopwatch.h"

/* SURE: the fewest samples whose extremes are a 95 % interval of the median (1 - 2 / 2^6).
 * LOST: three pairs that all say a side is far behind are enough to let it go, but not before a
 * third of the shortest time: some kernels begin at half their speed and go on so for twenty
 * products, which agree with each other (quad on a Zen 5). */
enum { MAX_SAMPLES = 2048, MAX_CALLS = 1 << 24, SURE = 6, LOST = 3 };

/* Where single calls are so long that fewer than SURE fit in the time there is, it may take so
 * many times as long. */
static const double patience = 4;
static const double share_before_lost = 1.0 / 3;

static const double warm_up_ns = 50e6, settled = 0.01;

/* What two copies of one kernel differ by: `qforge selftest --aa`, docs/performance.md. */
static const double margin = 0.01;

const qf_measure_options qf_measure_defaults = {
    .min_seconds = 0.05,
    .max_seconds = 1,
    .sample_ns = 100e3,
    .target = 0.01,
    .min_samples = 7,
};

/* One thing being timed. */
typedef struct subject {
    const qf_stopwatch *watch;
    qf_timed *call;
    qf_timed *before; /* every call */
    qf_timed *turn;   /* every sample */
    void *context;
    int calls; /* per sample */
    int count;
    double sample[MAX_SAMPLES]; /* ns per call */
} subject;

static double now(const qf_stopwatch *watch)
{
    return (double)watch->now_ns(watch->context);
}

/* Nanoseconds per call of one sample.  A clock that stood still gives half a tick: a
 * time of zero has no logarithm. */
static double take(const subject *s)
{
    if (s->before) s->before(s->context);
    if (s->turn) s->turn(s->context);
    const double start = now(s->watch);
    for (int i = 0; i < s->calls; i++) s->call(s->context);
    const double spent = now(s->watch) - start;
    return (spent > 0.5 ? spent : 0.5) / s->calls;
}

/* The first call pays for page faults and cold code, so only a second slow one counts. */
static bool too_slow(const subject *s, double give_up_ns, double *first)
{
    *first = take(s);
    if (give_up_ns <= 0 || *first <= give_up_ns) return false;
    *first = take(s);
    return *first > give_up_ns;
}

/* As many calls as fill a sample. */
static void choose_calls(subject *s, double per_call, double sample_ns)
{
    while (!s->before && s->calls < MAX_CALLS && per_call * s->calls < sample_ns) {
        const double wanted = ceil(sample_ns / per_call);
        s->calls = wanted > 2.0 * s->calls ? (int)fmin(wanted, MAX_CALLS) : 2 * s->calls;
        per_call = take(s);
    }
}

static bool close_to(double a, double b)
{
    return fabs(a - b) <= settled * fmin(a, b);
}

/* Until three samples in a row agree: caches, page tables and the clock frequency have
 * then settled. */
static void warm_up(const subject *s, double budget_ns)
{
    const double end = now(s->watch) + fmin(warm_up_ns, budget_ns);
    double last = 0, before_last = 0;

    while (now(s->watch) < end) {
        const double sample = take(s);
        if (close_to(sample, last) && close_to(sample, before_last)) return;
        before_last = last, last = sample;
    }
}

typedef struct interval {
    double median, low, high;
} interval;

/* Sorts its argument. */
static interval interval_of(double *values, int count)
{
    int low, high;
    qf_sort(values, count);
    qf_median_interval(count, &low, &high);
    return (interval){qf_quantile(values, count, 0.5), values[low], values[high]};
}

static qf_timing timing_of(subject *s)
{
    double sum = 0;
    for (int i = 0; i < s->count; i++) sum += s->sample[i];
    const interval i = interval_of(s->sample, s->count);
    return (qf_timing){i.median,       i.low,    i.high,  s->sample[0],
                       sum / s->count, s->count, s->calls};
}

/* When to look at the interval next: looking costs a sort. */
static int next_look(int count)
{
    return count + 1 + count / 8;
}

static interval interval_so_far(const double *values, int count)
{
    double sorted[MAX_SAMPLES];
    memcpy(sorted, values, (size_t)count * sizeof *values);
    return interval_of(sorted, count);
}

static bool narrow(const double *values, int count, double target)
{
    const interval i = interval_so_far(values, count);
    return (i.high - i.low) / 2 <= target * i.median;
}

/* Whether the pairs (as logarithms) have said enough: a sure loser needs no precision. */
static bool decided(const qf_measure_options *options, const double *ratio, int pairs,
                    bool soon)
{
    const interval i = interval_so_far(ratio, pairs);
    if (options->lost > 0 && i.low > log(options->lost)) return true;
    return !soon && pairs >= options->min_samples && (i.high - i.low) / 2 <= options->target;
}

typedef struct limits {
    /* on the stopwatch; the first for losers, the last with fewer than `sure` samples */
    double lost, soonest, latest, last;
    int sure;
} limits;

/* Of sampling: what settling takes beforehand has limits of its own. */
static limits limits_of(const qf_stopwatch *watch, const qf_measure_options *options)
{
    const double start = now(watch), most = options->max_seconds * 1e9;
    const double least = options->min_seconds * 1e9;
    return (limits){start + share_before_lost * least, start + least, start + most,
                    start + patience * most,
                    options->min_samples < SURE ? options->min_samples : SURE};
}

static bool is_over(const limits *limit, double time, int samples)
{
    return time >= (samples < limit->sure ? limit->last : limit->latest);
}

qf_timing qf_measure_by(const qf_stopwatch *watch, const qf_measure_options *options,
                        qf_timed *call, qf_timed *before, void *context)
{
    subject s = {
        .watch = watch, .call = call, .before = before, .context = context, .calls = 1};
    double first;

    if (too_slow(&s, options->give_up_ns, &first))
        return (qf_timing){first, first, first, first, first, 1, 1};
    choose_calls(&s, first, options->sample_ns);
    warm_up(&s, options->max_seconds * 1e9 / 4);
    const limits limit = limits_of(watch, options);
    for (int look = options->min_samples; s.count < MAX_SAMPLES;) {
        s.sample[s.count++] = take(&s);
        const double time = now(watch);
        if (is_over(&limit, time, s.count)) break;
        if (time < limit.soonest || s.count < look) continue;
        if (narrow(s.sample, s.count, options->target)) break;
        look = next_look(s.count);
    }
    return timing_of(&s);
}

static void prepare(subject *s, const qf_measure_options *options)
{
    const double first = take(s), second = take(s);
    choose_calls(s, first < second ? first : second, options->sample_ns);
    warm_up(s, options->max_seconds * 1e9 / 8);
}

/* Rivals get equally many calls a sample: the first of them, on caches the other side has
 * used, costs more, and a side with fewer calls would pay a larger part of it.  Where one is
 * many times the other that does not matter, and samples as long would. */
static void share_calls(subject *a, subject *b)
{
    const int most = a->calls > b->calls ? a->calls : b->calls;
    const int least = a->calls < b->calls ? a->calls : b->calls;
    if (most <= 8 * least) a->calls = b->calls = most;
}

/* One pair, in the order the coin says; returns log(tB / tA). */
static double take_pair(subject *a, subject *b, bool b_first)
{
    if (b_first) b->sample[b->count++] = take(b);
    a->sample[a->count++] = take(a);
    if (!b_first) b->sample[b->count++] = take(b);
    return log(b->sample[b->count - 1] / a->sample[a->count - 1]);
}

qf_comparison qf_compare_by(const qf_stopwatch *watch, const qf_measure_options *options,
                            uint64_t seed, qf_side a, qf_side b)
{
    subject left = {
        .watch = watch, .call = a.call, .turn = a.turn, .context = a.context, .calls = 1};
    subject right = {
        .watch = watch, .call = b.call, .turn = b.turn, .context = b.context, .calls = 1};
    qf_random coin = qf_random_init(seed, 0);
    double ratio[MAX_SAMPLES];
    int pairs = 0;

    prepare(&left, options);
    prepare(&right, options);
    share_calls(&left, &right);
    const limits limit = limits_of(watch, options);
    for (int look = options->lost > 0 ? LOST : options->min_samples; pairs < MAX_SAMPLES;) {
        ratio[pairs++] = take_pair(&left, &right, qf_random_u32(&coin) & 1);
        const double time = now(watch);
        if (is_over(&limit, time, pairs)) break;
        const bool soon = time < limit.soonest;
        if (pairs < look || time < limit.lost || (soon && options->lost <= 0)) continue;
        if (decided(options, ratio, pairs, soon)) break;
        look = next_look(pairs);
    }
    const interval i = interval_of(ratio, pairs);
    return (qf_comparison){exp(i.median),    exp(i.low),        exp(i.high),
                           timing_of(&left), timing_of(&right), pairs};
}

/* ---- on the machine's own clock ---- */

static int64_t monotonic(void *context)
{
    (void)context;
    return qf_now_ns();
}

static const qf_stopwatch machine_watch = {monotonic, NULL};

qf_timing qf_measure(const qf_measure_options *options, qf_timed *call, qf_timed *before,
                     void *context)
{
    return qf_measure_by(&machine_watch, options, call, before, context);
}

qf_comparison qf_compare(const qf_measure_options *options, uint64_t seed, qf_side a, qf_side b)
{
    return qf_compare_by(&machine_watch, options, seed, a, b);
}

/* ---- verdicts ---- */

double qf_comparison_bar(const qf_comparison *c)
{
    return c->ratio_high * (1 + margin);
}

bool qf_comparison_won(const qf_comparison *c)
{
    return c->pairs >= SURE && qf_comparison_bar(c) < 1;
}

bool qf_comparison_leads(const qf_comparison *c)
{
    return c->pairs >= SURE && c->ratio * (1 + margin) < 1;
}

static double middle(double *values, int count)
{
    qf_sort(values, count);
    return qf_quantile(values, count, 0.5);
}

qf_status qf_compare_match(int rounds, double lost, qf_compare_again *again, void *context,
                           qf_comparison *comparison)
{
    double ratio[QF_ROUNDS_MAX], low[QF_ROUNDS_MAX], high[QF_ROUNDS_MAX];
    int leads = 0, played = 0, fewest = INT_MAX;

    QF_ASSERT(rounds > 0 && rounds % 2 == 1 && rounds <= QF_ROUNDS_MAX);
    while (leads <= rounds / 2 && played - leads <= rounds / 2) {
        qf_comparison next;
        QF_TRY(again(context, played, &next));
        leads += next.ratio < 1;
        ratio[played] = next.ratio, low[played] = next.ratio_low,
        high[played] = next.ratio_high;
        if (next.pairs < fewest) fewest = next.pairs;
        *comparison = next;
        if (++played == 1 && lost > 0 && next.ratio_low > lost) break;
    }
    comparison->ratio = middle(ratio, played);
    comparison->ratio_low = middle(low, played);
    comparison->ratio_high = middle(high, played);
    comparison->pairs = fewest;
    return QF_OK;
}
