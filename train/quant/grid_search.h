/* grid_search.h -- the grid of a group that costs least when its weights are rounded to
 * nearest: sum of weight[i] (w[i] - q[i])^2, as NeUQI (Lin et al. 2025) fits it.
 *
 * For a given scale the cost is piecewise quadratic in the offset, a float that need not
 * put zero on the grid, and its least value is found exactly; scales are tried from coarse
 * to fine, from above min-max downwards, until clipping alone costs more than the best. */
#ifndef QF_GRID_SEARCH_H
#define QF_GRID_SEARCH_H

#include "grid.h"

enum { GRID_SEARCH_MAX = 128 }; /* weights of a group */

/* weight [count] is what an error costs, such as the mean square of the input; NULL or all
 * zero: every error costs the same.  Never worse than grid_fit. */
grid grid_search(const quant_format *format, const float *w, const float *weight,
                 int64_t count);

/* The least cost of codes 0 .. top at this scale (> 0) and the offset that has it. */
double grid_search_offset(const float *w, const float *weight, int64_t count, double scale,
                          int top, double *offset);

#endif
