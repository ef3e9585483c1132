/* cmd_report.c -- qforge report: finds the kind of page and makes it. */
#include <stdio.h>
#include <string.h>

#include "report.h"

static const struct {
    const char *name, *summary;
    cli_command *run;
} reports[] = {
#define CLI_REPORT(name, summary) {#name, summary, cli_report_##name},
#include "reports.def"
#undef CLI_REPORT
};
enum { REPORTS = sizeof reports / sizeof *reports };

static void print_usage(FILE *out)
{
    fprintf(out, "usage: qforge report <what> [options]\n\n");
    for (int i = 0; i < REPORTS; i++)
        fprintf(out, "  %-10s %s\n", reports[i].name, reports[i].summary);
    fprintf(out, "\nqforge report <what> --help tells its options.\n");
}

qf_status cli_cmd_report(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";

    for (int i = 0; i < REPORTS; i++)
        if (strcmp(what, reports[i].name) == 0) return reports[i].run(argc - 1, argv + 1);
    if (strcmp(what, "--help") == 0 || strcmp(what, "-h") == 0) {
        print_usage(stdout);
        return QF_OK;
    }
    return qf_fail(QF_USAGE, "report: %s '%s' (try qforge report --help)",
                   *what ? "nothing called" : "say what about, not", what);
}
