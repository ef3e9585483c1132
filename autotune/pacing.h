/* pacing.h -- a search's seconds: what its trials leave to its finalists. */
#ifndef QF_AUTOTUNE_PACING_H
#define QF_AUTOTUNE_PACING_H

#include <stdbool.h>

/* Whether one more trial, if it takes as long as the longest did, leaves the finalists their
 * time: a part of the budget, and no more than a few of them and their placements take.
 *   budget_s   0: none, there is time
 *   left_s     of it
 *   longest_s  of the trials so far; 0 before the first, which begins whatever it will take */
bool qf_pace_trial(double budget_s, double left_s, double longest_s);

/* So many of the fastest meet, however short time is. */
enum { QF_FINALISTS_LEAST = 5 };

/* How many finalists of `most` meet within left_s, but those at least: half a second for each,
 * or 200 products, twice as long as short duels of long products take: some need a long one.
 *   product_s  of one */
int qf_pace_finalists(double left_s, double product_s, int most);

#endif
