/* worker.c -- fork, limits, the shared page, the reading of deaths. */
#include "worker.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

/* What parent and child share, with the record behind it. */
typedef struct report {
    qf_status status;
    char sentence[200]; /* of a status that is not OK */
    volatile bool finished;
    _Alignas(max_align_t) unsigned char record[];
} report;

static const int deadly[] = {SIGSEGV, SIGBUS,  SIGILL,  SIGFPE,
                             SIGABRT, SIGTRAP, SIGPROF, SIGALRM};
/* To a whole group of processes: what they mean is the parent's to decide. */
static const int for_the_parent[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

static void set_limits(double cpu_seconds)
{
    const struct itimerval cpu = {
        .it_value = {(time_t)cpu_seconds,
                     (suseconds_t)(1e6 * (cpu_seconds - (double)(time_t)cpu_seconds))}};
    sigset_t none;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_DUMPABLE, 0);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++) signal(deadly[i], SIG_DFL);
    for (size_t i = 0; i < sizeof for_the_parent / sizeof *for_the_parent; i++)
        signal(for_the_parent[i], SIG_IGN);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setitimer(ITIMER_PROF, &cpu, NULL);       /* hung: burns time */
    alarm((unsigned)(20 * cpu_seconds) + 30); /* hung: sleeps */
}

static _Noreturn void work_and_exit(qf_work *work, void *context, double cpu_seconds,
                                    report *shared)
{
    set_limits(cpu_seconds);
    shared->status = work(context, shared->record);
    if (shared->status != QF_OK)
        snprintf(shared->sentence, sizeof shared->sentence, "%s", qf_message());
    shared->finished = true;
    _exit(0);
}

/* No kernel kills its process with SIGKILL: that is somebody else, most likely the kernel of
 * the system for want of memory, and no verdict on the work. */
static qf_status read_death(int wait_status, qf_death *death)
{
    const int number = WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : 0;
    if (number == SIGKILL)
        return qf_fail(QF_MEMORY, "the working process was killed; is memory short?");
    const bool hung = number == SIGPROF || number == SIGALRM;
    const char *how = hung     ? "did not return"
                      : number ? strsignal(number)
                               : "ended the process";

    death->verdict = hung ? QF_VERDICT_TIMEOUT : QF_VERDICT_CRASH;
    snprintf(death->how, sizeof death->how, "%s", how);
    return QF_OK;
}

static qf_status await(pid_t child, const report *shared, qf_death *death)
{
    int wait_status;

    while (waitpid(child, &wait_status, 0) < 0)
        if (errno != EINTR)
            return qf_fail(QF_IO, "lost the working process: %s", strerror(errno));
    if (!shared->finished) return read_death(wait_status, death);
    if (shared->status != QF_OK) return qf_fail(shared->status, "%s", shared->sentence);
    return QF_OK;
}

qf_status qf_work_apart(qf_work *work, void *context, void *record, size_t size,
                        double cpu_seconds, qf_death *death)
{
    const size_t shared_size = sizeof(report) + size;
    report *shared =
        mmap(NULL, shared_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    *death = (qf_death){.verdict = QF_VERDICT_OK};
    if (shared == MAP_FAILED)
        return qf_fail(QF_MEMORY, "no memory for a working process: %s", strerror(errno));
    memcpy(shared->record, record, size);
    const pid_t child = fork();
    if (child == 0) work_and_exit(work, context, cpu_seconds, shared);
    const qf_status status =
        child > 0 ? await(child, shared, death)
                  : qf_fail(QF_MEMORY, "no process to work in: %s", strerror(errno));
    memcpy(record, shared->record, size);
    munmap(shared, shared_size);
    return status;
}
