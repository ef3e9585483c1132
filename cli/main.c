/* main.c -- finds the verb, runs it, turns its status into words and an exit code. */
#include <stdio.h>
#include <string.h>

#include "command.h"

static const struct {
    const char *name, *summary;
    cli_command *run;
} commands[] = {
#define CLI_COMMAND(name, summary) {#name, summary, cli_cmd_##name},
#include "commands.def"
#undef CLI_COMMAND
};
enum { COMMANDS = sizeof commands / sizeof *commands };

static void print_usage(FILE *out)
{
    fprintf(out, "usage: qforge <command> [options]\n\ncommands:\n");
    for (int i = 0; i < COMMANDS; i++)
        fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].summary);
    fprintf(out, "\nqforge <command> --help tells a command's options.\n");
}

int main(int argc, char **argv)
{
    const char *verb = argc > 1 ? argv[1] : "";

    if (strcmp(verb, "--help") == 0 || strcmp(verb, "-h") == 0 || strcmp(verb, "help") == 0) {
        print_usage(stdout);
        return 0;
    }
    for (int i = 0; i < COMMANDS; i++) {
        if (strcmp(verb, commands[i].name) != 0) continue;
        qf_status status = commands[i].run(argc - 1, argv + 1);
        if (status == QF_OK && fflush(stdout) != 0)
            status = qf_fail(QF_IO, "cannot write to standard output");
        if (status != QF_OK)
            fprintf(stderr, "qforge: %s\n",
                    *qf_message() ? qf_message() : qf_status_text(status));
        return qf_status_exit_code(status);
    }
    if (*verb)
        fprintf(stderr, "qforge: unknown command '%s' (try qforge --help)\n", verb);
    else
        print_usage(stderr);
    return 2;
}
