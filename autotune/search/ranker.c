/* ranker.c -- numbers that say what a kernel does on a problem, and boosted trees over them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "boost.h"
#include "neighbours.h"
#include "qforge/memory.h"
#include "ranking.h"

enum { COLUMNS = 25, AXES = 7, ROWS_LEAST = 200, ROWS_MANY = 1000 };

struct qf_ranker {
    qf_boost *boost;      /* NULL: trials are too few for trees */
    bool well;            /* the trees saw many */
    qf_experience *trial; /* [trials], then */
    int trials;
};

/* ---- a kernel on a problem, in numbers ----------------------------------------------------
 */

static double ceil_div(double a, double b)
{
    return ceil(a / b);
}

static double log_or_0(double x)
{
    return x > 0 ? log2(x) : 0;
}

/* best_ns: the least predicted of the problem's candidates. */
static void describe(const qf_problem *p, const qf_kernel_id *kernel, double predicted_ns,
                     double best_ns, float x[COLUMNS])
{
    const qf_tile *t = &kernel->tile;
    const qf_recipe_row *recipe = qf_recipe_of(kernel->recipe);
    const bool forward = p->op == QF_FORWARD;
    const double columns = (double)(forward ? p->n : p->k);
    const double depth = (double)(forward ? p->k : p->n);
    const double vectors = 2.0 * t->nr / qf_isa_panel(kernel->isa);
    const double bits = qf_quant_of(p->quant)->bits, m = (double)p->m;
    const double row_blocks = ceil_div(m, t->mr), column_blocks = ceil_div(columns, t->nr);
    const double numbers[COLUMNS] = {
        log2(m),
        log2(columns),
        log2(depth),
        bits,
        p->group,
        p->threads,
        kernel->recipe,
        recipe->planes,
        t->mr,
        vectors,
        t->unroll,
        t->prefetch,
        t->mr * vectors,
        1.0 / t->mr + 1 / vectors, /* loads a product */
        log_or_0(t->kc),
        log_or_0(t->mc),
        log_or_0(4.0 * t->kc * t->nr),
        log_or_0(4.0 * t->kc * t->mc),
        row_blocks * t->mr / m,
        column_blocks * t->nr / columns,
        row_blocks,
        t->kc ? ceil_div(depth, t->kc) : 1,
        log2(columns * depth * bits / 8),
        ceil_div(column_blocks, p->threads) * p->threads / column_blocks,
        log(predicted_ns / best_ns),
    };
    for (int c = 0; c < COLUMNS; c++) x[c] = (float)numbers[c];
}

/* ---- learning ------------------------------------------------------------------------------
 */

typedef struct table {
    float *x, *y, *weight;
} table;

/* One problem's trials.  Only differences among them count, and most those near the best. */
static void add_problem(const qf_experience *trials, int count, table *t, int at)
{
    double best = trials[0].ns, least = trials[0].predicted_ns, sum = 0, all = 0;

    for (int i = 1; i < count; i++) {
        best = fmin(best, trials[i].ns);
        least = fmin(least, trials[i].predicted_ns);
    }
    for (int i = 0; i < count; i++) {
        const qf_experience *e = &trials[i];
        const double weight = (best / e->ns) * (best / e->ns);
        const double off = log(e->ns / e->predicted_ns);
        describe(&e->problem, &e->kernel, e->predicted_ns, least, t->x + (at + i) * COLUMNS);
        t->y[at + i] = (float)off;
        t->weight[at + i] = (float)weight;
        sum += weight * off, all += weight;
    }
    for (int i = 0; i < count; i++) t->y[at + i] -= (float)(sum / all);
}

static int add_problems(const qf_experience *trials, int count, table *t)
{
    int problems = 0;

    for (int i = 0, next; i < count; i = next, problems++) {
        next = i + 1;
        while (next < count && qf_problem_equal(&trials[next].problem, &trials[i].problem))
            next++;
        add_problem(trials + i, next - i, t, i);
    }
    return problems;
}

static qf_status grow_trees(const qf_experience *trials, int count, table *t, qf_ranker *ranker)
{
    if (add_problems(trials, count, t) < 2) return QF_OK;
    ranker->boost = qf_alloc(sizeof *ranker->boost);
    if (!ranker->boost) return QF_MEMORY;
    ranker->well = count >= ROWS_MANY;
    return qf_boost_fit(t->x, t->y, t->weight, count, COLUMNS, ranker->boost);
}

static qf_status learn(const qf_experience *trials, int count, qf_ranker *ranker)
{
    const size_t rows = (size_t)count;

    if (count < ROWS_LEAST) return QF_OK;
    table t = {qf_alloc_array(rows * COLUMNS, sizeof *t.x), qf_alloc_array(rows, sizeof *t.y),
               qf_alloc_array(rows, sizeof *t.weight)};
    const qf_status status =
        t.x && t.y && t.weight ? grow_trees(trials, count, &t, ranker) : QF_MEMORY;
    qf_free(t.x);
    qf_free(t.y);
    qf_free(t.weight);
    return status;
}

static qf_status keep(const qf_experience *trials, int count, qf_ranker *ranker)
{
    ranker->trial = qf_alloc_array((size_t)count + 1, sizeof *trials);
    if (!ranker->trial) return QF_MEMORY;
    if (count) memcpy(ranker->trial, trials, (size_t)count * sizeof *trials);
    ranker->trials = count;
    return QF_OK;
}

qf_status qf_ranker_learn(const qf_experience *trials, int count, qf_ranker **ranker)
{
    qf_ranker *r = *ranker = qf_alloc(sizeof *r);

    if (!r) return QF_MEMORY;
    *r = (qf_ranker){0};
    qf_status status = learn(trials, count, r);
    if (status == QF_OK && !r->boost) status = keep(trials, count, r);
    if (status == QF_OK) return QF_OK;
    qf_ranker_destroy(r);
    *ranker = NULL;
    return status;
}

qf_status qf_ranker_of_store(qf_store *store, const qf_scope *scope, qf_isa isa,
                             const qf_problem *except, qf_ranker **ranker)
{
    qf_experience *trial;
    int count;

    *ranker = NULL;
    QF_TRY(qf_experience_of_store(store, scope, isa, except, &trial, &count));
    const qf_status status = qf_ranker_learn(trial, count, ranker);
    qf_free(trial);
    return status;
}

void qf_ranker_destroy(qf_ranker *ranker)
{
    if (!ranker) return;
    qf_free(ranker->boost);
    qf_free(ranker->trial);
    qf_free(ranker);
}

/* ---- telling -------------------------------------------------------------------------------
 */

static void ask_trees(const qf_boost *boost, const qf_problem *problem,
                      qf_candidate *candidates, int count)
{
    double least = HUGE_VAL;
    float x[COLUMNS];

    for (int i = 0; i < count; i++) least = fmin(least, candidates[i].predicted_ns);
    for (int i = 0; i < count; i++) {
        qf_candidate *c = &candidates[i];
        describe(problem, &c->kernel, c->predicted_ns, least, x);
        c->expected_ns *= exp(qf_boost_guess(boost, x));
    }
}

bool qf_ranker_is_well_taught(const qf_ranker *ranker)
{
    return ranker && ranker->well;
}

qf_rung qf_ranker_expect(const qf_ranker *ranker, const qf_problem *problem,
                         qf_candidate *candidates, int count)
{
    for (int i = 0; i < count; i++) candidates[i].expected_ns = candidates[i].predicted_ns;
    if (!ranker) return QF_RUNG_PRIOR;
    if (ranker->boost) {
        ask_trees(ranker->boost, problem, candidates, count);
        return QF_RUNG_LEARNED;
    }
    return qf_neighbours_expect(ranker->trial, ranker->trials, problem, QF_NEAR, candidates,
                                count)
               ? QF_RUNG_NEAREST
               : QF_RUNG_PRIOR;
}

/* kc x mc is what x takes of L2: alike for all mr, as mc is not. */
qf_status qf_candidate_points(const qf_candidate *candidates, int count, qf_points *points)
{
    double *value = qf_alloc_array((size_t)count * AXES + 1, sizeof *value);

    *points = (qf_points){0};
    if (!value) return QF_MEMORY;
    for (int i = 0; i < count; i++) {
        const qf_kernel_id *id = &candidates[i].kernel;
        const qf_tile *t = &id->tile;
        const double place[AXES] = {
            id->recipe, t->mr, t->nr, t->unroll, t->kc, (double)t->kc * t->mc, t->prefetch};
        memcpy(value + (size_t)i * AXES, place, sizeof place);
    }
    const qf_status status = qf_points_make(value, count, AXES, points);
    qf_free(value);
    return status;
}
