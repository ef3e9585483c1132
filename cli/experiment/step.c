/* step.c -- a child process, its usage, and the record of both. */
#include "step.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../interrupt.h"
#include "qforge/clock.h"
#include "qforge/file.h"
#include "qforge/memory.h"

enum { PATH_ROOM = 4096, OUTPUT_LIMIT = 1 << 28 };

void step_add(step_command *command, ...)
{
    const char *word;
    va_list words;

    va_start(words, command);
    while ((word = va_arg(words, const char *)) != NULL) {
        QF_ASSERT(command->words < STEP_WORDS - 1);
        command->word[command->words++] = word;
    }
    va_end(words);
    command->word[command->words] = NULL;
}

/* DIR/steps/NAME.KIND */
static qf_status path_of(const char *directory, const char *name, const char *kind,
                         char path[PATH_ROOM])
{
    const int length = snprintf(path, PATH_ROOM, "%s/steps/%s.%s", directory, name, kind);
    if (length >= 0 && length < PATH_ROOM) return QF_OK;
    return qf_fail(QF_USAGE, "%s: too long a path", directory);
}

/* ---- records ---- */

static json_t *words_of(const step_command *command)
{
    json_t *words = json_array();
    json_array_append_new(words, json_string("qforge"));
    for (int i = 0; i < command->words; i++)
        json_array_append_new(words, json_string(command->word[i]));
    return words;
}

static bool same_command(const json_t *record, const step_command *command)
{
    json_t *words = words_of(command);
    const bool same = json_equal(json_object_get(record, "command"), words);
    json_decref(words);
    return same;
}

qf_status step_recall(const char *directory, const char *name, const step_command *command,
                      json_t **record)
{
    char path[PATH_ROOM], *text;
    json_error_t error;

    QF_TRY(path_of(directory, name, "json", path));
    if (!qf_file_exists(path)) return QF_NOT_FOUND;
    QF_TRY(qf_file_read(path, OUTPUT_LIMIT, &text, NULL));
    *record = json_loads(text, 0, &error);
    qf_free(text);
    if (!*record) return qf_fail(QF_FORMAT, "%s:%d: %s", path, error.line, error.text);
    if (same_command(*record, command)) return QF_OK;
    json_decref(*record);
    return qf_fail(QF_USAGE, "%s: made by another command; give another -o, or remove it",
                   path);
}

static qf_status keep(const char *path, const json_t *record)
{
    char *text = json_dumps(record, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
    if (!text) return QF_MEMORY;
    const qf_status status = qf_file_write(path, text, strlen(text));
    free(text);
    return status;
}

/* What a command printed: JSON where it is, else its text. */
static qf_status read_output(const char *path, json_t **result)
{
    json_error_t error;
    char *text;

    QF_TRY(qf_file_read(path, OUTPUT_LIMIT, &text, NULL));
    *result = json_loads(text, 0, &error);
    if (!*result) *result = json_string(text);
    qf_free(text);
    return *result ? QF_OK : qf_fail(QF_FORMAT, "%s: not text", path);
}

/* ---- the process ---- */

/* In the child: dies with the experiment, prints into the file. */
_Noreturn static void become(const step_command *command, const char *output, pid_t parent)
{
    char *argv[STEP_WORDS + 1] = {"qforge"};

    setpgid(0, 0); /* Ctrl-C comes once, from the experiment: a second would be final */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(126); /* it died before the line above */
    const int file = open(output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (file < 0 || dup2(file, STDOUT_FILENO) < 0) {
        fprintf(stderr, "qforge: %s: %s\n", output, strerror(errno));
        _exit(126);
    }
    for (int i = 0; i < command->words; i++) argv[i + 1] = (char *)command->word[i];
    execv("/proc/self/exe", argv);
    fprintf(stderr, "qforge: cannot start itself: %s\n", strerror(errno));
    _exit(126);
}

/* Waits; hands an interruption on once. */
static int wait_for(pid_t child, struct rusage *usage)
{
    const struct timespec moment = {.tv_nsec = 20 * 1000 * 1000};
    bool told = false;
    int status = 0;

    for (;;) {
        const pid_t found = wait4(child, &status, WNOHANG, usage);
        if (found == child) return status;
        if (found < 0 && errno != EINTR) return -1;
        if (cli_interrupted() && !told) {
            kill(child, SIGINT);
            told = true;
        }
        nanosleep(&moment, NULL);
    }
}

static qf_status run_child(const char *name, const step_command *command, const char *output,
                           struct rusage *usage)
{
    const pid_t parent = getpid();

    fflush(NULL);
    const pid_t child = fork();
    if (child < 0) return qf_fail(QF_IO, "cannot make a process: %s", strerror(errno));
    if (child == 0) become(command, output, parent);
    const int status = wait_for(child, usage);
    if (status == 0) return QF_OK;
    if (cli_interrupted()) return QF_INTERRUPTED;
    if (WIFSIGNALED(status))
        return qf_fail(QF_IO, "step %s: killed by signal %d", name, WTERMSIG(status));
    return qf_fail(QF_IO, "step %s: qforge %s failed (exit code %d); its reason is above", name,
                   command->word[0], WEXITSTATUS(status));
}

static double seconds_of(struct timeval time)
{
    return (double)time.tv_sec + 1e-6 * (double)time.tv_usec;
}

static json_t *make_record(const step_command *command, const struct rusage *usage,
                           double seconds, json_t *result)
{
    return json_pack("{s:o, s:s, s:f, s:f, s:I, s:o}", "command", words_of(command), "version",
                     QF_VERSION, "seconds", seconds, "cpu_seconds",
                     seconds_of(usage->ru_utime) + seconds_of(usage->ru_stime), "peak_bytes",
                     (json_int_t)usage->ru_maxrss * 1024, "result", result);
}

qf_status step_run(const char *directory, const char *name, const step_command *command,
                   json_t **record)
{
    char output[PATH_ROOM], path[PATH_ROOM];
    struct rusage usage = {0};
    json_t *result;

    QF_TRY(path_of(directory, name, "out", output));
    QF_TRY(path_of(directory, name, "json", path));
    const int64_t start = qf_now_ns();
    QF_TRY(run_child(name, command, output, &usage));
    const double seconds = (double)(qf_now_ns() - start) * 1e-9;
    QF_TRY(read_output(output, &result));
    *record = make_record(command, &usage, seconds, result);
    if (!*record) return QF_MEMORY;
    const qf_status status = keep(path, *record);
    unlink(output);
    if (status != QF_OK) json_decref(*record);
    return status;
}
