/* strategy_evolutionary.c -- children of two fast ones, a little changed. */
#include <math.h>

#include "qforge/random.h"
#include "strategy.h"

enum { FOUNDERS = 8, CONTESTANTS = 3 };

/* The fastest of a few drawn from those with a time; -1: nobody drawn has one. */
static int parent(const qf_search_view *view, qf_random *random)
{
    int best = -1;

    for (int c = 0; c < CONTESTANTS; c++) {
        const int i = view->order[qf_random_below(random, (uint32_t)view->tried)];
        if (view->ns[i] > 0 && (best < 0 || view->ns[i] < view->ns[best])) best = i;
    }
    return best;
}

/* On every axis one parent's place; now and then a step off it. */
static void conceive(const qf_search_view *view, qf_random *random, double place[QF_AXES_MAX])
{
    const qf_points *points = view->points;
    const int fastest = qf_search_fastest(view);
    int parents[2];

    for (int p = 0; p < 2; p++) {
        parents[p] = parent(view, random);
        if (parents[p] < 0) parents[p] = fastest;
    }
    for (int a = 0; a < points->axes; a++) {
        place[a] = qf_points_at(points, parents[qf_random_below(random, 2)], a);
        if (points->levels[a] < 2 || qf_random_unit(random) * points->axes >= 1.5) continue;
        const double step = 1.0 / (points->levels[a] - 1);
        place[a] +=
            (qf_random_below(random, 2) ? step : -step) * (1 + qf_random_below(random, 2));
    }
}

/* Not every place is a candidate, and some have been tried. */
static int nearest_left(const qf_search_view *view, const double place[QF_AXES_MAX])
{
    double least = HUGE_VAL;
    int nearest = -1;

    for (int i = 0; i < view->points->count; i++) {
        double apart = 0;
        if (view->ns[i] != 0) continue;
        for (int a = 0; a < view->points->axes; a++) {
            const double d = qf_points_at(view->points, i, a) - place[a];
            apart += d * d;
        }
        if (apart < least) nearest = i, least = apart;
    }
    return nearest;
}

qf_status qf_strategy_evolutionary(const qf_search_view *view, int *next)
{
    qf_random random = qf_random_init(view->seed, 0x657600000000 + (uint64_t)view->tried);
    double place[QF_AXES_MAX];

    if (view->tried < FOUNDERS || qf_search_fastest(view) < 0) {
        /* As many of the promising as of any. */
        *next = view->expected_ns && view->tried % 2 == 0
                    ? qf_search_first_left(view)
                    : qf_search_any_left(view, qf_random_unit(&random));
        return QF_OK;
    }
    conceive(view, &random, place);
    *next = nearest_left(view, place);
    return QF_OK;
}
