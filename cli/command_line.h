/* command_line.h -- a command as the user would type it. */
#ifndef QF_CLI_COMMAND_LINE_H
#define QF_CLI_COMMAND_LINE_H

/* "qforge tune --db 'my ledger.db'": words a shell would take apart are quoted.  argv: the
 * verb's.  Made with qf_alloc; NULL when memory is out. */
char *cli_command_line(int argc, char *const argv[]);

#endif
