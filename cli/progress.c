/* progress.c -- progress lines and durations. */
#include "progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "qforge/clock.h"

static const int64_t terminal_ns = 100000000, log_ns = 10000000000;

cli_progress cli_progress_start(void)
{
    return (cli_progress){.terminal = isatty(STDERR_FILENO) != 0};
}

void cli_progress_show(cli_progress *progress, const char *format, ...)
{
    const int64_t now = qf_now_ns();
    if (progress->shown && now - progress->shown < (progress->terminal ? terminal_ns : log_ns))
        return;
    progress->shown = now;
    va_list args;
    va_start(args, format);
    if (progress->terminal) fputs("\r\033[K", stderr);
    vfprintf(stderr, format, args);
    if (!progress->terminal) fputc('\n', stderr);
    va_end(args);
    fflush(stderr);
}

void cli_progress_end(cli_progress *progress)
{
    if (progress->terminal && progress->shown) fputs("\r\033[K", stderr);
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

void cli_time_left(int64_t start_ns, double done, double total, char text[24])
{
    cli_duration((double)(qf_now_ns() - start_ns) * 1e-9 / done * (total - done), text);
}
