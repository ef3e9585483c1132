/* tune_bed.h -- the tuner at work on small problems of this machine, into the test's ledger. */
#ifndef QF_CHECK_TUNE_BED_H
#define QF_CHECK_TUNE_BED_H

#include <stdbool.h>

#include "ledger_fixture.h"
#include "qforge/tune.h"

extern qf_cpu check_bed_cpu;
extern qf_jit *check_bed_jit;
extern bool check_bed_runs; /* emitted kernels run here */

/* cmocka's setup and teardown of a group. */
int check_bed_start(void **state);
int check_bed_end(void **state);

typedef struct check_bed {
    qf_store *store; /* the caller closes it */
    qf_tune_options options;
    int events, meetings; /* told by the last search: trials, finals */
    int stop_after;       /* events; 0: never */
    int slow_after;       /* meetings, the next of which is told of after... */
    double slow_s;        /* ...so many seconds; 0: at once */
} check_bed;

/* An exhaustive search of at most so many trials and 20 seconds. */
check_bed check_bed_made(int trials);
/* Searches for the problem of that name, or fails the test if it does not end as expected. */
qf_tune_result check_bed_tuned(check_bed *bed, const char *name, qf_status expected);

/* As if all had been an hour ago and neighbours there: `seen` ns is the fastest canary, `held`
 * the elections'. */
void check_pretend_canaries(double seen, double held);
/* Whatever this machine said, kernels were about as fast as each other, the first tried the
 * fastest, and nobody is elected nor tried at other places yet: the next election has pairs to
 * hold. */
void check_pretend_close(void);

#endif
