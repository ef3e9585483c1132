/* strategy_random.c -- uniformly at random without repetition, from the seed alone. */
#include "qforge/random.h"
#include "strategy.h"

qf_status qf_strategy_random(const qf_search_view *view, int *next)
{
    uint32_t draw[4];

    qf_philox(view->seed, 0x7475, (uint64_t)view->tried, draw);
    *next = qf_search_any_left(view, draw[0] * 0x1p-32);
    return QF_OK;
}
