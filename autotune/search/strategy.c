/* strategy.c -- what several of them ask. */
#include "strategy.h"

int qf_search_fastest(const qf_search_view *view)
{
    int best = -1;

    for (int t = 0; t < view->tried; t++) {
        const int i = view->order[t];
        if (view->ns[i] > 0 && (best < 0 || view->ns[i] < view->ns[best])) best = i;
    }
    return best;
}

int qf_search_first_left(const qf_search_view *view)
{
    for (int i = 0; i < view->points->count; i++)
        if (view->ns[i] == 0) return i;
    return -1;
}

int qf_search_any_left(const qf_search_view *view, double draw)
{
    int left = 0;

    for (int i = 0; i < view->points->count; i++) left += view->ns[i] == 0;
    int skip = (int)(draw * left);
    for (int i = 0; i < view->points->count; i++)
        if (view->ns[i] == 0 && skip-- == 0) return i;
    return -1;
}
