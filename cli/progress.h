/* progress.h -- one line on stderr that says how far long work is: rewritten in place on
 * a terminal, repeated now and then in a log, an object of JSON every second for programs. */
#ifndef QF_CLI_PROGRESS_H
#define QF_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "qforge/status.h"

struct json_t;

typedef struct cli_progress {
    bool terminal, json;
    int64_t shown; /* ns, 0: never */
} cli_progress;

/* json: the command prints for programs (--json). */
cli_progress cli_progress_start(bool json);
/* Shows the line unless one was shown a moment ago; to programs as {"text": …}. */
void cli_progress_show(cli_progress *progress, const char *format, ...) QF_PRINTF(2, 3);
/* The same, and programs get these fields instead of the words; takes the object. */
void cli_progress_tell(cli_progress *progress, struct json_t *fields, const char *format, ...)
    QF_PRINTF(3, 4);
/* Of work that is counted: "WHAT: 3 of 10, 2.1 s left", and
 * {"what": WHAT, "done": 3, "of": 10, "seconds_left": 2.1}. */
void cli_progress_count(cli_progress *progress, const char *what, int done, int of,
                        double seconds_left);
/* Wipes the line from a terminal.  What comes next is told to programs at once. */
void cli_progress_end(cli_progress *progress);

/* "3.1 s", "2 min 05 s", "1 h 12 min" */
void cli_duration(double seconds, char text[24]);

/* What is left of work of which `done` of `total` is done since start_ns (qf_now_ns), if it
 * goes on as it went; done > 0. */
double cli_seconds_left(int64_t start_ns, double done, double total);
void cli_time_left(int64_t start_ns, double done, double total, char text[24]);

#endif
