/* strategy_exhaustive.c -- everything, the most promising first. */
#include "strategy.h"

qf_status qf_strategy_exhaustive(const qf_search_view *view, int *next)
{
    *next = qf_search_first_left(view);
    return QF_OK;
}
