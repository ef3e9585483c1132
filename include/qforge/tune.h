/* qforge/tune.h -- finds the fastest correct kernel for a problem.
 *
 *     space -> by what the ledger taught, hopeless ones left out -> what was tried before
 *           -> per candidate a strategy asks for: claim, emit, judge, measure, record
 *           -> the fastest few again in pairs -> election
 *
 * What the ledger already knows is not measured twice: an outcome counts as long as the
 * code hash is the same. */
#ifndef QFORGE_TUNE_H
#define QFORGE_TUNE_H

#include <stdbool.h>
#include <stdint.h>

#include "qforge/codegen.h"
#include "qforge/pool.h"
#include "qforge/store.h"

struct qf_champions;

typedef enum qf_strategy {
#define QF_STRATEGY(id, name, thorough, summary) QF_STRATEGY_##id,
#include "qforge/strategies.def"
#undef QF_STRATEGY
    QF_STRATEGY_COUNT
} qf_strategy;
const char *qf_strategy_name(qf_strategy strategy);
qf_strategy qf_strategy_named(const char *name); /* QF_STRATEGY_COUNT when there is none */

typedef enum qf_left_out {
#define QF_LEFT_OUT(id, name, summary) QF_LEFT_OUT_##id,
#include "qforge/left_out.def"
#undef QF_LEFT_OUT
    QF_LEFT_OUT_COUNT
} qf_left_out;
const char *qf_left_out_name(qf_left_out why);    /* "registers" */
const char *qf_left_out_summary(qf_left_out why); /* "would spill: …" */

/* A search that has not begun: of all kernels that can be written down, how many are tried, and
 * why not the others.  grid = planned + everything left out; space: what the code generator
 * makes and the problem can use, planned + HOPELESS + EFFORT. */
typedef struct qf_tune_outline {
    int grid, space, planned;
    int left_out[QF_LEFT_OUT_COUNT];
} qf_tune_outline;

/* What just happened, for a progress line. */
typedef struct qf_tune_event {
    const qf_problem *problem;
    bool final;      /* one of the fastest few met the leader; else a candidate was tried */
    int done, total; /* candidates; of finals meetings, at most so many */
    const qf_kernel_id *kernel; /* this one's */
    const qf_outcome *outcome;  /* NULL of finals */
    bool reused;                /* from the ledger */
    double best_ns;             /* so far, 0: none */
} qf_tune_event;

typedef struct qf_tune_options {
    const qf_cpu *cpu;
    qf_jit *jit;
    qf_store *store; /* open for writing; a plan may go without */
    int64_t session;
    const struct qf_champions *champions; /* seeds from elsewhere; NULL: none */
    qf_pool *pool;                        /* as many threads as the problem says */
    qf_strategy strategy;
    uint64_t seed;
    double budget_s;  /* wall clock, finalists and all; 0: none.  What was begun ends, so it may
                         take a trial longer */
    int trials;       /* most candidates looked at; 0: all, or what the strategy needs */
    qf_recipe recipe; /* QF_RECIPE_COUNT: any */
    const qf_cache_mode *cache; /* borrowed; NULL: of every problem its own.  What is found in
                                   another is kept and told, and never runs for it */
    /* Both may be NULL.  stop is asked between trials. */
    bool (*stop)(void *context);
    void (*report)(void *context, const qf_tune_event *event);
    void *context;
} qf_tune_options;

typedef struct qf_tune_result {
    qf_best best;
    bool found;
    bool complete; /* every planned candidate was looked at, and the finalists compared */
    int space, planned;
    /* Timed now; taken from the ledger; of all, those without a time; quarantined. */
    int measured, reused, failed, skipped;
    int ties; /* kernels that could not be told from the best: qf_store_ties() */
    double seconds;
    double pace; /* the machine's while the best was elected, of the fastest it was ever seen
                    at; 0: not known */
} qf_tune_result;

/* An election at a lesser pace is told of, and held again, ten minutes later at the earliest,
 * when the machine is faster: what wins while neighbours take half of a cache or of a core is
 * not what wins alone. */
#define QF_SLOW_PACE 0.8

/* A problem's own mode, in which the kernel that runs is chosen: products of few rows (8 at
 * most) stream their weights from memory, those of many use them again. */
qf_cache_mode qf_tune_cache_mode(const qf_problem *problem);

/* What would be looked at. */
QF_MUST_CHECK qf_status qf_tune_plan(const qf_tune_options *options, const qf_problem *problem,
                                     qf_tune_outline *outline);

/* QF_NO_CONFIG when nothing valid was found in the budget; QF_INTERRUPTED when stop said so,
 * and QF_MEMORY when several trials in a row were not heard, as working processes are killed
 * for want of memory: the result then holds the best so far. */
QF_MUST_CHECK qf_status qf_tune(const qf_tune_options *options, const qf_problem *problem,
                                qf_tune_result *result);

#endif
