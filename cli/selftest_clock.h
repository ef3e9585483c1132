/* selftest_clock.h -- how small a difference this machine's clock can tell. */
#ifndef CLI_SELFTEST_CLOCK_H
#define CLI_SELFTEST_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "machine.h"
#include "qforge/kernel.h"

typedef struct selftest_clock {
    int64_t comparisons, seed;
    double seconds;    /* of a duel, at most */
    double difference; /* percent of the columns that the copy leaves out; 0: an A/A test */
    bool json;
} selftest_clock;

/* Lets a copy of a kernel challenge it, by the rule of elections where nobody was elected
 * before (autotune/challenge.h), and prints how often the copy won.  QF_USAGE: the problem has
 * too few panels for the difference. */
QF_MUST_CHECK qf_status selftest_clock_run(const selftest_clock *test,
                                           const cli_machine *machine,
                                           const qf_problem *problem);

#endif
