/* plot.c -- writes a script with the data inside, runs gnuplot on it. */
#include "plot.h"

#include <errno.h>
#include <math.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static const char *const colours[] = {"#0b66b8", "#c8500a", "#0a8a63",
                                      "#a3478b", "#b07c00", "#3f8fc4"};

/* 'text' with quotes doubled: gnuplot's rule. */
static void write_quoted(FILE *out, const char *text)
{
    fputc('\'', out);
    for (; *text; text++) {
        if (*text == '\'') fputc('\'', out);
        if ((unsigned char)*text >= 0x20) fputc(*text, out);
    }
    fputc('\'', out);
}

static void write_data(FILE *out, const chart *c)
{
    for (int s = 0; s < c->series_count; s++) {
        const chart_series *series = &c->series[s];
        fprintf(out, "$series%d << END\n", s);
        for (int i = 0; i < series->count; i++)
            if (isfinite(series->x[i]) && isfinite(series->y[i]))
                fprintf(out, "%.9g %.9g\n", series->x[i], series->y[i]);
        fprintf(out, "END\n");
    }
}

static void write_labels(FILE *out, const chart *c)
{
    fputs("set title ", out);
    write_quoted(out, c->title);
    fputs(" noenhanced\nset xlabel ", out);
    write_quoted(out, c->x_label);
    fputs(" noenhanced\nset ylabel ", out);
    write_quoted(out, c->y_label);
    fputs(" noenhanced\nset grid ytics lc rgb '#dfe3e6'\nset border 3\nset tics nomirror out\n"
          "set key top right noenhanced\nset offsets graph 0.03, graph 0.03, graph 0.05, "
          "graph 0.05\n",
          out);
    for (int m = 0; m < c->marks; m++) {
        fprintf(out,
                "set arrow from first %.9g, graph 0 to first %.9g, graph 1 nohead dt 2 "
                "lc rgb '#5c6670'\nset label ",
                c->mark[m].x, c->mark[m].x);
        write_quoted(out, c->mark[m].name);
        fprintf(out, " at first %.9g, graph %.2f right offset -0.5,0 noenhanced\n",
                c->mark[m].x, 0.97 - 0.04 * m);
    }
}

static void write_plot(FILE *out, const chart *c)
{
    static const char *const with[] = {[CHART_LINE] = "lines lw 2",
                                       [CHART_POINTS] = "points pt 7",
                                       [CHART_STEPS] = "steps lw 2"};
    const char *before = "plot";
    for (int s = 0; s < c->series_count; s++) {
        const chart_series *series = &c->series[s];
        fprintf(out, "%s $series%d using 1:2 with %s lc rgb '%s' ", before, s,
                with[series->style], colours[(series->colour - 1) % 6]);
        if (series->style == CHART_POINTS)
            fprintf(out, "ps %s ", series->count > 16 ? "0.5" : "1.2");
        fputs("title ", out);
        write_quoted(out, series->name);
        before = ",";
    }
    fputs("\nunset output\n", out);
}

static void write_output(FILE *out, const chart *c, const char *terminal, const char *path)
{
    fprintf(out, "set terminal %s\nset output ", terminal);
    write_quoted(out, path);
    fputc('\n', out);
    write_plot(out, c);
}

/* Runs gnuplot on the script; what it complains of goes to `words`. */
static qf_status run_gnuplot(const char *script, char *words, size_t size)
{
    char *const argv[] = {"gnuplot", (char *)script, NULL};
    posix_spawn_file_actions_t actions;
    int pipe_ends[2], exit_status = 0;
    pid_t child;

    if (pipe(pipe_ends)) return qf_fail(QF_IO, "cannot make a pipe: %s", strerror(errno));
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", 0, 0);
    posix_spawn_file_actions_adddup2(&actions, pipe_ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, pipe_ends[1], STDERR_FILENO);
    posix_spawn_file_actions_addclose(&actions, pipe_ends[0]);
    const int failed = posix_spawnp(&child, "gnuplot", &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(pipe_ends[1]);
    size_t used = 0;
    char byte;
    while (!failed && read(pipe_ends[0], &byte, 1) == 1) {
        if (used + 1 < size) words[used++] = byte == '\n' ? ' ' : byte;
    }
    words[used] = 0;
    close(pipe_ends[0]);
    if (failed == ENOENT) return QF_NOT_FOUND;
    if (failed) return qf_fail(QF_IO, "cannot run gnuplot: %s", strerror(failed));
    while (waitpid(child, &exit_status, 0) < 0 && errno == EINTR) continue;
    if (WIFEXITED(exit_status) && WEXITSTATUS(exit_status) == 127) return QF_NOT_FOUND;
    if (exit_status) return qf_fail(QF_IO, "gnuplot failed: %s", words);
    return QF_OK;
}

typedef struct beside {
    const char *path;
    char part[4096];
} beside;

static beside beside_of(const char *path)
{
    beside b = {.path = path};
    if (path) snprintf(b.part, sizeof b.part, "%s.%ld.part", path, (long)getpid());
    return b;
}

static qf_status settle(const beside *b, qf_status status)
{
    if (!b->path) return status;
    if (status == QF_OK && rename(b->part, b->path) != 0)
        status = qf_fail(QF_IO, "%s: %s", b->path, strerror(errno));
    if (status != QF_OK) unlink(b->part);
    return status;
}

qf_status cli_plot(const chart *c, const char *svg, const char *png)
{
    char script[] = "/tmp/qforge_plot_XXXXXX", words[512];
    const beside vector = beside_of(svg), raster = beside_of(png);
    const int descriptor = mkstemp(script);
    FILE *out = descriptor < 0 ? NULL : fdopen(descriptor, "w");

    if (!out) return qf_fail(QF_IO, "%s: %s", script, strerror(errno));
    write_data(out, c);
    write_labels(out, c);
    if (svg)
        write_output(out, c, "svg size 900,560 dynamic background '#ffffff' font ',14'",
                     vector.part);
    if (png) write_output(out, c, "pngcairo size 900,560 font ',11'", raster.part);
    qf_status status = fclose(out) ? qf_fail(QF_IO, "%s: %s", script, strerror(errno)) : QF_OK;
    if (status == QF_OK) status = run_gnuplot(script, words, sizeof words);
    unlink(script);
    status = settle(&vector, status);
    return settle(&raster, status);
}
