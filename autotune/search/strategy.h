/* strategy.h -- in which order candidates are tried. */
#ifndef QF_AUTOTUNE_STRATEGY_H
#define QF_AUTOTUNE_STRATEGY_H

#include <stdint.h>

#include "points.h"

/* What a strategy sees of a search under way. */
typedef struct qf_search_view {
    const qf_points *points;   /* the candidates, the most promising first */
    const double *expected_ns; /* [count]; NULL: nothing is known of any */
    const double *ns;          /* [count]: measured median, 0 not tried, < 0 failed */
    const int *order;          /* [tried]: which were tried, the first first */
    int tried;
    uint64_t seed;
} qf_search_view;

/* The next candidate's index, -1 when there is none worth trying.  A pure function of the
 * view: a resumed search goes on as it would have. */
typedef qf_status qf_strategy_next(const qf_search_view *view, int *next);

#define QF_STRATEGY(id, name, thorough, summary) qf_strategy_next qf_strategy_##name;
#include "qforge/strategies.def"
#undef QF_STRATEGY

/* The fastest tried so far, -1: none. */
int qf_search_fastest(const qf_search_view *view);
/* The first not tried, -1: none. */
int qf_search_first_left(const qf_search_view *view);
/* One of those not tried, each as likely, the draw'th (0 <= draw < 1) of them; -1: none. */
int qf_search_any_left(const qf_search_view *view, double draw);

#endif
