/* team.c -- the member's end of the socket (qforge/team_wire.h). */
#include "team.h"

#include <stdio.h>
#include <stdlib.h>

#include "qforge/team_wire.h"
#include "ranks.h"

static int team_socket, team_member;

static qf_status gone(void)
{
    return qf_fail(QF_IO, "member %d: the others of the team have ended", team_member);
}

static qf_status broadcast(void *self, int from, void *data, int64_t bytes)
{
    const qf_team_request ask = {from, bytes};

    (void)self;
    if (!qf_team_put(team_socket, &ask, sizeof ask)) return gone();
    const bool well = from == team_member ? qf_team_put(team_socket, data, (size_t)bytes)
                                          : qf_team_get(team_socket, data, (size_t)bytes);
    return well ? QF_OK : gone();
}

qf_status cli_team_refuse(const char *what)
{
    cli_rank rank;

    QF_TRY(cli_rank_find("-", &rank));
    if (!rank.launcher) return QF_OK;
    return qf_fail(QF_USAGE, "%s: %d ranks of %s would all do the same", what, rank.size,
                   rank.launcher);
}

qf_status cli_team_join(char *const argv[], tr_team *team)
{
    const char *given = getenv(QF_TEAM_VARIABLE);
    cli_rank rank;
    int size;

    *team = (tr_team){.size = 1};
    if (given) {
        if (sscanf(given, "%d:%d:%d", &team_socket, &team_member, &size) != 3 || size < 2 ||
            team_member < 0 || team_member >= size)
            return qf_fail(QF_USAGE, "$" QF_TEAM_VARIABLE ": '%s' is no team", given);
        *team = (tr_team){team_member, size, NULL, broadcast};
        return QF_OK;
    }
    QF_TRY(cli_rank_find("-", &rank));
    if (!rank.launcher) return QF_OK;
    const qf_status status = cli_rank_join(&rank, "-", argv);
    if (status != QF_NOT_FOUND) return status;
    return qf_fail(QF_USAGE,
                   "train: %d ranks of %s would train the same model apart: this build has no "
                   "qforge-mpi",
                   rank.size, rank.launcher);
}
