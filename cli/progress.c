/* progress.c -- progress lines and durations. */
#include "progress.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "qforge/clock.h"

static const int64_t terminal_ns = 100000000, log_ns = 10000000000, json_ns = 1000000000;

cli_progress cli_progress_start(bool json)
{
    return (cli_progress){.terminal = !json && isatty(STDERR_FILENO) != 0, .json = json};
}

static bool is_due(cli_progress *p)
{
    const int64_t now = qf_now_ns(), pause = p->json       ? json_ns
                                             : p->terminal ? terminal_ns
                                                           : log_ns;

    if (p->shown && now - p->shown < pause) return false;
    p->shown = now;
    return true;
}

static void show_words(const cli_progress *p, const char *format, va_list args)
{
    if (p->terminal) fputs("\r\033[K", stderr);
    vfprintf(stderr, format, args);
    if (!p->terminal) fputc('\n', stderr);
    fflush(stderr);
}

static json_t *words(const char *format, va_list args)
{
    char text[512];

    vsnprintf(text, sizeof text, format, args);
    return json_pack("{s:s}", "text", text);
}

/* In one piece, so that lines of several processes do not mix. */
static void show_fields(const json_t *fields)
{
    char *text = json_dumps(fields, JSON_COMPACT | JSON_REAL_PRECISION(7));

    if (text) fprintf(stderr, "%s\n", text);
    free(text);
}

static void show(cli_progress *p, json_t *fields, const char *format, va_list args)
{
    if (is_due(p)) {
        if (p->json && !fields) fields = words(format, args);
        if (p->json)
            show_fields(fields);
        else
            show_words(p, format, args);
    }
    json_decref(fields);
}

void cli_progress_show(cli_progress *progress, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    show(progress, NULL, format, args);
    va_end(args);
}

void cli_progress_tell(cli_progress *progress, json_t *fields, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    show(progress, fields, format, args);
    va_end(args);
}

void cli_progress_count(cli_progress *progress, const char *what, int done, int of,
                        double seconds_left)
{
    char left[24];

    cli_duration(seconds_left, left);
    cli_progress_tell(progress,
                      json_pack("{s:s, s:i, s:i, s:f}", "what", what, "done", done, "of", of,
                                "seconds_left", seconds_left),
                      "%s: %d of %d, %s left", what, done, of, left);
}

void cli_progress_end(cli_progress *progress)
{
    if (progress->terminal && progress->shown) fputs("\r\033[K", stderr);
    if (progress->json) progress->shown = 0;
}

void cli_duration(double seconds, char text[24])
{
    const int whole = seconds < 1e6 ? (int)(seconds + 0.5) : 1000000;
    if (seconds < 60)
        snprintf(text, 24, "%.1f s", seconds);
    else if (whole < 3600)
        snprintf(text, 24, "%d min %02d s", whole / 60, whole % 60);
    else
        snprintf(text, 24, "%d h %02d min", whole / 3600, whole / 60 % 60);
}

double cli_seconds_left(int64_t start_ns, double done, double total)
{
    return (double)(qf_now_ns() - start_ns) * 1e-9 / done * (total - done);
}

void cli_time_left(int64_t start_ns, double done, double total, char text[24])
{
    cli_duration(cli_seconds_left(start_ns, done, total), text);
}
