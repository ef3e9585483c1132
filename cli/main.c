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

/* What could not be printed was not done. */
static qf_status finish_output(qf_status status)
{
    if (status == QF_OK && (fflush(stdout) != 0 || ferror(stdout)))
        return qf_fail(QF_IO, "cannot write to standard output");
    return status;
}

static int end(qf_status status)
{
    status = finish_output(status);
    if (status != QF_OK)
        fprintf(stderr, "qforge: %s\n", *qf_message() ? qf_message() : qf_status_text(status));
    return qf_status_exit_code(status);
}

int main(int argc, char **argv)
{
    const char *verb = argc > 1 ? argv[1] : "";

    if (strcmp(verb, "--help") == 0 || strcmp(verb, "-h") == 0 || strcmp(verb, "help") == 0) {
        print_usage(stdout);
        return end(QF_OK);
    }
    if (strcmp(verb, "--version") == 0 || strcmp(verb, "-V") == 0)
        return end(cli_cmd_version(argc - 1, argv + 1));
    for (int i = 0; i < COMMANDS; i++)
        if (strcmp(verb, commands[i].name) == 0)
            return end(commands[i].run(argc - 1, argv + 1));
    if (*verb) return end(qf_fail(QF_USAGE, "unknown command '%s' (try qforge --help)", verb));
    print_usage(stderr);
    return 2;
}
