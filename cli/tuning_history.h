/* tuning_history.h -- all that a ledger holds of tuning, in memory. */
#ifndef QF_CLI_TUNING_HISTORY_H
#define QF_CLI_TUNING_HISTORY_H

#include "qforge/store.h"

typedef struct tuning_trial {
    qf_kernel_id kernel;
    double ns; /* 0: none */
    qf_verdict verdict;
} tuning_trial;

/* One problem on one kind of machine, in the problem's own cache mode. */
typedef struct tuning_problem {
    char name[QF_NAME_MAX];
    char tune_key[QF_KEY_MAX];
    qf_problem problem;
    int first, trials; /* of the history's, as they were tried */
    double fastest_ns; /* of them, 0: none has a time */
    qf_best champion;  /* .ns 0: none */
    qf_ties ties;      /* what could not be told from it */
} tuning_problem;

/* Owns its arrays. */
typedef struct tuning_history {
    tuning_trial *trial;
    tuning_problem *problem;
    int trials, problems, machines;
    int verdicts[QF_VERDICT_COUNT];
} tuning_history;

QF_MUST_CHECK qf_status tuning_history_read(qf_store *store, tuning_history *history);
void tuning_history_release(tuning_history *history); /* also a zeroed one */

#endif
