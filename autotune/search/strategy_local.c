/* strategy_local.c -- down the nearest slope: the neighbours of the fastest, and when they
 * are no faster the next most promising place. */
#include "qforge/random.h"
#include "strategy.h"

/* The nearest not tried, of equally near ones the most promising. */
static int nearest_left(const qf_search_view *view, int to)
{
    double least = 0;
    int nearest = -1;

    for (int i = 0; i < view->points->count; i++) {
        if (view->ns[i] != 0) continue;
        const double apart = qf_points_apart(view->points, i, to);
        if (nearest < 0 || apart < least) nearest = i, least = apart;
    }
    return nearest;
}

/* Trials since the fastest was found. */
static int in_vain(const qf_search_view *view, int fastest)
{
    int since = 0;
    while (view->order[view->tried - 1 - since] != fastest) since++;
    return since;
}

/* After as many vain trials as a point has neighbours every second one is elsewhere: where
 * something is expected, or, as nothing is, anywhere. */
qf_status qf_strategy_local(const qf_search_view *view, int *next)
{
    const int fastest = qf_search_fastest(view);
    const int vain = fastest < 0 ? view->tried : in_vain(view, fastest);
    const int neighbours = 2 * view->points->axes;
    uint32_t draw[4];

    if (fastest >= 0 && (vain < neighbours || vain % 2 == 0))
        *next = nearest_left(view, fastest);
    else if (view->expected_ns)
        *next = qf_search_first_left(view);
    else {
        qf_philox(view->seed, 0x6c6f, (uint64_t)view->tried, draw);
        *next = qf_search_any_left(view, draw[0] * 0x1p-32);
    }
    return QF_OK;
}
