/* command.h -- a verb of the program.
 *
 * A command parses its own options (argv[0] is the verb), prints its result on stdout,
 * progress and complaints on stderr, and returns a status; main() prints the sentence
 * of a failure and turns the status into the exit code. */
#ifndef QF_CLI_COMMAND_H
#define QF_CLI_COMMAND_H

#include "qforge/status.h"

typedef qf_status cli_command(int argc, char **argv);

#define CLI_COMMAND(name, summary) cli_command cli_cmd_##name;
#include "commands.def"
#undef CLI_COMMAND

#endif
