/* experience.c -- the ledger's trials as what can be learned from. */
#include "qforge/memory.h"
#include "qforge/ranker.h"
#include "qforge/tune.h"

enum { TRIALS_MOST = 200000 };

typedef struct memory {
    qf_experience *trial;
    int count, room;
    qf_isa isa;
    const qf_problem *except;
} memory;

static bool remember(void *context, const char *tune_key, int code_abi, const qf_trial *trial,
                     const qf_outcome *outcome)
{
    memory *m = context;

    (void)tune_key, (void)code_abi;
    if (outcome->verdict != QF_VERDICT_OK || trial->kernel.isa != m->isa ||
        trial->cache != qf_tune_cache_mode(&trial->problem) || trial->kernel.tile.align ||
        !(trial->predicted_ns > 0) ||
        (m->except && qf_problem_equal(&trial->problem, m->except)))
        return true;
    m->trial[m->count++] = (qf_experience){trial->problem, trial->kernel, trial->predicted_ns,
                                           outcome->timing.median_ns};
    return m->count < m->room; /* another process may be adding trials */
}

qf_status qf_experience_of_store(qf_store *store, const qf_scope *scope, qf_isa isa,
                                 const qf_problem *except, qf_experience **trials, int *count)
{
    memory m = {.isa = isa, .except = except};
    qf_store_counts counts;

    *trials = NULL, *count = 0;
    QF_TRY(qf_store_count(store, &counts));
    m.room = counts.ok < TRIALS_MOST ? (int)counts.ok + 1 : TRIALS_MOST;
    m.trial = qf_alloc_array((size_t)m.room, sizeof *m.trial);
    if (!m.trial) return QF_MEMORY;
    const qf_status status = qf_store_each_outcome(store, scope, NULL, remember, &m);
    if (status == QF_OK)
        *trials = m.trial, *count = m.count;
    else
        qf_free(m.trial);
    return status;
}
