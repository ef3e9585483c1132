/* step.h -- one command of an experiment: run as a process of its own, so that its time and
 * memory are its own, and run once: what it printed is kept under the experiment's
 * directory as steps/NAME.json:
 *
 *     {"command": ["qforge", "eval", …], "version": …, "seconds": …, "cpu_seconds": …,
 *      "peak_bytes": …, "result": what it printed}                                     */
#ifndef QF_CLI_STEP_H
#define QF_CLI_STEP_H

#include <jansson.h>

#include "qforge/status.h"

enum { STEP_WORDS = 64 };

/* A command line; words are borrowed and must outlive it. */
typedef struct step_command {
    int words;
    const char *word[STEP_WORDS];
} step_command;

/* Words up to NULL. */
void step_add(step_command *command, ...) __attribute__((sentinel));

/* The record, to be released with json_decref; QF_NOT_FOUND when the step was not done yet.
 * QF_USAGE when another command left a record of that name. */
QF_MUST_CHECK qf_status step_recall(const char *directory, const char *name,
                                    const step_command *command, json_t **record);
/* Runs it and keeps its record.  QF_INTERRUPTED after Ctrl-C, QF_IO when the command
 * failed (it has said why on stderr). */
QF_MUST_CHECK qf_status step_run(const char *directory, const char *name,
                                 const step_command *command, json_t **record);

#endif
