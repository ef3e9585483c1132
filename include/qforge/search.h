/* qforge/search.h -- the best subnets of a model within budgets.
 *
 * A subnet is a vector of genes, one width each; a gene is one linear, or several that
 * must agree (qf_granularity).
 * The search knows two functions of a subnet: its loss, which takes long and is asked
 * once per subnet, and its costs, which are quick.  A budget limits some costs; several
 * budgets in one run share all evaluations.
 *
 *     loss  |  x    x            every trial is kept: the best within each budget and
 *           |    x__   x   x     the front of loss against a cost are questions asked
 *           |   x   |__ x        of the same list
 *           |      x   |___
 *           +---------------- cost
 *
 * Same problem, options and budgets: same trials in the same order. */
#ifndef QFORGE_SEARCH_H
#define QFORGE_SEARCH_H

#include "qforge/qmodel.h"
#include "qforge/subnet.h"

typedef enum qf_cost {
    QF_COST_LATENCY, /* microseconds per decoded token, predicted */
    QF_COST_BYTES,   /* qf_subnet_bytes */
    QF_COST_BITS,    /* qf_subnet_bits */
    QF_COSTS
} qf_cost;

const char *qf_cost_name(qf_cost cost); /* "latency", "bytes", "bits" */
const char *qf_cost_unit(qf_cost cost); /* "us per token", "bytes", "bits per weight" */

typedef enum qf_search_strategy {
#define QF_SEARCH_STRATEGY(id, name, summary) QF_SEARCH_##id,
#include "qforge/search_strategies.def"
#undef QF_SEARCH_STRATEGY
    QF_SEARCH_STRATEGIES
} qf_search_strategy;

const char *qf_search_strategy_name(qf_search_strategy strategy);
const char *qf_search_strategy_summary(qf_search_strategy strategy);
/* QF_SEARCH_STRATEGIES when there is none of that name. */
qf_search_strategy qf_search_strategy_named(const char *name);

typedef struct qf_search_problem {
    int linears; /* of a subnet, <= QF_SUBNET_MAX */
    int genes;   /* widths to choose, <= linears */
    /* First linear of each gene, ascending from 0, and `linears` behind the last; NULL:
     * every gene has linears / genes of them. */
    const int *first;
    int widths;               /* >= 1 */
    int width[QF_WIDTHS_MAX]; /* ascending, bits */
    void *context;            /* handed to the functions below */
    /* Anything comparable, smaller is better; NaN counts as infinite. */
    qf_status (*loss)(void *context, const qf_subnet *subnet, double *loss);
    /* Finite for the costs that a budget limits, and never of doubtful sign: > 0. */
    double (*cost)(void *context, qf_cost cost, const qf_subnet *subnet);
} qf_search_problem;

/* The most of each cost; INFINITY: no limit. */
typedef struct qf_budget {
    double limit[QF_COSTS];
} qf_budget;
extern const qf_budget qf_budget_none;

typedef struct qf_search_options {
    qf_search_strategy strategy;
    uint64_t seed;
    /* Most evaluations of the loss in all; 0: 100 + 50 per budget, or all subnets there are
     * for the exhaustive strategy, which refuses to do with fewer (QF_USAGE). */
    int evaluations;
    /* Called after every evaluation; false stops with QF_INTERRUPTED.  May be NULL. */
    bool (*progress)(void *context, int done, int total);
    void *progress_context;
} qf_search_options;

typedef struct qf_candidate {
    qf_subnet subnet;
    double loss;
    double cost[QF_COSTS];
} qf_candidate;

/* Owns its trials: every subnet evaluated, once, in order. */
typedef struct qf_search {
    int trials;
    qf_candidate *trial;
} qf_search;

/* Looks for the best subnet within each budget.  QF_NO_CONFIG, before any evaluation,
 * with a sentence telling the smallest cost possible, when a budget cannot be met.  At
 * least one trial is within each budget after QF_OK. */
QF_MUST_CHECK qf_status qf_search_run(const qf_search_problem *problem,
                                      const qf_search_options *options, const qf_budget *budget,
                                      int budgets, qf_search *search);
/* The smallest cost any subnet has and the largest of the uniform ones: where budgets
 * make a difference. */
void qf_search_range(const qf_search_problem *problem, qf_cost cost, double *least,
                     double *most);
void qf_search_release(qf_search *search);

bool qf_candidate_within(const qf_candidate *trial, const qf_budget *budget);
/* Indices of the trials within the budget, best loss first, at most `most`; returns how
 * many. */
int qf_search_best(const qf_search *search, const qf_budget *budget, int most, int *index);
/* Indices of the trials that no other beats in both loss and `cost`, cheapest first
 * (room for all trials); returns how many.  Of equal trials the first is taken. */
int qf_search_front(const qf_search *search, qf_cost cost, int *index);

#endif
