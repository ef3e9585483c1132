/* qforge/team_wire.h -- what a member of a team of training processes and the process that
 * relays for it say to each other, over a socket they share.
 *
 * $QFORGE_TEAM is "DESCRIPTOR:MEMBER:SIZE".  The member writes a request; when it is the one
 * the data come from, the data follow, else it reads them.  The relay closes the socket when
 * the team cannot go on. */
#ifndef QFORGE_TEAM_WIRE_H
#define QFORGE_TEAM_WIRE_H

#include <stdint.h>

#define QF_TEAM_VARIABLE "QFORGE_TEAM"

typedef struct qf_team_request {
    int64_t from;  /* member the data come from */
    int64_t bytes; /* of them */
} qf_team_request;

#endif
