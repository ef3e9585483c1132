/* qforge/team_wire.h -- what a member of a team of training processes and the process that
 * relays for it say to each other, over a socket they share.
 *
 * $QFORGE_TEAM is "DESCRIPTOR:MEMBER:SIZE".  The member writes a request; when it is the one
 * the data come from, the data follow, else it reads them.  The relay closes the socket when
 * the team cannot go on. */
#ifndef QFORGE_TEAM_WIRE_H
#define QFORGE_TEAM_WIRE_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#define QF_TEAM_VARIABLE "QFORGE_TEAM"

typedef struct qf_team_request {
    int64_t from;  /* member the data come from */
    int64_t bytes; /* of them */
} qf_team_request;

/* All of it, or false: the other end is gone. */
static inline bool qf_team_get(int from, void *data, size_t size)
{
    for (char *at = (char *)data; size > 0;) {
        const ssize_t got = recv(from, at, size, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        at += got;
        size -= (size_t)got;
    }
    return true;
}

static inline bool qf_team_put(int to, const void *data, size_t size)
{
    for (const char *at = (const char *)data; size > 0;) {
        const ssize_t put = send(to, at, size, MSG_NOSIGNAL);
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return false;
        at += put;
        size -= (size_t)put;
    }
    return true;
}

#endif
