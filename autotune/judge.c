/* judge.c -- the list of hearings, and the child process they are held in. */
#include "judge.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hearing.h"

/* What parent and child share. */
typedef struct transcript {
    qf_status status;
    char sentence[160]; /* of a status that is not OK */
    qf_validation validation;
    char at[64]; /* the hearing going on */
    volatile bool finished;
} transcript;

/* ---- the list -------------------------------------------------------------------------- */

typedef struct lengths {
    int64_t value[5];
    int count;
} lengths;

static void push(lengths *list, int64_t value)
{
    if (value < 1) return;
    for (int i = 0; i < list->count; i++)
        if (list->value[i] == value) return;
    list->value[list->count++] = value;
}

/* Around one tile, and past a whole one by an odd number. */
static lengths around(int64_t tile, int64_t beyond)
{
    lengths list = {.count = 0};
    push(&list, 1);
    push(&list, tile - 1);
    push(&list, tile);
    push(&list, tile + 1);
    push(&list, 2 * tile + beyond);
    return list;
}

/* Around the unit depth is padded to: ragged below one, one, and two and a half. */
static lengths depths_of(const qf_kernel_id *id)
{
    const bool grad = qf_recipe_of(id->recipe)->op == QF_GRAD_INPUT;
    const int64_t whole = grad ? qf_isa_panel(id->isa) : id->group ? id->group : 32;
    lengths list = {.count = 0};
    push(&list, 5);
    push(&list, whole);
    push(&list, 2 * whole + whole / 2 + 1);
    return list;
}

static lengths columns_of(const qf_kernel_id *id)
{
    lengths list = around(id->tile.nr, qf_isa_panel(id->isa) + 3);
    /* Columns of a grad product come in groups with scales of their own. */
    if (qf_recipe_of(id->recipe)->op == QF_GRAD_INPUT) {
        list.value[list.count - 1] = id->group + id->tile.nr + 3;
    }
    return list;
}

/* Holds a hearing; false ends them all. */
static bool hold(const qf_kernel *kernel, const qf_hearing *hearing, transcript *record)
{
    qf_validation *v = &record->validation;
    qf_finding finding;

    qf_hearing_print(hearing, record->at);
    record->status = qf_hear(kernel, hearing, &finding);
    if (record->status != QF_OK) {
        snprintf(record->sentence, sizeof record->sentence, "%s", qf_message());
        return false;
    }
    v->cases++;
    if (!(finding.worst_error <= v->worst_error)) v->worst_error = finding.worst_error;
    if (!finding.wrong) return true;
    v->verdict = QF_VERDICT_WRONG;
    snprintf(v->detail, sizeof v->detail, "%.60s: %.95s", record->at, finding.detail);
    return false;
}

/* Numbers change fastest and come in threes, so that every kind of number meets every
 * other choice, which alternate in twos; the tail goes round in sevens. */
static bool hold_shape(const qf_kernel *kernel, int64_t m, int64_t columns, int64_t depth,
                       uint64_t seed, transcript *record)
{
    const bool forward = qf_recipe_of(kernel->id.recipe)->op == QF_FORWARD;

    for (int data = 0; data < QF_DATA_COUNT; data++) {
        const int turn = record->validation.cases;
        const qf_hearing hearing = {
            .m = m,
            .columns = columns,
            .depth = depth,
            .data = (qf_data)data,
            .side = turn & 1 ? QF_GUARD_START : QF_GUARD_END,
            .accumulate = turn >> 1 & 1,
            .apart = turn >> 2 & 1,
            .stepwise = turn >> 3 & 1,
            .tail = forward ? turn % 7 % 4 : 0,
            .seed = seed + (uint64_t)turn,
        };
        if (!hold(kernel, &hearing, record)) return false;
    }
    return true;
}

static void hold_all(const qf_kernel *kernel, uint64_t seed, transcript *record)
{
    const lengths rows = around(kernel->id.tile.mr, 1), columns = columns_of(&kernel->id),
                  depths = depths_of(&kernel->id);

    for (int d = 0; d < depths.count; d++)
        for (int j = 0; j < columns.count; j++)
            for (int i = 0; i < rows.count; i++)
                if (!hold_shape(kernel, rows.value[i], columns.value[j], depths.value[d], seed,
                                record))
                    return;
}

/* ---- the child ------------------------------------------------------------------------- */

static const int deadly[] = {SIGSEGV, SIGBUS,  SIGILL,  SIGFPE, SIGABRT,
                             SIGTRAP, SIGPROF, SIGALRM, SIGTERM};

static _Noreturn void judge_and_exit(const qf_kernel *kernel, uint64_t seed, double cpu_seconds,
                                     transcript *record)
{
    const struct itimerval cpu = {
        .it_value = {(time_t)cpu_seconds,
                     (suseconds_t)(1e6 * (cpu_seconds - (double)(time_t)cpu_seconds))}};
    sigset_t none;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_DUMPABLE, 0);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++) signal(deadly[i], SIG_DFL);
    signal(SIGINT, SIG_IGN); /* the parent decides what Ctrl-C means */
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setitimer(ITIMER_PROF, &cpu, NULL);       /* hung: burns time */
    alarm((unsigned)(20 * cpu_seconds) + 30); /* hung: sleeps */
    hold_all(kernel, seed, record);
    record->finished = true;
    _exit(0);
}

static void read_death(int wait_status, transcript *record)
{
    qf_validation *v = &record->validation;
    const int signal_number = WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : 0;
    const bool hung = signal_number == SIGPROF || signal_number == SIGALRM;

    v->verdict = hung ? QF_VERDICT_TIMEOUT : QF_VERDICT_CRASH;
    if (hung)
        snprintf(v->detail, sizeof v->detail, "%s: did not return", record->at);
    else if (signal_number)
        snprintf(v->detail, sizeof v->detail, "%s: %s", record->at, strsignal(signal_number));
    else
        snprintf(v->detail, sizeof v->detail, "%s: ended the process", record->at);
}

static qf_status await(pid_t child, transcript *record)
{
    int wait_status;

    while (waitpid(child, &wait_status, 0) < 0)
        if (errno != EINTR)
            return qf_fail(QF_IO, "lost the judging process: %s", strerror(errno));
    if (!record->finished) read_death(wait_status, record);
    if (record->status != QF_OK) return qf_fail(record->status, "%s", record->sentence);
    return QF_OK;
}

qf_status qf_judge(const qf_kernel *kernel, uint64_t seed, double cpu_seconds,
                   qf_validation *validation)
{
    transcript *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        return qf_fail(QF_MEMORY, "no memory to judge a kernel: %s", strerror(errno));
    shared->validation = (qf_validation){.verdict = QF_VERDICT_OK, .seed = seed};

    const pid_t child = fork();
    if (child == 0) judge_and_exit(kernel, seed, cpu_seconds, shared);
    const qf_status status =
        child > 0 ? await(child, shared)
                  : qf_fail(QF_MEMORY, "no process to judge a kernel: %s", strerror(errno));
    *validation = shared->validation;
    munmap(shared, sizeof *shared);
    return status;
}
