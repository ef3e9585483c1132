/* search_run.h -- what strategies share: the archive of trials, sampling, budgets. */
#ifndef QF_TRAIN_SEARCH_RUN_H
#define QF_TRAIN_SEARCH_RUN_H

#include "qforge/random.h"
#include "qforge/search.h"

/* Widths a gene may take: bit w for problem->width[w]. */
typedef uint8_t search_choices;

typedef struct search_run {
    const qf_search_problem *problem;
    const qf_search_options *options;
    const qf_budget *budget;
    int budgets;
    qf_subnet *anchor; /* [budgets]: a subnet known to fit each */
    qf_random random;
    qf_search *search; /* the archive */
    int capacity;      /* trials there is room for = evaluations allowed */
    int *slot;         /* open hash of subnets: index of the trial, -1 empty */
    int slots;         /* a power of two */
} search_run;

typedef qf_status search_strategy_fn(search_run *run);
#define QF_SEARCH_STRATEGY(id, name, summary) search_strategy_fn search_strategy_##name;
#include "qforge/search_strategies.def"
#undef QF_SEARCH_STRATEGY

/* ---- archive (search.c) ---- */
/* Evaluates a subnet unless it is known.  Asking beyond the evaluations allowed is a
 * programming error: see search_left. */
QF_MUST_CHECK qf_status search_evaluate(search_run *run, const qf_subnet *subnet);
/* Every width everywhere, as far as there are evaluations left. */
QF_MUST_CHECK qf_status search_evaluate_uniform(search_run *run);
bool search_knows(const search_run *run, const qf_subnet *subnet);
static inline int search_left(const search_run *run)
{
    return run->capacity - run->search->trials;
}

/* ---- genes (genes.c) ---- */
int search_gene(const qf_search_problem *problem, const qf_subnet *subnet, int gene); /* bits */
void search_set_gene(const qf_search_problem *problem, qf_subnet *subnet, int gene, int bits);
qf_subnet search_uniform(const qf_search_problem *problem, int bits);
double search_mean_bits(const qf_search_problem *problem, const qf_subnet *subnet);
/* Every gene from one random distribution over its choices; that distribution is itself
 * drawn uniformly from the simplex, so mean widths come out flat instead of bunching in
 * the middle (AMQ, EMNLP 2025).  choices may be NULL: all. */
qf_subnet search_sample(search_run *run, const search_choices *choices);
/* A random order of 0..count-1. */
void search_shuffle(qf_random *random, int *order, int count);

/* ---- budgets (budget.c) ---- */
/* The greatest of cost / limit: <= 1 within. */
double search_excess(const qf_search_problem *problem, const qf_budget *budget,
                     const qf_subnet *subnet);
/* The cheapest subnet by coordinate descent from every uniform one: exact for costs that
 * are sums over linears. */
qf_subnet search_smallest(const qf_search_problem *problem, const qf_budget *budget,
                          const search_choices *choices);
/* What a change of one gene would do to the loss; NULL: unknown, all alike. */
typedef double search_harm(const void *context, const qf_subnet *subnet, int gene, int bits);
/* Cheapens random genes until the subnet fits, each time the least harmful for its
 * saving of a few drawn.  False when it got stuck. */
bool search_repair(search_run *run, const qf_budget *budget, const search_choices *choices,
                   search_harm *harm, const void *context, qf_subnet *subnet);
/* Widens genes in random order while the subnet still fits. */
void search_fill(search_run *run, const qf_budget *budget, const search_choices *choices,
                 qf_subnet *subnet);

#endif
