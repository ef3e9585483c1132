/* report.h -- pages about what was measured. */
#ifndef QF_CLI_REPORT_H
#define QF_CLI_REPORT_H

#include "command.h"

#define CLI_REPORT(name, summary) cli_command cli_report_##name;
#include "reports.def"
#undef CLI_REPORT

#endif
