/* methods.h -- the tables of methods and grids by name. */
#ifndef QF_TRAIN_METHODS_H
#define QF_TRAIN_METHODS_H

#include "quantiser.h"

typedef enum tr_method {
#define TR_METHOD(id, name, needs, function, summary) TR_METHOD_##id,
#include "methods.def"
#undef TR_METHOD
    TR_METHODS
} tr_method;

/* By name; QF_USAGE with the names there are. */
QF_MUST_CHECK qf_status tr_method_named(const char *name, tr_method *method);
QF_MUST_CHECK qf_status tr_grid_named(const char *name, quant_grid *found);

const char *tr_method_name(tr_method method);
const char *tr_method_summary(tr_method method);
quant_needs tr_method_needs(tr_method method);
quantiser *tr_method_function(tr_method method);
const char *tr_grid_name(quant_grid grid_kind);

/* Whether it looks at inputs, and so needs calibration text; whether columns are rounded one
 * after the other, so that their order matters; whether it compares inputs behind quantised
 * blocks with those of full precision. */
bool tr_method_needs_inputs(tr_method method);
bool tr_method_walks(tr_method method);
bool tr_method_compares(tr_method method);

#endif
