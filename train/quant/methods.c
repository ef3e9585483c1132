/* methods.c -- names of methods and grids. */
#include "methods.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name, *summary;
    quant_needs needs;
    quantiser *quantise;
} methods[] = {
#define TR_METHOD(id, name, needs, function, summary)                                          \
    {name, summary, QUANT_NEEDS_##needs, function},
#include "methods.def"
#undef TR_METHOD
};

static const char *const grids[] = {
#define TR_GRID(id, name) name,
#include "grids.def"
#undef TR_GRID
};

/* Appends. */
static void list(char *all, size_t size, const char *name)
{
    const size_t used = strlen(all);
    snprintf(all + used, size - used, "%s%s", used ? ", " : "", name);
}

qf_status tr_method_named(const char *name, tr_method *method)
{
    char all[256] = "";

    for (int i = 0; i < TR_METHODS; i++) {
        list(all, sizeof all, methods[i].name);
        if (strcmp(methods[i].name, name) != 0) continue;
        *method = (tr_method)i;
        return QF_OK;
    }
    return qf_fail(QF_USAGE, "unknown method '%s' (there are %s)", name, all);
}

qf_status tr_grid_named(const char *name, quant_grid *found)
{
    char all[256] = "";

    for (int i = 0; i < QUANT_GRIDS; i++) {
        list(all, sizeof all, grids[i]);
        if (strcmp(grids[i], name) != 0) continue;
        *found = (quant_grid)i;
        return QF_OK;
    }
    return qf_fail(QF_USAGE, "unknown grid '%s' (there are %s)", name, all);
}

const char *tr_method_name(tr_method method)
{
    return methods[method].name;
}

const char *tr_method_summary(tr_method method)
{
    return methods[method].summary;
}

quant_needs tr_method_needs(tr_method method)
{
    return methods[method].needs;
}

quantiser *tr_method_function(tr_method method)
{
    return methods[method].quantise;
}

const char *tr_grid_name(quant_grid grid_kind)
{
    return grids[grid_kind];
}

bool tr_method_needs_inputs(tr_method method)
{
    return methods[method].needs > QUANT_NEEDS_NOTHING;
}

bool tr_method_walks(tr_method method)
{
    return methods[method].needs >= QUANT_NEEDS_FACTOR;
}

bool tr_method_compares(tr_method method)
{
    return methods[method].needs >= QUANT_NEEDS_DRIFT;
}
