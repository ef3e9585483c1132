/* experiment.h -- the steps of an experiment, each done once: models quantised, trained,
 * searched and judged under one directory.
 *
 *     DIR/steps/NAME.json          what each step printed and cost (step.h)
 *     DIR/models/NAME/             what quantising and training made
 *     DIR/NAME.subnets             subnets to judge, one a line
 *
 * Experiments of one directory share the steps they have in common. */
#ifndef QF_CLI_EXPERIMENT_H
#define QF_CLI_EXPERIMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "step.h"

typedef enum experiment_base {
#define CLI_BASE(id, options) BASE_##id,
#include "arms.def"
    BASES
} experiment_base;

typedef enum experiment_arm {
#define CLI_ARM(id, label, base, runs) ARM_##id,
#include "arms.def"
    ARMS
} experiment_arm;

const char *experiment_arm_name(experiment_arm arm);
const char *experiment_arm_label(experiment_arm arm);
/* Whether training is part of it: what is not trained is the same for every seed. */
bool experiment_arm_trains(experiment_arm arm);

typedef struct experiment {
    const char *model, *tokenizer, *train, *valid; /* inputs; tokenizer may be NULL */
    const char *directory;
    int64_t seeds, unit, group, samples, records, threads;
    int64_t search_skip, search_records, search_evaluations;
    const char *ledger;
    /* Rehearsal: nothing is run; steps are counted, and printed if `tell`. */
    bool rehearse, tell;
    int steps, done; /* of the rehearsal; now */
    /* Of the steps asked for, whenever they were done. */
    double seconds, cpu_seconds, spent; /* spent: now */
    int64_t peak_bytes;
    json_t *seen; /* names of steps asked for: each counts once */
} experiment;

/* Makes the directories.  The experiment begins with its numbers filled in. */
QF_MUST_CHECK qf_status experiment_open(experiment *e);
void experiment_close(experiment *e);

/* Does a step unless it is done.  *record is NULL in a rehearsal. */
QF_MUST_CHECK qf_status experiment_step(experiment *e, const char *name,
                                        const step_command *command, json_t **record);

enum { EXPERIMENT_PATH = 4096, EXPERIMENT_NAME = 96 };

/* The directory of an arm's model, quantised and trained.  seed: 1 … */
QF_MUST_CHECK qf_status experiment_model(experiment *e, experiment_arm arm, int seed,
                                         char path[EXPERIMENT_PATH]);
/* The record of judging the subnets of a file with an arm's model.  `which` names the
 * file's content in the step's name. */
QF_MUST_CHECK qf_status experiment_judge(experiment *e, experiment_arm arm, int seed,
                                         const char *which, const char *subnets,
                                         json_t **record);
/* The same with any model's directory and a class of kernels (NULL: exact). */
QF_MUST_CHECK qf_status experiment_judge_model(experiment *e, experiment_arm arm, int seed,
                                               const char *which, const char *model,
                                               const char *subnets, const char *accuracy,
                                               json_t **record);
/* The record of decoding with the subnets of a file in turns, caches swept before every
 * token. */
QF_MUST_CHECK qf_status experiment_time(experiment *e, experiment_arm arm, int seed,
                                        const char *which, const char *subnets,
                                        json_t **record);
/* The directory of an arm's model with its adapters merged. */
QF_MUST_CHECK qf_status experiment_merge(experiment *e, experiment_arm arm, int seed,
                                         char path[EXPERIMENT_PATH]);

typedef struct experiment_search_options {
    const char *budgets;  /* of average bits, "2.25,2.5" */
    const char *strategy; /* as --strategy */
    const char *choice;   /* as --choice */
    int evaluations;      /* as --evaluations */
    int timed;            /* more budgets, of microseconds, caches swept before each token */
} experiment_search_options;
/* The record of a search; without options by evolution, a width per linear, of the
 * experiment's evaluations. */
QF_MUST_CHECK qf_status experiment_search_with(experiment *e, experiment_arm arm, int seed,
                                               const experiment_search_options *options,
                                               json_t **record);
QF_MUST_CHECK qf_status experiment_search(experiment *e, experiment_arm arm, int seed,
                                          const char *budgets, json_t **record);

/* The name of the step that quantised an arm's model (index 0) or of its run of training
 * number `index`; false when there is none. */
bool experiment_step_name(experiment_arm arm, int seed, int index, char name[EXPERIMENT_NAME]);
/* The records of those steps, a new list; NULL when one is missing. */
json_t *experiment_steps_of(const experiment *e, experiment_arm arm, int seed);

#endif
