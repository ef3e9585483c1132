/* paths.h -- what commands ask of the paths they are given. */
#ifndef QF_CLI_PATHS_H
#define QF_CLI_PATHS_H

#include "qforge/status.h"

/* QF_USAGE naming the option when the text is NULL. */
QF_MUST_CHECK qf_status cli_need(const char *command, const char *option, const char *text);
/* QF_USAGE when both name one place: a command that reads a model does not write over it,
 * so that stopping it at any moment leaves the model whole. */
QF_MUST_CHECK qf_status cli_distinct(const char *in, const char *out);

#endif
