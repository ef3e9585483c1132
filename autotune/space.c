/* space.c -- enumerates tiles: registers by the code generator's own check, depth and row
 * steps from the cache sizes (Low et al., "Analytical modeling is enough for
 * high-performance BLIS", TOMS 2016, whose answer is in the list with its neighbours). */
#include "space.h"

#include <stdlib.h>
#include <string.h>

#include "prior.h"
#include "qforge/codegen.h"
#include "qforge/memory.h"

enum { ROWS_MAX = 14, PANELS_MAX = 4, SPACE_MAX = 8192 };

static const int unrolls[] = {1, 2, 4};
static const int depths[] = {128, 192, 256, 384, 512};
static const double shares[] = {0.25, 0.5, 0.75}; /* of L2, for rows of x */
/* A Zen 4 gains from those that go to L1, wherever they are within it, a Zen 5 from those that
 * go to L2: there 2 KiB are too late and 16 as good. */
static const int prefetches[] = {0, QF_PREFETCH_L1, 8};
enum {
    PREFETCHES = sizeof prefetches / sizeof *prefetches,
    UNROLLS = sizeof unrolls / sizeof *unrolls,
    DEPTHS = sizeof depths / sizeof *depths,
    SHARES = sizeof shares / sizeof *shares
};

typedef struct walk {
    const qf_cpu *cpu;
    const qf_problem *problem;
    qf_space *space;
} walk;

static void leave_out(const walk *w, qf_left_out why, int kernels)
{
    w->space->left_out[why] += kernels;
}

static void add(const walk *w, const qf_kernel_id *kernel)
{
    QF_ASSERT(w->space->count < SPACE_MAX);
    const double ns = qf_prior_ns(w->cpu, w->problem, kernel);
    w->space->item[w->space->count++] = (qf_candidate){*kernel, ns, ns};
}

static int64_t depth_of(const qf_problem *p)
{
    return p->op == QF_FORWARD ? p->k : p->n;
}

/* What depth steps must be multiples of: whole records, or whole panels. */
static int depth_unit(const qf_problem *p, qf_isa isa)
{
    if (p->op == QF_GRAD_INPUT) return qf_isa_panel(isa);
    return p->quant == QF_F32 ? 1 : p->group;
}

/* Rows of x that fill at most `share` of L2 beside kc of depth, in whole blocks of mr; as many
 * in every pass over the weights, for the last one costs as much as any. */
static int rows_in_cache(const walk *w, const qf_tile *tile, double share)
{
    const double bytes = share * (double)qf_cpu_cache_bytes(w->cpu, 2);
    const int64_t blocks = (w->problem->m + tile->mr - 1) / tile->mr;
    int64_t most = (int64_t)(bytes / (4.0 * tile->kc)) / tile->mr;

    if (most < 1) most = 1;
    const int64_t passes = (blocks + most - 1) / most;
    return (int)((blocks + passes - 1) / passes) * tile->mr;
}

static void add_row_steps(const walk *w, qf_kernel_id *kernel)
{
    int last = 0;

    for (int i = 0; i < SHARES; i++) {
        const int mc = rows_in_cache(w, &kernel->tile, shares[i]);
        if (mc == last) {
            leave_out(w, QF_LEFT_OUT_CACHES, 1);
            continue;
        }
        kernel->tile.mc = last = mc;
        add(w, kernel);
    }
}

/* Depth steps up to the first that covers everything. */
static void add_depth_steps(const walk *w, qf_kernel_id *kernel)
{
    const int unit = depth_unit(w->problem, kernel->isa);
    bool covered = false;

    for (int i = 0; i < DEPTHS; i++) {
        if (covered || depths[i] % unit) {
            leave_out(w, covered ? QF_LEFT_OUT_DEPTH : QF_LEFT_OUT_DEPTH_UNIT, SHARES);
            continue;
        }
        kernel->tile.kc = depths[i];
        add_row_steps(w, kernel);
        covered = depths[i] >= depth_of(w->problem);
    }
}

static bool is_blocked(qf_recipe recipe)
{
    return qf_recipe_of(recipe)->depth == QF_DEPTH_STEPS;
}

/* Kernels of the grid per tile, and per recipe and instruction set. */
static int grid_of_tile(qf_recipe recipe)
{
    return is_blocked(recipe) ? DEPTHS * SHARES : PREFETCHES;
}

static int grid_of(qf_recipe recipe)
{
    return ROWS_MAX * PANELS_MAX * UNROLLS * grid_of_tile(recipe);
}

/* Plain weights are fetched as the hardware does. */
static void add_prefetches(const walk *w, qf_kernel_id *kernel)
{
    for (int i = 0; i < PREFETCHES; i++) {
        kernel->tile.prefetch = prefetches[i];
        if (i > 0 && kernel->quant == QF_F32)
            leave_out(w, QF_LEFT_OUT_FORMAT, 1);
        else
            add(w, kernel);
    }
}

static void add_tile(const walk *w, qf_kernel_id *kernel)
{
    static const qf_left_out reasons[] = {[QF_MISFIT_FORMAT] = QF_LEFT_OUT_FORMAT,
                                          [QF_MISFIT_UNROLL] = QF_LEFT_OUT_UNROLL,
                                          [QF_MISFIT_COLUMNS] = QF_LEFT_OUT_COLUMNS,
                                          [QF_MISFIT_REGISTERS] = QF_LEFT_OUT_REGISTERS};
    const qf_misfit misfit = qf_codegen_misfit(kernel);

    QF_ASSERT(misfit != QF_MISFIT_TILE);
    if (misfit != QF_FITS)
        leave_out(w, reasons[misfit], grid_of_tile(kernel->recipe));
    else if (is_blocked(kernel->recipe))
        add_depth_steps(w, kernel);
    else
        add_prefetches(w, kernel);
}

static void add_tiles(const walk *w, qf_recipe recipe, qf_isa isa)
{
    const qf_problem *p = w->problem;

    for (int mr = 1; mr <= ROWS_MAX; mr++)
        for (int panels = 1; panels <= PANELS_MAX; panels++)
            for (int u = 0; u < UNROLLS; u++) {
                qf_kernel_id kernel = {
                    recipe,
                    p->quant,
                    p->group,
                    isa,
                    {mr, panels * qf_isa_panel(isa), unrolls[u], 0, 0, 0, 0}};
                if (mr > p->m)
                    leave_out(w, QF_LEFT_OUT_ROWS, grid_of_tile(recipe));
                else
                    add_tile(w, &kernel);
            }
}

static bool answers(qf_recipe recipe, const qf_problem *p)
{
    return qf_recipe_answers(recipe, p);
}

static void skip_isa(const walk *w, qf_isa isa)
{
    const qf_left_out why =
        qf_cpu_runs(w->cpu, isa) ? QF_LEFT_OUT_ISA_LESSER : QF_LEFT_OUT_ISA_MISSING;
    for (int r = 0; r < QF_RECIPE_COUNT; r++) leave_out(w, why, grid_of((qf_recipe)r));
}

static void add_recipe(const walk *w, qf_recipe recipe, qf_recipe asked, qf_isa isa)
{
    const qf_recipe_row *row = qf_recipe_of(recipe);

    if (answers(recipe, w->problem) && (asked == QF_RECIPE_COUNT || recipe == asked))
        add_tiles(w, recipe, isa);
    else if (row->accuracy != w->problem->accuracy || row->op != w->problem->op)
        leave_out(w, QF_LEFT_OUT_CLASS, grid_of(recipe));
    else
        leave_out(w, answers(recipe, w->problem) ? QF_LEFT_OUT_RECIPE : QF_LEFT_OUT_FORMAT,
                  grid_of(recipe));
}

/* Equals stay in the order they were in, which is that of the addresses. */
static int by_expectation(const void *a, const void *b)
{
    const qf_candidate *const *x = a, *const *y = b;
    if ((*x)->expected_ns != (*y)->expected_ns)
        return (*x)->expected_ns < (*y)->expected_ns ? -1 : 1;
    return *x < *y ? -1 : *x > *y;
}

qf_status qf_candidates_sort(qf_candidate *candidate, int count)
{
    const qf_candidate **order = qf_alloc_array((size_t)count + 1, sizeof *order);
    qf_candidate *sorted = qf_alloc_array((size_t)count + 1, sizeof *sorted);
    const qf_status status = order && sorted ? QF_OK : QF_MEMORY;

    if (status == QF_OK) {
        for (int i = 0; i < count; i++) order[i] = &candidate[i];
        qsort(order, (size_t)count, sizeof *order, by_expectation);
        for (int i = 0; i < count; i++) sorted[i] = *order[i];
        memcpy(candidate, sorted, (size_t)count * sizeof *sorted);
    }
    qf_free(order);
    qf_free(sorted);
    return status;
}

qf_status qf_space_build(const qf_cpu *cpu, const qf_problem *problem, qf_recipe recipe,
                         qf_space *space)
{
    const qf_isa isa = qf_cpu_best_isa(cpu);
    const walk w = {cpu, problem, space};

    *space = (qf_space){.item = qf_alloc_array(SPACE_MAX, sizeof *space->item)};
    if (!space->item) return QF_MEMORY;
    for (int i = 0; i < QF_ISA_COUNT; i++)
        if (i != (int)isa && qf_codegen_emits((qf_isa)i)) skip_isa(&w, (qf_isa)i);
    for (int r = 0; isa != QF_ISA_C && r < QF_RECIPE_COUNT; r++)
        add_recipe(&w, (qf_recipe)r, recipe, isa);
    const qf_status status = qf_candidates_sort(space->item, space->count);
    if (status != QF_OK) qf_space_release(space);
    return status;
}

void qf_space_release(qf_space *space)
{
    qf_free(space->item);
    *space = (qf_space){0};
}
