/* errand.c -- fork, exec, wait. */
#include "errand.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CANNOT_RUN = 127 };

/* Nothing of MPI may be touched between fork and exec. */
static _Noreturn void become(char *const argv[], bool quiet, pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) _exit(CANNOT_RUN);
    if (quiet) {
        const int nowhere = open("/dev/null", O_WRONLY);
        if (nowhere >= 0) dup2(nowhere, STDOUT_FILENO);
    }
    execv(argv[0], argv);
    _exit(CANNOT_RUN);
}

qf_status errand_start(char *const argv[], bool quiet, pid_t *child)
{
    const pid_t parent = getpid();

    *child = fork();
    if (*child == 0) become(argv, quiet, parent);
    if (*child < 0) return qf_fail(QF_MEMORY, "no process to work in: %s", strerror(errno));
    return QF_OK;
}

qf_status errand_wait(char *const argv[], pid_t child, errand_end *end)
{
    int wait_status;

    while (waitpid(child, &wait_status, 0) < 0)
        if (errno != EINTR)
            return qf_fail(QF_IO, "%s: lost its process: %s", argv[0], strerror(errno));
    end->signal = WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : 0;
    end->code = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 0;
    if (end->code == CANNOT_RUN) return qf_fail(QF_IO, "%s: cannot be run", argv[0]);
    return QF_OK;
}

qf_status errand_run(char *const argv[], bool quiet, errand_end *end)
{
    pid_t child;

    QF_TRY(errand_start(argv, quiet, &child));
    return errand_wait(argv, child, end);
}
