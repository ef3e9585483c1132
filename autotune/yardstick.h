/* yardstick.h -- one kernel that candidates are timed in pairs with, and what it takes.
 *
 * Two figures are wanted of a candidate.  What it takes, for the ledger: the pairs' ratio times
 * what the yardstick takes, and every later pair tells more of that, so the figure improves
 * while the search goes on.  And where it stands among the other candidates: there an improving
 * figure would be a bias, for those timed while it was off stand off by as much.  So candidates
 * are ranked in a unit that stands still, and the yardstick is kept: the fastest kernel of the
 * moment is the fastest by luck as often as not, and were it always the yardstick, each change
 * would add its luck to all that follow. */
#ifndef QF_AUTOTUNE_YARDSTICK_H
#define QF_AUTOTUNE_YARDSTICK_H

#include <stdbool.h>

typedef struct qf_yardstick {
    double ns;   /* of a product, as all looks say; 0: none yet */
    double unit; /* of a product, as the candidates of this search are ranked */
    int looks;   /* that ns stands on */
} qf_yardstick;

/* The first there is, or one that the ledger knows. */
qf_yardstick qf_yardstick_of(double ns);
/* Where a candidate stands that was told ns in pairs with it, before the next look; and what
 * one takes that stands there. */
double qf_yardstick_rank(const qf_yardstick *yardstick, double ns);
double qf_yardstick_told(const qf_yardstick *yardstick, double rank);
/* Whether a candidate that stands at `rank` at most is so much faster that pairs with the
 * yardstick waste time. */
bool qf_yardstick_is_outrun(const qf_yardstick *yardstick, double rank);
/* That candidate is the yardstick from now on. */
void qf_yardstick_pass(qf_yardstick *yardstick, double rank);
/* The clock saw it again, in a pair with a candidate; 0: it did not. */
void qf_yardstick_look(qf_yardstick *yardstick, double ns);

#endif
