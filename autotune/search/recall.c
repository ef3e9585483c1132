/* recall.c -- the ledger's trials of a space, in their order. */
#include "recall.h"

typedef struct recollection {
    qf_cache_mode cache;
    const qf_candidate *candidate;
    int count, *index, known;
} recollection;

int qf_candidate_index(const qf_candidate *candidate, int count, const qf_kernel_id *kernel)
{
    for (int i = 0; i < count; i++)
        if (qf_kernel_equal(&candidate[i].kernel, kernel)) return i;
    return -1;
}

static bool is_known(void *context, const char *tune_key, int code_abi, const qf_trial *trial,
                     const qf_outcome *outcome)
{
    recollection *r = context;

    (void)tune_key, (void)code_abi, (void)outcome;
    const int i = trial->cache == r->cache
                      ? qf_candidate_index(r->candidate, r->count, &trial->kernel)
                      : -1;
    if (i >= 0) r->index[r->known++] = i;
    return r->known < r->count;
}

qf_status qf_recall_order(qf_store *store, const qf_scope *scope, const qf_problem *problem,
                          qf_cache_mode cache, const qf_candidate *candidate, int count,
                          int *index, int *known)
{
    recollection r = {cache, candidate, count, index, 0};

    *known = 0;
    QF_TRY(qf_store_each_outcome(store, scope, problem, is_known, &r));
    *known = r.known;
    return QF_OK;
}
