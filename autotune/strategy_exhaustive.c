/* strategy_exhaustive.c -- everything, the prior's favourites first. */
#include "strategy.h"

int qf_strategy_exhaustive(const qf_search_view *view)
{
    int i = 0;
    while (i < view->count && view->ns[i] != 0) i++;
    return i < view->count ? i : -1;
}
