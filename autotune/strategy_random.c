/* strategy_random.c -- uniformly at random without repetition, from the seed alone. */
#include "qforge/random.h"
#include "strategy.h"

int qf_strategy_random(const qf_search_view *view)
{
    int left = 0;
    uint32_t draw[4];

    for (int i = 0; i < view->count; i++) left += view->ns[i] == 0;
    if (left == 0) return -1;
    qf_philox(view->seed, 0x7475, (uint64_t)view->tried, draw);
    int skip = (int)(((uint64_t)draw[0] * (uint64_t)left) >> 32);
    for (int i = 0;; i++)
        if (view->ns[i] == 0 && skip-- == 0) return i;
}
