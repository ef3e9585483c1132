/* tuning.h -- one search under way: what tune.c, which tries candidates, and election.c, which
 * compares the fastest, share. */
#ifndef QF_AUTOTUNE_TUNING_H
#define QF_AUTOTUNE_TUNING_H

#include "clocking.h"
#include "search/points.h"
#include "space.h"
#include "yardstick.h"

typedef struct tuning {
    const qf_tune_options *options;
    const qf_problem *problem;
    qf_tune_result *result;
    qf_space space;
    qf_points points;
    /* [space.count], see strategy.h; ns in the yardstick's unit */
    double *expected_ns, *ns;
    int *order;
    qf_bench bench;
    int tried;
    /* Indices, -1 none.  What candidates are timed with is not always the best. */
    int best, rival;
    qf_yardstick yardstick; /* the rival */
    double trial_s;         /* the longest so far took */
    int64_t start_ns;
    /* In a row: trials and duels nothing was heard of, for their process was killed or there
     * was no memory for it; and what was last said of it. */
    int unheard;
    char why_unheard[160];
} tuning;

qf_scope tuning_scope(const qf_tune_options *options);
/* By the caller, or as there is no memory to work in. */
bool tuning_stopped(const tuning *t);
/* Whether so much in a row was not heard that the rest would not be either. */
bool tuning_starved(const tuning *t);
/* Keeps count: why a trial or duel was not heard; NULL: it was. */
void tuning_heed(tuning *t, const char *why_unheard);
double tuning_elapsed(const tuning *t);
/* What is left of the budget; HUGE_VAL without one. */
double tuning_seconds_left(const tuning *t);

/* What became of a trial. */
typedef struct tuning_word {
    qf_outcome outcome;
    bool reused; /* from the ledger */
    /* The median and its interval's ends, in the yardstick's unit. */
    double ns, low_ns, high_ns;
} tuning_word;

/* Holds a trial in pairs with the rival, and once more if it was not heard (LOST):
 * qf_trial_hold(), whose failures it passes on.
 * What it took and what the pairs said of the rival are kept. */
QF_MUST_CHECK qf_status tuning_try(tuning *t, const qf_trial *trial, tuning_word *word);

/* The time of the best as best known, in ns; 0: there is none. */
double tuning_best_ns(const tuning *t);

/* The ledger's best in the mode of this search. */
QF_MUST_CHECK qf_status tuning_best(const tuning *t, qf_best *best);
/* Whether the ledger's election already weighed everything tried so far, on a machine that was
 * not much slower than it is now. */
bool tuning_elected(const tuning *t);
/* qf_tune_result.pace */
double tuning_pace(const tuning *t);
/* The fastest few, again in pairs, then the first of them at other places; the election is
 * written down.
 * *complete becomes false, and nobody is elected, when time or the caller ended it before all
 * were compared.  There is a best. */
QF_MUST_CHECK qf_status tuning_elect(tuning *t, bool *complete);

#endif
