/* status.c -- the last sentence of each thread. */
#include "qforge/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static _Thread_local char sentence[1024];

static const struct {
    const char *text;
    int exit_code;
} rows[] = {
#define QF_STATUS(id, exit_code, text) {text, exit_code},
#include "qforge/statuses.def"
#undef QF_STATUS
};

qf_status qf_fail(qf_status status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    /* Formatted aside first: an argument may be the old sentence. */
    char fresh[sizeof sentence];
    vsnprintf(fresh, sizeof fresh, format, args);
    va_end(args);
    snprintf(sentence, sizeof sentence, "%s", fresh);
    return status;
}

const char *qf_message(void)
{
    return sentence;
}

void qf_message_clear(void)
{
    sentence[0] = 0;
}

const char *qf_status_text(qf_status status)
{
    QF_ASSERT((unsigned)status < QF_STATUS_COUNT);
    return rows[status].text;
}

int qf_status_exit_code(qf_status status)
{
    QF_ASSERT((unsigned)status < QF_STATUS_COUNT);
    return rows[status].exit_code;
}

void qf_assert_failed(const char *what, const char *file, int line)
{
    fprintf(stderr, "qforge: internal error: %s (%s:%d)\n", what, file, line);
    abort();
}
