/* tune_report.h -- what `qforge tune` says: plans, results, and where an interrupt left them.
 */
#ifndef QF_CLI_TUNE_REPORT_H
#define QF_CLI_TUNE_REPORT_H

#include <jansson.h>
#include <stdbool.h>

#include "qforge/tune.h"
#include "tune_problems.h"

/* ---- before ---- */
void cli_tune_print_plan(const qf_problem *problem, const qf_tune_outline *outline);
json_t *cli_tune_json_of_plan(const qf_problem *problem, const qf_tune_outline *outline);

/* ---- after ---- */
/* ties: of the best. */
void cli_tune_print_result(const qf_problem *problem, const qf_tune_result *result,
                           const qf_ties *ties);
json_t *cli_tune_json_of_result(const qf_problem *problem, const qf_tune_result *result,
                                const qf_ties *ties);

/* The best so far of every problem, on stdout; begun: how many were, the last of them
 * interrupted. */
void cli_tune_print_so_far(const cli_problems *problems, const qf_tune_result *result,
                           int begun);

#endif
