/* catalogue.c -- one kernel per symbol, each time with its own steps. */
#include "catalogue.h"

#include <string.h>

#include "autotune/space.h"

enum { SYMBOLS_MAX = 512 };

typedef struct walk {
    qf_cpu cpu;
    int sample, shown;
    check_visit *visit;
    void *context;
} walk;

/* Places in the space of kernels with different symbols. */
static int distinct(const qf_space *space, int index[SYMBOLS_MAX])
{
    static char seen[SYMBOLS_MAX][QF_NAME_MAX];
    int count = 0;

    for (int i = 0; i < space->count; i++) {
        char symbol[QF_NAME_MAX];
        int j = 0;
        qf_kernel_symbol(&space->item[i].kernel, symbol);
        while (j < count && strcmp(seen[j], symbol) != 0) j++;
        if (j < count) continue;
        QF_ASSERT(count < SYMBOLS_MAX);
        memcpy(seen[count], symbol, sizeof symbol);
        index[count++] = i;
    }
    return count;
}

static bool show_some(walk *w, const qf_problem *problem, qf_recipe recipe, int salt)
{
    int index[SYMBOLS_MAX];
    qf_space space;

    if (qf_space_build(&w->cpu, problem, recipe, &space) != QF_OK) return false;
    const int count = distinct(&space, index);
    const int stride = w->sample && count ? (count + w->sample - 1) / w->sample : 1;
    for (int i = salt % stride; i < count; i += stride) {
        w->visit(w->context, &space.item[index[i]].kernel);
        w->shown++;
    }
    qf_space_release(&space);
    return true;
}

static bool show_recipe(walk *w, qf_recipe recipe)
{
    static const int groups[] = {32, 64, 128};
    const qf_recipe_row *row = qf_recipe_of(recipe);
    qf_problem p = {row->accuracy, row->op, QF_F32, 0, 64, 256, 384, 1};

    for (int q = 0; q < QF_QUANT_COUNT; q++) {
        p.quant = (qf_quant)q;
        p.group = 0;
        if (!qf_recipe_reads(recipe, p.quant)) continue;
        if (q == QF_F32) {
            if (!show_some(w, &p, recipe, 5)) return false;
            continue;
        }
        for (int g = 0; g < 3; g++) {
            p.group = groups[g];
            if (!show_some(w, &p, recipe, 7 * q + 3 * g + (int)recipe)) return false;
        }
    }
    return true;
}

int check_catalogue(qf_isa isa, int sample, check_visit *visit, void *context)
{
    /* As if this instruction set were the best of some machine. */
    walk w = {.cpu = {.isas = 1u << isa, .memory_bytes = INT64_C(1) << 33},
              .sample = sample,
              .visit = visit,
              .context = context};

    for (int r = 0; r < QF_RECIPE_COUNT; r++)
        if (!show_recipe(&w, (qf_recipe)r)) return -1;
    return w.shown;
}
