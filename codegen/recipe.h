/* recipe.h -- what a recipe's emitter offers: a check of its tiles, and the body. */
#ifndef QF_CODEGEN_RECIPE_H
#define QF_CODEGEN_RECIPE_H

#include "emit.h"
#include "qforge/status.h"

typedef struct cg_recipe {
    /* QF_UNSUPPORTED with a sentence when the tile cannot live in the registers. */
    qf_status (*check)(const cg_emit *e);
    /* The whole function body up to, not including, the return. */
    void (*emit)(const cg_emit *e);
} cg_recipe;

#define QF_RECIPE(id, name, accuracy, op, planes, formats, depth)                              \
    extern const cg_recipe cg_recipe_##id;
#include "qforge/recipes.def"
#undef QF_RECIPE

const cg_recipe *cg_recipe_of(qf_recipe recipe);

/* What every check says when it refuses. */
void cg_misfit(const cg_emit *e, qf_misfit misfit);

/* For recipes whose loops are as long as the layout makes them: unroll must be 1. */
QF_MUST_CHECK qf_status cg_check_not_unrolled(const cg_emit *e);

/* accumulators + others must fit the ISA's registers. */
QF_MUST_CHECK qf_status cg_check_registers(const cg_emit *e, int accumulators, int others);

#endif
