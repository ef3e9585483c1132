/* boost.h -- boosted trees for a few thousand rows of a few numbers each: every tree asks all
 * rows of a level the same question (oblivious trees, as in Prokhorenkova et al., "CatBoost",
 * 2018), so a tree is a table of 2^depth values. */
#ifndef QF_AUTOTUNE_BOOST_H
#define QF_AUTOTUNE_BOOST_H

#include "qforge/status.h"

enum { QF_BOOST_DEPTH = 5, QF_BOOST_TREES = 200, QF_BOOST_COLUMNS_MAX = 32 };

typedef struct qf_boost {
    struct {
        int column[QF_BOOST_DEPTH];
        float above[QF_BOOST_DEPTH]; /* is x[column] > above? */
        float value[1 << QF_BOOST_DEPTH];
    } tree[QF_BOOST_TREES];
    int trees;
    float base;
} qf_boost;

/* Fits y[row], each with a weight > 0, by x[row][column]; least squares.  Rows are few: all
 * fits in memory several times over.  Deterministic. */
QF_MUST_CHECK qf_status qf_boost_fit(const float *x, const float *y, const float *weight,
                                     int rows, int columns, qf_boost *boost);
float qf_boost_guess(const qf_boost *boost, const float *x);

#endif
