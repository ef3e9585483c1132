/* progress.h -- one line on stderr that says how far long work is: rewritten in place on
 * a terminal, repeated now and then in a log. */
#ifndef QF_CLI_PROGRESS_H
#define QF_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "qforge/status.h"

typedef struct cli_progress {
    bool terminal;
    int64_t shown; /* ns, 0: never */
} cli_progress;

cli_progress cli_progress_start(void);
/* Shows the line unless one was shown a moment ago. */
void cli_progress_show(cli_progress *progress, const char *format, ...) QF_PRINTF(2, 3);
/* Wipes the line from a terminal. */
void cli_progress_end(cli_progress *progress);

/* "3.1 s", "2 min 05 s", "1 h 12 min" */
void cli_duration(double seconds, char text[24]);

/* What is left of work of which `done` of `total` is done since start_ns (qf_now_ns), if it
 * goes on as it went; done > 0. */
void cli_time_left(int64_t start_ns, double done, double total, char text[24]);

#endif
