/* relay.c -- a socket on one side, MPI on the other. */
#include "relay.h"

#include <fcntl.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "errand.h"
#include "qforge/memory.h"
#include "qforge/team_wire.h"

enum { PIECE = 1 << 20 };

/* What a member wants next; together they go on when all want a broadcast. */
enum { FAILED, ENDED, BROADCAST };

typedef struct relay {
    int socket, rank;
    char *piece;
} relay;

/* ---- MPI without burning the core that a member computes on ---- */

static void finish(MPI_Request *request)
{
    int done = 0;
    for (;;) {
        MPI_Test(request, &done, MPI_STATUS_IGNORE);
        if (done) return;
        nanosleep(&(struct timespec){0, 200 * 1000}, NULL);
    }
}

/* The least and the most that any member wants. */
static void agree(int want, int *least, int *most)
{
    int mine[2] = {want, -want}, all[2];
    MPI_Request request;

    MPI_Iallreduce(mine, all, 2, MPI_INT, MPI_MIN, MPI_COMM_WORLD, &request);
    finish(&request);
    *least = all[0];
    *most = -all[1];
}

static bool carry(relay *r, const qf_team_request *ask)
{
    const bool mine = ask->from == r->rank;
    bool well = true;

    for (int64_t at = 0; at < ask->bytes; at += PIECE) {
        const int size = (int)(ask->bytes - at < PIECE ? ask->bytes - at : PIECE);
        MPI_Request request;
        if (mine) well = well && qf_team_get(r->socket, r->piece, (size_t)size);
        MPI_Ibcast(r->piece, size, MPI_BYTE, (int)ask->from, MPI_COMM_WORLD, &request);
        finish(&request);
        if (!mine) well = well && qf_team_put(r->socket, r->piece, (size_t)size);
    }
    return well;
}

/* Until all have ended, or one has failed; whether all went well. */
static bool relay_all(relay *r)
{
    for (bool well = true;;) {
        qf_team_request ask;
        int want = FAILED, least, most;
        if (well) want = qf_team_get(r->socket, &ask, sizeof ask) ? BROADCAST : ENDED;
        agree(want, &least, &most);
        if (least != most || most != BROADCAST) return least == ENDED && most == ENDED;
        well = carry(r, &ask);
    }
}

/* ---- the member ---- */

static qf_status run_member(relay *r, char *const argv[], int other_end, bool *together,
                            errand_end *end)
{
    pid_t child;

    QF_TRY(errand_start(argv, r->rank != 0, &child));
    close(other_end);
    *together = relay_all(r);
    shutdown(r->socket, SHUT_RDWR);
    return errand_wait(argv, child, end);
}

static qf_status run(relay *r, char *qforge, char **argument, int arguments, int ranks,
                     bool *together, errand_end *end)
{
    char team[64];
    int ends[2];
    char **argv = qf_alloc_array((size_t)arguments + 2, sizeof *argv);

    r->piece = qf_alloc(PIECE);
    if (!argv || !r->piece || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0 ||
        fcntl(ends[0], F_SETFD, FD_CLOEXEC) != 0) {
        qf_free(argv);
        qf_free(r->piece);
        return qf_fail(QF_MEMORY, "no room for a member of the team");
    }
    argv[0] = qforge;
    for (int i = 0; i < arguments; i++) argv[i + 1] = argument[i];
    snprintf(team, sizeof team, "%d:%d:%d", ends[1], r->rank, ranks);
    setenv(QF_TEAM_VARIABLE, team, 1);
    r->socket = ends[0];
    const qf_status status = run_member(r, argv, ends[1], together, end);
    close(r->socket);
    qf_free(argv);
    qf_free(r->piece);
    return status;
}

int relay_run(char *qforge, char **argument, int arguments, int rank, int ranks)
{
    relay r = {.rank = rank};
    errand_end end = {0};
    bool together = false;

    qf_message_clear();
    const qf_status status = run(&r, qforge, argument, arguments, ranks, &together, &end);
    if (status != QF_OK) fprintf(stderr, "qforge: rank %d: %s\n", rank, qf_message());
    if (status != QF_OK) return qf_status_exit_code(status);
    if (end.signal)
        fprintf(stderr,
                "qforge: rank %d died (%s); --resume goes on from the last checkpoint\n", rank,
                strsignal(end.signal));
    if (end.signal || (end.code == 0 && !together)) return 1;
    return end.code;
}
