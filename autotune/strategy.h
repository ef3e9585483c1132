/* strategy.h -- in which order candidates are tried. */
#ifndef QF_AUTOTUNE_STRATEGY_H
#define QF_AUTOTUNE_STRATEGY_H

#include "qforge/tune.h"
#include "space.h"

/* What a strategy sees of a search under way. */
typedef struct qf_search_view {
    const qf_candidate *candidate; /* [count], by the prior */
    const double *ns;              /* [count]: measured median, 0 not tried, < 0 failed */
    int count, tried;
    uint64_t seed;
} qf_search_view;

/* The next candidate's index, -1 when there is none worth trying.  A pure function of the
 * view: a resumed search goes on as it would have. */
typedef int qf_strategy_next(const qf_search_view *view);

#define QF_STRATEGY(id, name, summary) qf_strategy_next qf_strategy_##name;
#include "qforge/strategies.def"
#undef QF_STRATEGY

#endif
