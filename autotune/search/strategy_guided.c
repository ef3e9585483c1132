/* strategy_guided.c -- what is expected, corrected by what was measured: a Gaussian process
 * over the logarithm of measured to expected time, and of all candidates the one whose time
 * may be the least: its mean less a little of its doubt (a lower confidence bound, Srinivas
 * et al., "Gaussian process optimization in the bandit setting", 2010).  When no candidate
 * promises a gain worth a trial (expected improvement, Jones, Schonlau and Welch, 1998)
 * there is none. */
#include <math.h>

#include "gaussian.h"
#include "qforge/memory.h"
#include "qforge/random.h"
#include "strategy.h"

/* By how much times are off what was expected, and off their mean where nothing was, as
 * logarithms. */
static const double off_expected = 0.12, off_mean = 0.4;
/* How much of the doubt counts in a candidate's favour.  On spaces measured whole a third of
 * it found more in few trials than none, all, or the expected improvement. */
static const double hope = 0.3;
/* When a gain below this is all that is expected, nothing is worth a trial. */
static const double worth = 1e-5;
/* And not before so many were tried, however sure it is: kernels of one family, which come
 * first, teach little of the next (128x2048x2048 at 2 bits ended after 8 with `dot`, 7 percent
 * slower than a `quad` that is tried as the 15th). */
enum { AT_LEAST = 24 };

static double expected(const qf_search_view *view, int i)
{
    return view->expected_ns ? log(view->expected_ns[i]) : 0;
}

static double mean_of(const double *height, int count)
{
    double sum = 0;
    for (int i = 0; i < count; i++) sum += height[i];
    return sum / count;
}

/* E max(0, best - x) for x normal. */
static double improvement(double best, double mean, double deviation)
{
    const double z = (best - mean) / deviation;
    const double below = 0.5 * erfc(-z * M_SQRT1_2);
    return deviation * (z * below + exp(-0.5 * z * z) * 0.3989422804014327);
}

static int most_promising(const qf_search_view *view, qf_gaussian *g, double best)
{
    double least = HUGE_VAL, gain = 0;
    int next = -1;

    for (int i = 0; i < view->points->count; i++) {
        double height, deviation;
        if (view->ns[i] != 0) continue;
        qf_gaussian_guess(g, i, &height, &deviation);
        height += expected(view, i);
        gain = fmax(gain, improvement(best, height, deviation));
        if (height - hope * deviation < least) least = height - hope * deviation, next = i;
    }
    return view->tried < AT_LEAST || gain > worth ? next : -1;
}

/* A failure counts as much as the slowest: whatever is like it may be no better. */
static void heights(const qf_search_view *view, double *height)
{
    double slowest = 0;

    for (int t = 0; t < view->tried; t++) slowest = fmax(slowest, view->ns[view->order[t]]);
    for (int t = 0; t < view->tried; t++) {
        const int i = view->order[t];
        height[t] = log(view->ns[i] > 0 ? view->ns[i] : slowest) - expected(view, i);
    }
}

static qf_status choose(const qf_search_view *view, int fastest, double *height, int *next)
{
    const double best = log(view->ns[fastest]);
    qf_gaussian g;

    heights(view, height);
    QF_TRY(qf_gaussian_fit(view->points, view->order, height, view->tried,
                           mean_of(height, view->tried),
                           view->expected_ns ? off_expected : off_mean, &g));
    *next = most_promising(view, &g, best);
    qf_gaussian_release(&g);
    return QF_OK;
}

/* Where nothing is expected the first few lie anywhere. */
static int start(const qf_search_view *view)
{
    uint32_t draw[4];

    if (view->expected_ns) return qf_search_first_left(view);
    qf_philox(view->seed, 0x6775, (uint64_t)view->tried, draw);
    return qf_search_any_left(view, draw[0] * 0x1p-32);
}

qf_status qf_strategy_guided(const qf_search_view *view, int *next)
{
    const int fastest = qf_search_fastest(view);
    const int first = view->expected_ns ? 1 : view->points->axes;

    if (fastest < 0 || view->tried < first) {
        *next = start(view);
        return QF_OK;
    }
    double *height = qf_alloc_array((size_t)view->tried, sizeof *height);
    if (!height) return QF_MEMORY;
    const qf_status status = choose(view, fastest, height, next);
    qf_free(height);
    return status;
}
