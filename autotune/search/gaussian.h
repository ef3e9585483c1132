/* gaussian.h -- a Gaussian process over points of a grid: from some heights to a guess, with
 * its doubt, of all others (Rasmussen and Williams, Gaussian Processes for Machine
 * Learning, 2006, algorithm 2.1). */
#ifndef QF_AUTOTUNE_GAUSSIAN_H
#define QF_AUTOTUNE_GAUSSIAN_H

#include "points.h"

typedef struct qf_gaussian {
    const qf_points *points; /* borrowed */
    const int *at;           /* [count], borrowed: where heights are known */
    int count;
    double reach;  /* how far, in lengths of an axis, one height tells of another */
    double spread; /* standard deviation of heights from their mean */
    double mean;
    double *factor; /* [count][count]: Cholesky, lower, of the correlations; owned */
    double *weight; /* [count]: correlations^-1 (height - mean); owned */
    double *row;    /* [count], of qf_gaussian_guess; owned */
} qf_gaussian;

/* From height[i] at point at[i], count > 0; the reach is the likeliest of a few.
 *   mean    what heights are where nothing is near
 *   spread  what is thought of their deviation before any is seen; counts as much as four */
QF_MUST_CHECK qf_status qf_gaussian_fit(const qf_points *points, const int *at,
                                        const double *height, int count, double mean,
                                        double spread, qf_gaussian *g);
void qf_gaussian_release(qf_gaussian *g); /* also a zeroed one */

/* The height at a point and its standard deviation. */
void qf_gaussian_guess(qf_gaussian *g, int point, double *height, double *deviation);

#endif
