/* quantise.h -- a whole model, block by block: the seven linears of each at every width
 * asked for; embedding, norms and head stay as they are. */
#ifndef QF_TRAIN_QUANTISE_H
#define QF_TRAIN_QUANTISE_H

#include "calibrate.h"
#include "quantiser.h"

typedef enum tr_method {
#define TR_METHOD(id, name, needs, function, summary) TR_METHOD_##id,
#include "methods.def"
#undef TR_METHOD
    TR_METHODS
} tr_method;

/* By name; QF_USAGE with the names there are. */
QF_MUST_CHECK qf_status tr_method_named(const char *name, tr_method *method);
const char *tr_method_name(tr_method method);
const char *tr_method_summary(tr_method method);
bool tr_method_needs_inputs(tr_method method); /* and so calibration text */
/* Whether columns are rounded one after the other, so that their order matters. */
bool tr_method_walks(tr_method method);
/* By name; QF_USAGE with the names there are. */
QF_MUST_CHECK qf_status tr_grid_named(const char *name, quant_grid *found);

typedef struct tr_quantise_options {
    tr_method method;
    quant_options options;
    int group;
    qf_params params; /* what scales and offsets are rounded to (grid.h) */
    int widths, width[QF_WIDTHS_MAX];
    tr_calibration calibration; /* source and pool always; the rest for methods that need
                                   inputs */
    double damping;             /* of the Hessian's mean diagonal, e.g. 0.01 */
    size_t bytes;               /* of Hessians held at once; at least one block's are.
                                   More blocks than fit cost one pass over the text each
                                   time around */
    qf_progress *progress;      /* may be NULL; counts work: equal parts,
                                   roughly, in equal time */
    void *progress_context;
} tr_quantise_options;

/* The options that are not the defaults, as they are written into a quantised directory:
 * "grid=search, act-order". */
void tr_quantise_recipe(const tr_quantise_options *options, char recipe[QF_RECIPE_MAX]);

/* Makes `quantised`.  *damping (may be NULL) tells the largest damping that was needed. */
QF_MUST_CHECK qf_status tr_quantise(const tr_quantise_options *options, const qf_model *model,
                                    qf_qmodel *quantised, double *damping);

#endif
