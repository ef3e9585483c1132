/* cmd_report.c -- qforge report. */
#include "report.h"
#include "topics.h"

static const cli_topic reports[] = {
#define CLI_REPORT(name, summary) {#name, summary, cli_report_##name},
#include "reports.def"
#undef CLI_REPORT
};

qf_status cli_cmd_report(int argc, char **argv)
{
    return cli_run_topic(reports, sizeof reports / sizeof *reports, argc, argv);
}
