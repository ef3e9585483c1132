/* pareto.c -- questions asked of a list of trials. */
#include "qforge/search.h"

bool qf_candidate_within(const qf_candidate *trial, const qf_budget *budget)
{
    for (int c = 0; c < QF_COSTS; c++)
        if (trial->cost[c] > budget->limit[c]) return false;
    return true;
}

int qf_search_best(const qf_search *search, const qf_budget *budget, int most, int *index)
{
    int count = 0;
    for (int t = 0; t < search->trials; t++) {
        const qf_candidate *trial = &search->trial[t];
        if (!qf_candidate_within(trial, budget)) continue;
        int at = count < most ? count++ : most;
        /* Insertion from the bad end; the last one falls off when the list is full. */
        for (; at > 0 && search->trial[index[at - 1]].loss > trial->loss; at--)
            if (at < most) index[at] = index[at - 1];
        if (at < most) index[at] = t;
    }
    return count;
}

/* Whether a beats or equals b in both, and is not the same standing later in the list. */
static bool dominates(const qf_search *search, qf_cost cost, int a, int b)
{
    const qf_candidate *p = &search->trial[a], *q = &search->trial[b];
    if (p->loss > q->loss || p->cost[cost] > q->cost[cost]) return false;
    return p->loss < q->loss || p->cost[cost] < q->cost[cost] || a < b;
}

int qf_search_front(const qf_search *search, qf_cost cost, int *index)
{
    int count = 0;
    for (int t = 0; t < search->trials; t++) {
        bool beaten = false;
        for (int u = 0; u < search->trials && !beaten; u++)
            beaten = u != t && dominates(search, cost, u, t);
        if (beaten) continue;
        int at = count++;
        for (; at > 0 && search->trial[index[at - 1]].cost[cost] > search->trial[t].cost[cost];
             at--)
            index[at] = index[at - 1];
        index[at] = t;
    }
    return count;
}
