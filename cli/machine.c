/* machine.c -- opens the machine from the ground up and closes it from the top down. */
#include "machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "places.h"
#include "qforge/codegen.h"
#include "qforge/source.h"
#include "qforge/store.h"

qf_status cli_jit_open(qf_jit **jit)
{
    char cache[CLI_PATH_MAX];

    cli_kernel_cache(cache);
    /* A cache that cannot be made costs time, not the command. */
    const bool usable = *cache && cli_make_parents(cache) == QF_OK;
    qf_message_clear();
    return qf_jit_create(usable ? cache : NULL, jit);
}

qf_status cli_ledger_find(const char *ledger, qf_store **store)
{
    char path[CLI_PATH_MAX];

    *store = NULL;
    if (ledger && strcmp(ledger, "none") == 0) return QF_OK;
    if (cli_ledger_path(ledger, path) != QF_OK) {
        if (ledger) return QF_USAGE;
        qf_message_clear(); /* nowhere to look: the prior answers */
        return QF_OK;
    }
    const qf_status status = qf_store_open(path, QF_STORE_READ, store);
    return status == QF_NOT_FOUND ? QF_OK : status;
}

qf_status cli_ledger_open(const char *ledger, qf_store **store)
{
    QF_TRY(cli_ledger_find(ledger, store));
    if (*store || !ledger || strcmp(ledger, "none") == 0) return QF_OK;
    return qf_fail(QF_NOT_FOUND, "%s: there is no such ledger", ledger);
}

void cli_ledger_notice(const qf_store *store)
{
    static bool told;
    if (!told && *qf_store_notice(store))
        fprintf(stderr, "qforge: %s\n", qf_store_notice(store)), told = true;
}

/* Champions are a convenience: whatever is wrong with them, everything else goes on. */
static void open_champions(qf_champions *champions)
{
    const char *named = getenv("QFORGE_CHAMPIONS");

    *champions = (qf_champions){0};
    if (named && strcmp(named, "none") == 0) return;
    const qf_status status =
        named && *named ? qf_champions_load(named, champions) : qf_champions_shipped(champions);
    if (status == QF_OK) return;
    fprintf(stderr, "qforge: %s; going on without champions\n", qf_message());
    qf_message_clear();
}

static qf_status open_all(int64_t threads, const char *ledger, cli_machine *machine)
{
    if (threads < 0 || threads > 256)
        return qf_fail(QF_USAGE, "--threads: %lld is not between 0 and 256",
                       (long long)threads);
    QF_TRY(qf_cpu_detect(&machine->cpu));
    QF_TRY(cli_jit_open(&machine->jit));
    QF_TRY(cli_ledger_open(ledger, &machine->store));
    QF_TRY(qf_pool_create((int)threads, &machine->pool));
    QF_TRY(qf_tuned_create(&machine->cpu, machine->jit, machine->store, &machine->tuned));
    machine->source = qf_tuned_source(machine->tuned);
    open_champions(&machine->champions);
    if (!ledger || strcmp(ledger, "none") != 0)
        qf_tuned_ship(machine->tuned, &machine->champions);
    return QF_OK;
}

qf_status cli_machine_open(int64_t threads, const char *ledger, cli_machine *machine)
{
    memset(machine, 0, sizeof *machine);
    const qf_status status = open_all(threads, ledger, machine);
    if (status != QF_OK) cli_machine_close(machine);
    return status;
}

void cli_machine_close(cli_machine *machine)
{
    qf_tuned_destroy(machine->tuned);
    qf_pool_destroy(machine->pool);
    qf_store_close(machine->store);
    qf_jit_destroy(machine->jit);
    qf_champions_release(&machine->champions);
    memset(machine, 0, sizeof *machine);
}
