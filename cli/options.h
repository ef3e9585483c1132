/* options.h -- one table per command: parsing, --help and defaults come from it. */
#ifndef QF_CLI_OPTIONS_H
#define QF_CLI_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "qforge/status.h"

typedef enum cli_kind {
    CLI_FLAG, /* bool *value: set to true */
    CLI_TEXT, /* const char **value: borrowed from argv */
    CLI_INT,  /* int64_t *value */
    CLI_REAL, /* double *value */
    CLI_LIST, /* cli_list *value: numbers between commas, appended at every mention */
} cli_kind;

enum { CLI_LIST_MAX = 16 };
typedef struct cli_list {
    int count;
    double item[CLI_LIST_MAX];
} cli_list;

/* A table ends with a row whose name is NULL.  What *value holds before parsing is the
 * default. */
typedef struct cli_option {
    const char *name; /* "threads" for --threads */
    char letter;      /* 't' for -t, or 0 */
    cli_kind kind;
    void *value;
    const char *argument; /* "N", shown in help; NULL for flags */
    const char *help;
} cli_option;

/* Parses argv[1..].  *rest is the index of the first operand (argv is permuted so that
 * operands come last).  QF_USAGE with a sentence for an unknown option or a bad number.
 * --help prints usage (one line, e.g. "qforge cpu [options]": what is typed as it stands in
 * small letters, then everything else) and the table on stdout and
 * sets *help; the command then returns QF_OK at once. */
QF_MUST_CHECK qf_status cli_parse(int argc, char **argv, const char *usage,
                                  const cli_option *options, int *rest, bool *help);

/* QF_USAGE when a time to measure for, of an option --seconds, is not more than 0 and at most
 * `most`; NaN is neither. */
QF_MUST_CHECK qf_status cli_check_seconds(double seconds, double most);

/* QF_USAGE when operands are left and the command takes none; the command is the one that was
 * parsed last. */
QF_MUST_CHECK qf_status cli_no_operands(int argc, char **argv, int rest);

#endif
