/* source.c -- the ladder from a problem to a compiled kernel: the ledger's best for it, the
 * champion that was shipped for such a machine, what the ledger's trials of other problems
 * speak for, those of the nearest while they are few, the prior's favourite, the reference. */
#include "qforge/source.h"

#include <pthread.h>
#include <string.h>

#include "qforge/champion_table.h"
#include "qforge/champions.h"
#include "qforge/memory.h"
#include "qforge/store.h"
#include "search/ranking.h"

enum { FAVOURITES = 8, BUCKETS = 256 };

typedef struct memo {
    struct memo *next;
    qf_problem problem;
    qf_kernel kernel;
} memo;

struct qf_tuned {
    const qf_cpu *cpu;
    qf_jit *jit;
    qf_store *store;
    qf_champion_table *table;      /* of the store; NULL: none */
    const qf_champions *champions; /* NULL: none */
    pthread_mutex_t lock;
    memo *memos[BUCKETS]; /* by hash; only added to */
    qf_ranker *ranker;    /* of the ledger, from when it was first needed; NULL: not yet */
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
static qf_status from_row(const qf_tuned *tuned, const qf_best *best, qf_rung rung,
                          qf_kernel *kernel)
{
    if (best->kernel.isa != tuned->source.isa) return QF_NOT_FOUND;
    return compile(tuned, &best->kernel, rung, kernel) == QF_OK ? QF_OK : QF_NOT_FOUND;
}

static qf_status from_ledger(const qf_tuned *tuned, const qf_problem *problem,
                             qf_kernel *kernel)
{
    const qf_scope scope = {tuned->cpu->tune_key, QF_CODE_ABI};
    qf_best best;

    if (!tuned->store) return QF_NOT_FOUND;
    if (!tuned->table || !qf_champion_table_find(tuned->table, &scope, problem, &best))
        QF_TRY(qf_store_best(tuned->store, &scope, problem, &best));
    return from_row(tuned, &best, QF_RUNG_EXACT, kernel);
}

/* Whether the tuner could have elected it: a file may claim anything. */
static qf_status is_in_space(const qf_tuned *tuned, const qf_problem *problem,
                             const qf_kernel_id *kernel)
{
    qf_kernel_id id = *kernel;
    qf_space space;
    bool found = false;

    QF_TRY(qf_space_build(tuned->cpu, problem, id.recipe, &space));
    id.tile.align = 0; /* winners are placed in the end */
    for (int i = 0; i < space.count && !found; i++)
        found = qf_kernel_equal(&space.item[i].kernel, &id);
    qf_space_release(&space);
    return found ? QF_OK : QF_NOT_FOUND;
}

/* Nobody judged it here: its code must be the very code that was judged there, and a compiler
 * of another version makes it no answer but a seed. */
static qf_status from_champion(const qf_tuned *tuned, const qf_problem *problem,
                               qf_kernel *kernel)
{
    const qf_scope scope = {tuned->cpu->tune_key, QF_CODE_ABI};
    const qf_champion *c =
        tuned->champions ? qf_champions_find(tuned->champions, &scope, problem) : NULL;
    qf_gemm_fn *run;
    char hash[17];

    if (!c || c->best.kernel.isa != tuned->source.isa) return QF_NOT_FOUND;
    QF_TRY(is_in_space(tuned, problem, &c->best.kernel));
    if (qf_jit_get(tuned->jit, &c->best.kernel, &run, hash) != QF_OK ||
        strcmp(hash, c->best.code_hash) != 0) {
        qf_message_clear();
        return QF_NOT_FOUND;
    }
    return from_row(tuned, &c->best, QF_RUNG_SHIPPED, kernel);
}

/* ---- what was never tuned -------------------------------------------------------------- */

/* The first that can be made, by what is expected of them. */
static qf_status first_of(const qf_tuned *tuned, qf_space *space, qf_rung rung,
                          qf_kernel *kernel)
{
    QF_TRY(qf_candidates_sort(space->item, space->count));
    for (int i = 0; i < space->count && i < FAVOURITES; i++)
        if (compile(tuned, &space->item[i].kernel, rung, kernel) == QF_OK) return QF_OK;
    return QF_NOT_FOUND;
}

/* Learning takes about a second with ten thousand trials; it waits for the first problem that
 * was never tuned. */
static qf_status from_expectation(qf_tuned *tuned, const qf_problem *problem, qf_recipe recipe,
                                  qf_kernel *kernel)
{
    const qf_scope scope = {tuned->cpu->tune_key, QF_CODE_ABI};
    qf_space space;

    if (!tuned->ranker && tuned->store)
        QF_TRY(
            qf_ranker_of_store(tuned->store, &scope, tuned->source.isa, NULL, &tuned->ranker));
    QF_TRY(qf_space_build(tuned->cpu, problem, recipe, &space));
    const qf_rung rung = qf_ranker_expect(tuned->ranker, problem, space.item, space.count);
    const qf_status status = first_of(tuned, &space, rung, kernel);
    qf_space_release(&space);
    return status;
}

static qf_status climb(qf_tuned *tuned, const qf_problem *problem, qf_kernel *kernel)
{
    qf_status status = from_ledger(tuned, problem, kernel);
    if (status == QF_NOT_FOUND) status = from_champion(tuned, problem, kernel);
    if (status == QF_NOT_FOUND)
        status = from_expectation(tuned, problem, QF_RECIPE_COUNT, kernel);
    if (status == QF_NOT_FOUND) status = qf_reference_find(tuned->source.isa, problem, kernel);
    return status;
}

/* ---- what was asked before ------------------------------------------------------------- */

static memo **bucket_of(qf_tuned *tuned, const qf_problem *p)
{
    const uint64_t part[] = {(uint64_t)p->accuracy, (uint64_t)p->op,     (uint64_t)p->quant,
                             (uint64_t)p->group,    (uint64_t)p->m,      (uint64_t)p->n,
                             (uint64_t)p->k,        (uint64_t)p->threads};
    uint64_t hash = 0xcbf29ce484222325;

    for (size_t i = 0; i < sizeof part / sizeof *part; i++)
        hash = (hash ^ part[i]) * 0x9e3779b97f4a7c15;
    return &tuned->memos[hash >> 56];
}

static qf_status remember(memo **bucket, const qf_problem *problem, const qf_kernel *kernel)
{
    memo *fresh = qf_alloc(sizeof *fresh);
    if (!fresh) return QF_MEMORY;
    *fresh = (memo){*bucket, *problem, *kernel};
    *bucket = fresh;
    return QF_OK;
}

static qf_status find(void *self, const qf_problem *problem, qf_kernel *kernel)
{
    qf_tuned *tuned = self;
    memo **const bucket = bucket_of(tuned, problem);
    qf_status status = QF_OK;

    pthread_mutex_lock(&tuned->lock);
    const memo *known = *bucket;
    while (known && !qf_problem_equal(&known->problem, problem)) known = known->next;
    if (known) {
        *kernel = known->kernel;
    } else {
        status = climb(tuned, problem, kernel);
        if (status == QF_OK) status = remember(bucket, problem, kernel);
    }
    pthread_mutex_unlock(&tuned->lock);
    return status;
}

/* Plain C computes any recipe of the class. */
static qf_status reference_of(const qf_tuned *tuned, const qf_problem *problem,
                              qf_recipe recipe, qf_kernel *kernel)
{
    if (tuned->source.isa != QF_ISA_C || !qf_recipe_answers(recipe, problem))
        return qf_fail(QF_UNSUPPORTED, "no kernel of recipe %s for this product on %s",
                       qf_recipe_of(recipe)->name, qf_isa_of(tuned->source.isa)->name);
    QF_TRY(qf_reference_find(tuned->source.isa, problem, kernel));
    kernel->id.recipe = recipe;
    return QF_OK;
}

qf_status qf_tuned_find(qf_tuned *tuned, const qf_problem *problem, qf_recipe recipe,
                        qf_kernel *kernel)
{
    QF_TRY(find(tuned, problem, kernel));
    if (recipe == QF_RECIPE_COUNT || kernel->id.recipe == recipe) return QF_OK;
    pthread_mutex_lock(&tuned->lock);
    qf_status status = from_expectation(tuned, problem, recipe, kernel);
    pthread_mutex_unlock(&tuned->lock);
    if (status == QF_NOT_FOUND) status = reference_of(tuned, problem, recipe, kernel);
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
    const qf_status status = store ? qf_champion_table_open(store, &tuned->table) : QF_OK;
    if (status == QF_OK) return QF_OK;
    qf_tuned_destroy(tuned);
    *out = NULL;
    return status;
}

void qf_tuned_ship(qf_tuned *tuned, const qf_champions *champions)
{
    tuned->champions = champions;
}

void qf_tuned_destroy(qf_tuned *tuned)
{
    if (!tuned) return;
    for (int b = 0; b < BUCKETS; b++)
        for (memo *m = tuned->memos[b], *next; m; m = next) {
            next = m->next;
            qf_free(m);
        }
    qf_ranker_destroy(tuned->ranker);
    qf_champion_table_close(tuned->table);
    pthread_mutex_destroy(&tuned->lock);
    qf_free(tuned);
}

const qf_kernel_source *qf_tuned_source(const qf_tuned *tuned)
{
    return &tuned->source;
}
