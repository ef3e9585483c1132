/* cmd_version.c -- qforge version. */
#include <stdio.h>

#include "command.h"
#include "options.h"

qf_status cli_cmd_version(int argc, char **argv)
{
    const cli_option options[] = {{0}};
    int rest;
    bool help;

    QF_TRY(cli_parse(argc, argv, "qforge version", options, &rest, &help));
    if (help) return QF_OK;
    QF_TRY(cli_no_operands(argc, argv, rest));
    printf("qforge %s\n", QF_VERSION);
    return QF_OK;
}
