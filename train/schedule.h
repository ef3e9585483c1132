/* schedule.h -- the learning rate of a step. */
#ifndef QF_TRAIN_SCHEDULE_H
#define QF_TRAIN_SCHEDULE_H

#include <stdint.h>

#include "qforge/status.h"

typedef enum tr_decay { TR_CONSTANT, TR_COSINE } tr_decay;

/* A linear rise over `warmup` steps to `peak`, then constant or half a cosine down to
 * `floor` at the last of `steps` (Loshchilov and Hutter 2017). */
typedef struct tr_schedule {
    tr_decay decay;
    double peak, floor;
    int64_t warmup, steps;
} tr_schedule;

double tr_schedule_rate(const tr_schedule *schedule, int64_t step); /* step counts from 0 */
/* QF_RANGE when a rate is negative or not finite. */
QF_MUST_CHECK qf_status tr_schedule_check(const tr_schedule *schedule);

#endif
