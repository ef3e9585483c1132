/* readings.h -- numbers out of the records of steps. */
#ifndef QF_CLI_READINGS_H
#define QF_CLI_READINGS_H

#include <jansson.h>

#include "qforge/status.h"

/* Mean loss of subnets [first, first + count) of what `eval --subnets` found; QF_FORMAT when
 * it is not there. */
QF_MUST_CHECK qf_status reading_loss(const json_t *record, int first, int count, double *mean);

/* A number of one subnet, by its digits, of what a command with --subnets found; QF_FORMAT when
 * it is not there. */
QF_MUST_CHECK qf_status reading_of(const json_t *record, const char *digits, const char *name,
                                   double *value);

/* A number of the result, by the names on the way to it; QF_FORMAT when it is not there. */
QF_MUST_CHECK qf_status reading_number(const json_t *record, const char *outer,
                                       const char *inner, double *value);

#endif
