/* spills.h -- sums that live on the stack while a loop adds to them. */
#ifndef QF_CHECK_SPILLS_H
#define QF_CHECK_SPILLS_H

#include "listing.h"

/* How often one turn of a loop takes a sum from its place on the stack, adds to it and puts it
 * back there, for the place where that happens most; other values that take turns in a place
 * do not count.  x86-64 alone, 0 elsewhere. */
int check_sums_on_stack(const check_listing *l, check_span loop);

#endif
