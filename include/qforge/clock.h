/* qforge/clock.h -- time. */
#ifndef QFORGE_CLOCK_H
#define QFORGE_CLOCK_H

#include <stdint.h>

int64_t qf_now_ns(void);      /* monotonic, for differences */
void qf_rest(double seconds); /* at least, unless a signal comes */
int64_t qf_unix_us(void);     /* wall clock, UTC, for records */

#endif
