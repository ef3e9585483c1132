/* team.h -- this process as a member of a team that trains one model. */
#ifndef QF_CLI_TEAM_H
#define QF_CLI_TEAM_H

#include "train/qfa/micro_batches.h"

/* QF_USAGE when this is one of several ranks, for what knows no teams. */
QF_MUST_CHECK qf_status cli_team_refuse(const char *what);

/* The team of $QFORGE_TEAM, one alone without it.  A rank that mpirun started becomes
 * qforge-mpi, which starts this command again as a member: argv is then the command's, NULL at
 * the end.  QF_USAGE when a launcher started several that cannot find each other. */
QF_MUST_CHECK qf_status cli_team_join(char *const argv[], tr_team *team);

#endif
