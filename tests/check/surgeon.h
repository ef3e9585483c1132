/* surgeon.h -- the optimal brain surgeon as textbooks write it: after each column the
 * Hessian of the columns that are left is inverted anew, in fp64.  O(k^4) a row. */
#ifndef QF_CHECK_SURGEON_H
#define QF_CHECK_SURGEON_H

#include "layer.h"

/* H + damping * its mean diagonal, [k][k]; freed with qf_free. */
double *check_surgeon_hessian(const check_layer *layer, double damping);

/* Codes of one row; w [k] holds what its weights became.  d [k][k] (may be NULL): the mean of
 * (y - x) x^T, y being the inputs that x should have been; the columns after each take on what
 * it drifted by.  Columns are taken as
 * layer->inputs.order says; grids are fitted to the row as given if there is an order or
 * groups are static, else when the first column of a group comes. */
void check_surgeon_row(const check_layer *layer, const double *h, const double *d, int64_t row,
                       double *w, uint8_t *code);

/* Rows of layer->out.code that are not the surgeon's. */
int check_surgeon_differences(const check_layer *layer, double damping, const double *d);

#endif
