/* source.c -- the ladder from a problem to a compiled kernel: the ledger's best for it,
 * the best of the nearest tuned shape, the prior's favourite, the reference. */
#include "qforge/source.h"

#include <pthread.h>
#include <string.h>

#include "qforge/memory.h"
#include "qforge/store.h"
#include "space.h"

enum { FAVOURITES = 8 };

/* A quarter of the rows, or four octaves of width: beyond that another tile wins. */
static const double nearest_limit = 2.5;

typedef struct memo {
    struct memo *next;
    char name[QF_NAME_MAX]; /* of the problem */
    qf_kernel kernel;
} memo;

struct qf_tuned {
    const qf_cpu *cpu;
    qf_jit *jit;
    qf_store *store;
    pthread_mutex_t lock;
    memo *memos;
    qf_kernel_source source;
};

static qf_status compile(const qf_tuned *tuned, const qf_kernel_id *id, qf_rung rung,
                         qf_kernel *kernel)
{
    *kernel = (qf_kernel){.id = *id, .rung = rung};
    return qf_jit_get(tuned->jit, id, &kernel->run, NULL);
}

/* A row of the ledger whose kernel can no longer be made, or reads other panels than the
 * weights are packed in, is no answer. */
static qf_status from_ledger(const qf_tuned *tuned, const qf_problem *problem,
                             qf_kernel *kernel)
{
    const qf_scope scope = {tuned->cpu->tune_key, QF_CODE_ABI};
    qf_rung rung = QF_RUNG_EXACT;
    qf_best best;

    if (!tuned->store) return QF_NOT_FOUND;
    qf_status status = qf_store_best(tuned->store, &scope, problem, &best);
    if (status == QF_NOT_FOUND) {
        rung = QF_RUNG_NEAREST;
        status = qf_store_nearest(tuned->store, &scope, problem, nearest_limit, &best);
    }
    QF_TRY(status);
    if (best.kernel.isa != tuned->source.isa) return QF_NOT_FOUND;
    return compile(tuned, &best.kernel, rung, kernel) == QF_OK ? QF_OK : QF_NOT_FOUND;
}

static qf_status from_prior(const qf_tuned *tuned, const qf_problem *problem, qf_kernel *kernel)
{
    qf_space space;
    qf_status status = QF_NOT_FOUND;

    QF_TRY(qf_space_build(tuned->cpu, problem, QF_RECIPE_COUNT, &space));
    for (int i = 0; status != QF_OK && i < space.count && i < FAVOURITES; i++)
        status = compile(tuned, &space.item[i].kernel, QF_RUNG_PRIOR, kernel);
    qf_space_release(&space);
    return status == QF_OK ? QF_OK : QF_NOT_FOUND;
}

static qf_status climb(const qf_tuned *tuned, const qf_problem *problem, qf_kernel *kernel)
{
    qf_status status = from_ledger(tuned, problem, kernel);
    if (status == QF_NOT_FOUND) status = from_prior(tuned, problem, kernel);
    if (status == QF_NOT_FOUND) status = qf_reference_find(tuned->source.isa, problem, kernel);
    return status;
}

static qf_status remember(qf_tuned *tuned, const char *name, const qf_kernel *kernel)
{
    memo *fresh = qf_alloc(sizeof *fresh);
    if (!fresh) return QF_MEMORY;
    memcpy(fresh->name, name, sizeof fresh->name);
    fresh->kernel = *kernel;
    fresh->next = tuned->memos;
    tuned->memos = fresh;
    return QF_OK;
}

static qf_status find(void *self, const qf_problem *problem, qf_kernel *kernel)
{
    qf_tuned *tuned = self;
    char name[QF_NAME_MAX] = "";
    qf_status status = QF_OK;

    qf_problem_print(problem, name);
    pthread_mutex_lock(&tuned->lock);
    const memo *known = tuned->memos;
    while (known && strcmp(known->name, name) != 0) known = known->next;
    if (known) {
        *kernel = known->kernel;
    } else {
        status = climb(tuned, problem, kernel);
        if (status == QF_OK) status = remember(tuned, name, kernel);
    }
    pthread_mutex_unlock(&tuned->lock);
    return status;
}

qf_status qf_tuned_create(const qf_cpu *cpu, qf_jit *jit, qf_store *store, qf_tuned **out)
{
    qf_tuned *tuned = qf_alloc(sizeof *tuned);

    *out = tuned;
    if (!tuned) return QF_MEMORY;
    *tuned = (qf_tuned){.cpu = cpu, .jit = jit, .store = store};
    tuned->source = (qf_kernel_source){tuned, qf_cpu_best_isa(cpu), find};
    pthread_mutex_init(&tuned->lock, NULL);
    return QF_OK;
}

void qf_tuned_destroy(qf_tuned *tuned)
{
    if (!tuned) return;
    for (memo *m = tuned->memos, *next; m; m = next) {
        next = m->next;
        qf_free(m);
    }
    pthread_mutex_destroy(&tuned->lock);
    qf_free(tuned);
}

const qf_kernel_source *qf_tuned_source(const qf_tuned *tuned)
{
    return &tuned->source;
}
