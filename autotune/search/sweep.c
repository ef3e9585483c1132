/* sweep.c -- spaces out of the ledger. */
#include <stdlib.h>
#include <string.h>

#include "qforge/memory.h"
#include "qforge/simulate.h"
#include "qforge/tune.h"

enum { SWEEPS_MAX = 4096 };

typedef struct gatherer {
    qf_sweeps *sweeps;
    int least;
    int room; /* of the sweep under way */
    char machine[64];
    qf_status status;
} gatherer;

static void release(qf_sweep *sweep)
{
    qf_free(sweep->ns);
    qf_free(sweep->kernel);
    qf_free(sweep->value);
    *sweep = (qf_sweep){0};
}

void qf_sweeps_release(qf_sweeps *sweeps)
{
    for (int i = 0; i < sweeps->count; i++) release(&sweeps->item[i]);
    qf_free(sweeps->item);
    *sweeps = (qf_sweeps){0};
}

/* Too small a space proves nothing, and one without a time has no fastest. */
static void conclude(gatherer *g)
{
    qf_sweeps *all = g->sweeps;
    if (all->count == 0) return;
    qf_sweep *last = &all->item[all->count - 1];
    bool timed = false;

    for (int i = 0; i < last->count; i++) timed |= last->ns[i] > 0;
    if (timed && last->count >= g->least) return;
    release(last);
    all->count--;
}

static qf_status grow(gatherer *g, qf_sweep *sweep)
{
    const size_t used = (size_t)sweep->count;
    const int room = g->room ? 2 * g->room : 256;
    double *ns = qf_alloc_array((size_t)room, sizeof *ns);
    qf_experience *kernel = qf_alloc_array((size_t)room, sizeof *kernel);

    if (!ns || !kernel) {
        qf_free(ns);
        qf_free(kernel);
        return QF_MEMORY;
    }
    if (used) {
        memcpy(ns, sweep->ns, used * sizeof *ns);
        memcpy(kernel, sweep->kernel, used * sizeof *kernel);
    }
    qf_free(sweep->ns);
    qf_free(sweep->kernel);
    sweep->ns = ns;
    sweep->kernel = kernel;
    g->room = room;
    return QF_OK;
}

/* Sorted by machine and problem, so that a new one begins where either changes. */
static qf_status add(gatherer *g, const char *tune_key, const qf_trial *trial,
                     const qf_outcome *outcome)
{
    char name[QF_NAME_MAX];
    qf_sweeps *all = g->sweeps;

    qf_problem_print(&trial->problem, name);
    if (all->count == 0 || strcmp(all->item[all->count - 1].name, name) != 0 ||
        strcmp(g->machine, tune_key) != 0) {
        conclude(g);
        if (all->count == SWEEPS_MAX) return QF_OK;
        all->item[all->count] = (qf_sweep){0};
        memcpy(all->item[all->count++].name, name, sizeof name);
        strncpy(g->machine, tune_key, sizeof g->machine - 1);
        g->room = 0;
    }
    qf_sweep *sweep = &all->item[all->count - 1];
    if (sweep->count == g->room) QF_TRY(grow(g, sweep));
    const double ns = outcome->verdict == QF_VERDICT_OK ? outcome->timing.median_ns : 0;
    sweep->ns[sweep->count] = ns;
    sweep->kernel[sweep->count++] =
        (qf_experience){trial->problem, trial->kernel, trial->predicted_ns, ns};
    return QF_OK;
}

/* Placements are trials of winners alone, and each problem's own cache mode is one space. */
static bool see(void *context, const char *tune_key, int code_abi, const qf_trial *trial,
                const qf_outcome *outcome)
{
    gatherer *g = context;

    (void)code_abi;
    if (trial->kernel.tile.align || !(trial->predicted_ns > 0) ||
        trial->cache != qf_tune_cache_mode(&trial->problem))
        return true;
    g->status = add(g, tune_key, trial, outcome);
    return g->status == QF_OK;
}

qf_status qf_sweeps_of_store(qf_store *store, const qf_scope *scope, int least,
                             qf_sweeps *sweeps)
{
    gatherer g = {.sweeps = sweeps, .least = least};

    *sweeps = (qf_sweeps){qf_alloc_array(SWEEPS_MAX, sizeof *sweeps->item), 0};
    if (!sweeps->item) return QF_MEMORY;
    qf_status status = qf_store_each_outcome(store, scope, NULL, see, &g);
    if (status == QF_OK) status = g.status;
    conclude(&g);
    if (status != QF_OK) qf_sweeps_release(sweeps);
    return status;
}
