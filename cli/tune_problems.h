/* tune_problems.h -- which products `qforge tune` is asked about. */
#ifndef QF_CLI_TUNE_PROBLEMS_H
#define QF_CLI_TUNE_PROBLEMS_H

#include <stdint.h>

#include "qforge/kernel.h"
#include "qforge/status.h"

typedef struct cli_problem_request {
    const char *shape, *model, *config; /* one of them; config as qf_config_find() */
    const char *bits;                   /* "2,3,4"; NULL: 4 for a shape, 2,3,4 for a model */
    const char *recipe; /* "exact", "fine", "fast", "table", a recipe's name, or NULL: the class
                           that usually does such products */
    const char *op;     /* "forward", "grad"; NULL: the recipe's, else forward */
    int64_t group;
    int64_t rows, prompt; /* of a model: tokens per training step, per prompt chunk */
    int threads;
    qf_isa isa; /* on which: what is asked of a class may be another's there */
} cli_problem_request;

typedef struct cli_problems {
    qf_problem *item; /* owned */
    int count;
    qf_recipe recipe; /* QF_RECIPE_COUNT: any */
    qf_isa isa;       /* the request's */
} cli_problems;

/* A model or its configuration alone: every linear's shape, each once, at every width: fast for
 * one token and for a prompt, exact with its grad-input product for training; and the fp32
 * head. QF_USAGE or the model's own sentence. */
QF_MUST_CHECK qf_status cli_problems_make(const cli_problem_request *request,
                                          cli_problems *problems);
void cli_problems_release(cli_problems *problems);

/* "2/4": keeps the second of four parts, every fourth problem, so that as many runs with the
 * same problems tune each once.  NULL keeps all.  QF_USAGE when it is no part. */
QF_MUST_CHECK qf_status cli_problems_shard(const char *shard, cli_problems *problems);

/* --recipe and --op into accuracy and op of p, and into the recipe that was named
 * (QF_RECIPE_COUNT: none, any of the class).  NULL where not said, as in cli_problem_request.
 * QF_USAGE when there is no such class or recipe, or it is not for that op. */
QF_MUST_CHECK qf_status cli_problem_class(const char *recipe, const char *op, qf_problem *p,
                                          qf_recipe *named);
/* QF_USAGE with a sentence when the recipe that was named cannot answer the problem, as it is
 * computed on that instruction set (qf_problem_on). */
QF_MUST_CHECK qf_status cli_recipe_check(qf_recipe named, const qf_problem *problem,
                                         qf_isa isa);

/* "512x4096x4096", as the value of --option, into m, n and k. */
QF_MUST_CHECK qf_status cli_problem_shape(const char *option, const char *text, qf_problem *p);

#endif
