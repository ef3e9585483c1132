/* challenge.h -- the rule by which a kernel takes the seat of the one that leads: elections go
 * by it, and `qforge selftest --aa` tells how often it errs. */
#ifndef QF_AUTOTUNE_CHALLENGE_H
#define QF_AUTOTUNE_CHALLENGE_H

#include "clocking.h"

typedef struct qf_challenge {
    bool reigns; /* who leads was elected before */
    /* Holds a duel with who leads as a and the challenger as b. */
    qf_status (*hold)(void *context, qf_duel_length length, qf_comparison *duel);
    bool (*has_time)(void *context); /* for a long one, asked after a short one */
    void *context;
} qf_challenge;

/* Who leads keeps its seat unless the challenger is faster beyond doubt.  A challenger that is
 * ahead, but not beyond doubt, meets it once more, for long: there beyond doubt counts again
 * or, where who leads was never elected, being ahead in most of the rounds.
 * Failures are those of hold().
 *   duel  the last that was held
 *   won   whether the challenger takes the seat */
QF_MUST_CHECK qf_status qf_challenge_hold(const qf_challenge *challenge, qf_comparison *duel,
                                          bool *won);

#endif
