/* schedule.h -- the learning rate of a step. */
#ifndef QF_TRAIN_SCHEDULE_H
#define QF_TRAIN_SCHEDULE_H

#include <stdint.h>

#include "qforge/status.h"

typedef enum tr_decay { TR_CONSTANT, TR_COSINE, TR_STABLE, TR_DECAYS } tr_decay;

/* A linear rise over `warmup` steps to `peak`, then constant; or half a cosine down to `floor`
 * at the last of `steps` (Loshchilov and Hutter 2017); or stable at `peak` for half of the
 * steps and down to `floor` as a line (as Hu et al., "MiniCPM", 2024, for the last tenth). */
typedef struct tr_schedule {
    tr_decay decay;
    double peak, floor;
    int64_t warmup, steps;
} tr_schedule;

/* By name; QF_USAGE with the names there are. */
QF_MUST_CHECK qf_status tr_decay_named(const char *name, tr_decay *decay);

double tr_schedule_rate(const tr_schedule *schedule, int64_t step); /* step counts from 0 */
/* What decides the rates of steps, but for how many steps there are where it does not matter,
 * as words of a recipe: "rate=0.001..0 warmup=0 horizon=600". */
enum { TR_SCHEDULE_MAX = 128 };
void tr_schedule_print(const tr_schedule *schedule, char text[TR_SCHEDULE_MAX]);
/* QF_RANGE when a rate is negative or not finite. */
QF_MUST_CHECK qf_status tr_schedule_check(const tr_schedule *schedule);

#endif
