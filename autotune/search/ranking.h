/* ranking.h -- candidates by all that is known of them, and where they lie among each other. */
#ifndef QF_AUTOTUNE_RANKING_H
#define QF_AUTOTUNE_RANKING_H

#include "../space.h"
#include "points.h"
#include "qforge/gemm.h"
#include "qforge/ranker.h"

/* Sets expected_ns of every candidate of one problem, and says by what: QF_RUNG_LEARNED,
 * NEAREST or PRIOR, as far as the ranker (NULL: none) has trials to go by. */
qf_rung qf_ranker_expect(const qf_ranker *ranker, const qf_problem *problem,
                         qf_candidate *candidates, int count);

/* One problem's candidates as points. */
QF_MUST_CHECK qf_status qf_candidate_points(const qf_candidate *candidates, int count,
                                            qf_points *points);

#endif
