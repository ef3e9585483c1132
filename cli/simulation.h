/* simulation.h -- qforge tune --simulate: strategies on spaces measured before. */
#ifndef QF_CLI_SIMULATION_H
#define QF_CLI_SIMULATION_H

#include <stdbool.h>
#include <stdint.h>

#include "qforge/status.h"

typedef struct cli_simulation {
    const char *file;     /* a ledger or a cache of Kernel Tuner */
    const char *strategy; /* NULL: all */
    int runs;
    uint64_t seed;
    bool json;
} cli_simulation;

/* Prints how near to the fastest each strategy comes for its trials. */
QF_MUST_CHECK qf_status cli_simulate(const cli_simulation *simulation);

#endif
