/* relay.h -- one rank of `mpirun qforge train …`: carries what members of a team tell each
 * other.
 *
 *     qforge train --socket--> qforge-mpi == MPI ==> qforge-mpi --socket--> qforge train
 *
 * The member asks (team_wire.h) for data of one of them to come to all; all ask alike. */
#ifndef QF_FLEET_RELAY_H
#define QF_FLEET_RELAY_H

/* Runs `qforge` with the arguments (argument[0] is the verb, NULL at the end) as member `rank`
 * of `ranks` and relays until it ends; returns its exit code.  When one member fails all are
 * stopped: none can go on alone. */
int relay_run(char *qforge, char **argument, int arguments, int rank, int ranks);

#endif
