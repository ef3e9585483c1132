/* options.c -- getopt_long driven by a table. */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_OPTIONS = 64, HELP = 0x1000, FIRST = 0x2000 };

/* Of the last cli_parse(): "bench gemm". */
static char command[40];

/* What of "qforge bench gemm [options]" is typed as it stands. */
static void name_command(const char *usage)
{
    static const char program[] = "qforge ";
    const char *at = usage + strlen(program);

    QF_ASSERT(strncmp(usage, program, strlen(program)) == 0);
    const size_t words = strspn(at, "abcdefghijklmnopqrstuvwxyz ");
    snprintf(command, sizeof command, "%.*s", (int)words, at);
    for (char *end = strchr(command, 0); end > command && end[-1] == ' ';) *--end = 0;
}

static void print_help(const char *usage, const cli_option *options)
{
    printf("usage: %s\n\n", usage);
    for (const cli_option *o = options; o->name; o++) {
        char left[64];
        snprintf(left, sizeof left, "%c%c%s --%s%s%s", o->letter ? '-' : ' ',
                 o->letter ? o->letter : ' ', o->letter ? "," : " ", o->name,
                 o->argument ? " " : "", o->argument ? o->argument : "");
        printf("  %-30s %s\n", left, o->help);
    }
    printf("  %-30s %s\n", "-h, --help", "show this");
}

static qf_status append(const cli_option *option, const char *text)
{
    cli_list *list = option->value;
    for (const char *at = text;; at++) {
        char *end;
        errno = 0;
        const double item = strtod(at, &end);
        if (end == at || errno || (*end && *end != ','))
            return qf_fail(QF_USAGE, "--%s: '%s' is not a list of numbers", option->name, text);
        if (list->count == CLI_LIST_MAX)
            return qf_fail(QF_USAGE, "--%s: more than %d numbers", option->name, CLI_LIST_MAX);
        list->item[list->count++] = item;
        if (!*end) return QF_OK;
        at = end;
    }
}

static qf_status store(const cli_option *option, const char *text)
{
    char *end = NULL;
    errno = 0;
    switch (option->kind) {
    case CLI_FLAG:
        *(bool *)option->value = true;
        return QF_OK;
    case CLI_TEXT:
        *(const char **)option->value = text;
        return QF_OK;
    case CLI_LIST:
        return append(option, text);
    case CLI_INT:
        *(int64_t *)option->value = strtoll(text, &end, 10);
        break;
    case CLI_REAL:
        *(double *)option->value = strtod(text, &end);
        break;
    }
    if (end == text || *end || errno)
        return qf_fail(QF_USAGE, "--%s: '%s' is not a number", option->name, text);
    return QF_OK;
}

qf_status cli_parse(int argc, char **argv, const char *usage, const cli_option *options,
                    int *rest, bool *help)
{
    struct option longs[MAX_OPTIONS + 2] = {{"help", no_argument, NULL, HELP}};
    char shorts[3 * MAX_OPTIONS] = ":h";
    int count = 0;

    *help = false;
    name_command(usage);
    for (; options[count].name; count++) {
        const cli_option *o = &options[count];
        QF_ASSERT(count < MAX_OPTIONS);
        const int has = o->kind == CLI_FLAG ? no_argument : required_argument;
        longs[count + 1] = (struct option){o->name, has, NULL, FIRST + count};
        if (o->letter) snprintf(shorts + strlen(shorts), 3, "%c%s", o->letter, has ? ":" : "");
    }
    optind = 0; /* a fresh scan: commands may be run twice in one process */
    opterr = 0;
    for (int found; (found = getopt_long(argc, argv, shorts, longs, NULL)) != -1;) {
        if (found == 'h' || found == HELP) {
            print_help(usage, options);
            *help = true;
            return QF_OK;
        }
        if (found == '?' || found == ':')
            return qf_fail(QF_USAGE, "%s: %s '%s' (try qforge %s --help)", command,
                           found == '?' ? "unknown option" : "value missing for",
                           argv[optind - 1], command);
        int index = found - FIRST;
        if (found < FIRST)
            for (index = 0; options[index].letter != found;) index++;
        QF_TRY(store(&options[index], optarg));
    }
    *rest = optind;
    return QF_OK;
}

qf_status cli_no_operands(int argc, char **argv, int rest)
{
    if (rest == argc) return QF_OK;
    return qf_fail(QF_USAGE, "%s: unexpected '%s' (try qforge %s --help)", command, argv[rest],
                   command);
}

qf_status cli_check_seconds(double seconds, double most)
{
    if (seconds > 0 && seconds <= most) return QF_OK;
    return qf_fail(QF_USAGE, "--seconds: %g is not from 0 to %g, 0 left out", seconds, most);
}
