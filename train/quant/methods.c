/* methods.c -- names of methods and grids. */
#include "methods.h"

#include "qforge/names.h"

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

static const char *method_name(int method)
{
    return methods[method].name;
}

static const char *grid_name(int row)
{
    return grids[row];
}

qf_status tr_method_named(const char *name, tr_method *method)
{
    int found = 0;
    QF_TRY(qf_name_find("method", method_name, TR_METHODS, name, &found));
    *method = (tr_method)found;
    return QF_OK;
}

qf_status tr_grid_named(const char *name, quant_grid *named)
{
    int found = 0;
    QF_TRY(qf_name_find("grid", grid_name, QUANT_GRIDS, name, &found));
    *named = (quant_grid)found;
    return QF_OK;
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
