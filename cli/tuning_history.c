/* tuning_history.c -- outcomes in groups of a machine's problem, and who won there. */
#include "tuning_history.h"

#include <string.h>

#include "qforge/memory.h"
#include "qforge/tune.h"

typedef struct reader {
    tuning_history *history;
    qf_store *store;
    qf_status status;
    int room;
} reader;

static bool is_of(const tuning_problem *p, const char *name, const char *tune_key)
{
    return strcmp(p->name, name) == 0 && strcmp(p->tune_key, tune_key) == 0;
}

static tuning_problem *group(tuning_history *h, const char *tune_key, const qf_problem *problem)
{
    char name[QF_NAME_MAX];

    qf_problem_print(problem, name);
    tuning_problem *last = h->problems ? &h->problem[h->problems - 1] : NULL;
    if (last && is_of(last, name, tune_key)) return last;
    if (!last || strcmp(last->tune_key, tune_key) != 0) h->machines++;
    last = &h->problem[h->problems++];
    *last = (tuning_problem){.problem = *problem, .first = h->trials};
    memcpy(last->name, name, sizeof name);
    strncpy(last->tune_key, tune_key, sizeof last->tune_key - 1);
    return last;
}

static bool see_outcome(void *context, const char *tune_key, int code_abi,
                        const qf_trial *trial, const qf_outcome *outcome)
{
    reader *r = context;
    tuning_history *h = r->history;

    (void)code_abi;
    if (trial->cache != qf_tune_cache_mode(&trial->problem)) return true;
    tuning_problem *p = group(h, tune_key, &trial->problem);
    const double ns = outcome->verdict == QF_VERDICT_OK ? outcome->timing.median_ns : 0;
    h->trial[h->trials++] = (tuning_trial){trial->kernel, ns, outcome->verdict};
    h->verdicts[outcome->verdict]++;
    p->trials++;
    if (ns > 0 && (p->fastest_ns == 0 || ns < p->fastest_ns)) p->fastest_ns = ns;
    return h->trials < r->room;
}

static bool see_best(void *context, const char *tune_key, int code_abi, const qf_best *best)
{
    reader *r = context;
    tuning_history *h = r->history;
    const qf_scope scope = {tune_key, code_abi};
    char name[QF_NAME_MAX];

    qf_problem_print(&best->problem, name);
    for (int i = 0; r->status == QF_OK && i < h->problems; i++) {
        tuning_problem *p = &h->problem[i];
        if (!is_of(p, name, tune_key)) continue;
        p->champion = *best;
        qf_ties_release(&p->ties);
        r->status = qf_store_ties(r->store, &scope, best, &p->ties);
    }
    return r->status == QF_OK;
}

qf_status tuning_history_read(qf_store *store, tuning_history *history)
{
    qf_store_counts counts;

    *history = (tuning_history){0};
    QF_TRY(qf_store_count(store, &counts));
    reader r = {history, store, QF_OK,
                (int)(counts.trials < 1 << 24 ? counts.trials : 1 << 24)};
    history->trial = qf_alloc_array((size_t)r.room + 1, sizeof *history->trial);
    history->problem = qf_alloc_array((size_t)r.room + 1, sizeof *history->problem);
    if (!history->trial || !history->problem) {
        tuning_history_release(history);
        return QF_MEMORY;
    }
    qf_status status = qf_store_each_outcome(store, NULL, NULL, see_outcome, &r);
    if (status == QF_OK) status = qf_store_each_best(store, NULL, see_best, &r);
    if (status == QF_OK) status = r.status;
    if (status != QF_OK) tuning_history_release(history);
    return status;
}

void tuning_history_release(tuning_history *history)
{
    for (int i = 0; i < history->problems; i++) qf_ties_release(&history->problem[i].ties);
    qf_free(history->trial);
    qf_free(history->problem);
    *history = (tuning_history){0};
}
