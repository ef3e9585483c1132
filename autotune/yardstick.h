/* yardstick.h -- what the fastest kernel so far takes: candidates are timed in pairs with it,
 * and their times told in its.
 *
 * A kernel becomes the fastest when a noisy timing says so, more often by luck than not.  Were
 * its lucky time the unit of the next ones, each change of the fastest would add its luck, and
 * after a hundred candidates all were told half of what they take.  So the unit does not follow
 * luck: a new fastest counts as no faster than is beyond doubt, and what the clock says of it
 * in every later pair draws the unit back to the truth. */
#ifndef QF_AUTOTUNE_YARDSTICK_H
#define QF_AUTOTUNE_YARDSTICK_H

typedef struct qf_yardstick {
    double ns; /* a product of the fastest so far; 0: none yet */
    int looks; /* that it stands on */
} qf_yardstick;

/* The first there is, or one that the ledger knows. */
qf_yardstick qf_yardstick_of(double ns);
/* Another took its place, timed at most at high_ns, its interval's end, in units of it. */
void qf_yardstick_pass(qf_yardstick *yardstick, double high_ns);
/* The clock saw the same kernel again, in a pair with a candidate; 0: it did not. */
void qf_yardstick_look(qf_yardstick *yardstick, double ns);

#endif
