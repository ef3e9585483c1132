/* quantiser.h -- what every method of methods.def is: a function from one linear layer to
 * its codes, scales and offsets. */
#ifndef QF_QUANTISER_H
#define QF_QUANTISER_H

#include <stdbool.h>

#include "grid.h"
#include "qforge/gemm.h"

/* What a method must be told of the inputs; each level includes those before it. */
typedef enum quant_needs {
    QUANT_NEEDS_NOTHING,
    QUANT_NEEDS_DIAGONAL,
    QUANT_NEEDS_FACTOR,
    QUANT_NEEDS_DRIFT,
} quant_needs;

typedef enum quant_grid {
#define TR_GRID(id, name) QUANT_GRID_##id,
#include "grids.def"
#undef TR_GRID
    QUANT_GRIDS
} quant_grid;

/* What the caller chooses; zeroed: the plain methods.  The last two are for methods that
 * round column after column. */
typedef struct quant_options {
    quant_grid grid;
    bool act_order;     /* columns by falling mean square of their inputs; groups stay those
                           of the original order, so their grids are static */
    bool static_groups; /* grids are fitted to the weights as given, before any correction */
} quant_options;

/* A layer's inputs as calibration saw them. */
typedef struct quant_inputs {
    const float *diagonal; /* [k] mean of x^2: what an error in a column costs by itself */
    const int64_t *order;  /* [k] columns in the order of rounding; NULL: as they are */
    const float *u;        /* [k][k] of hessian_factor, rows and columns in that order */
    const float *drift;    /* [k][k] of drift_factor, in that order */
} quant_inputs;

typedef struct quant_layer {
    const char *what; /* its name, for sentences */
    const float *w;   /* [n][k] */
    int64_t n, k;
    quant_format format;
    quant_options options;
    const quant_inputs *inputs; /* NULL when the method needs nothing */
    const qf_kernel_source *source;
    qf_pool *pool; /* may be NULL; its size never changes the result */
} quant_layer;

/* Fills code, scale and offset of `out` (qmodel.h).  QF_RANGE naming the layer when a weight
 * is not finite or beyond what the format holds (grid_check_weights). */
typedef qf_status quantiser(const quant_layer *layer, const qf_qlinear *out);

/* The grid options.grid wants for w[0..count); weight [count] (may be NULL) is what an error
 * in each of these columns costs. */
grid quant_layer_grid(const quant_layer *layer, const float *w, const float *weight,
                      int64_t count);

#define TR_METHOD(id, name, needs, function, summary) quantiser function;
#include "methods.def"
#undef TR_METHOD

#endif
