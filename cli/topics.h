/* topics.h -- verbs that are families: "qforge bench gemm", "qforge report demo". */
#ifndef QF_CLI_TOPICS_H
#define QF_CLI_TOPICS_H

#include "command.h"

typedef struct cli_topic {
    const char *name, *summary;
    cli_command *run;
} cli_topic;

/* Runs the topic argv[1] names, which sees it as its argv[0].  --help lists them all. */
QF_MUST_CHECK qf_status cli_run_topic(const cli_topic *topics, int count, int argc,
                                      char **argv);

#endif
