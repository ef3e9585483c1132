/* machine.c -- opens the machine from the ground up and closes it from the top down. */
#include "machine.h"

#include <string.h>

#include "qforge/codegen.h"

qf_status cli_machine_open(int64_t threads, const char *ledger, cli_machine *machine)
{
    (void)ledger;
    memset(machine, 0, sizeof *machine);
    machine->source = &qf_reference_source;
    QF_TRY(qf_cpu_detect(&machine->cpu));
    QF_TRY(qf_jit_create(NULL, &machine->jit));
    QF_TRY(qf_pool_create((int)threads, &machine->pool));
    return QF_OK;
}

void cli_machine_close(cli_machine *machine)
{
    qf_pool_destroy(machine->pool);
    qf_jit_destroy(machine->jit);
    memset(machine, 0, sizeof *machine);
}
