/* ranks.c -- which rank this is, by the launcher's environment. */
#include "ranks.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "qforge/memory.h"

static const struct {
    const char *name, *rank, *size, *all, *beside;
    bool mpi;
} launchers[] = {
#define CLI_LAUNCHER(name, rank, size, all, beside, mpi) {name, rank, size, all, beside, mpi},
#include "ranks.def"
#undef CLI_LAUNCHER
};

/* -1 when it is not set, or no number. */
static int number(const char *variable)
{
    const char *text = *variable ? getenv(variable) : NULL;
    char *end;

    if (!text || !isdigit((unsigned char)*text)) return -1;
    const long value = strtol(text, &end, 10);
    return *end || value > 1 << 24 ? -1 : (int)value;
}

/* As hosts are named in shards: there may be one file system for all. */
static qf_status name_file(const char *ledger, cli_rank *r)
{
    char host[65] = "";
    const size_t length = strlen(ledger);
    const bool db = length > 3 && strcmp(ledger + length - 3, ".db") == 0;

    if (gethostname(host, sizeof host - 1) != 0) *host = 0;
    for (char *c = host; *c; c++)
        if (!isalnum((unsigned char)*c) && *c != '.' && *c != '-') *c = '_';
    const int size =
        snprintf(r->file, sizeof r->file, "%.*s.rank%d.%s.db", (int)(length - (db ? 3 : 0)),
                 ledger, r->rank, *host ? host : "localhost");
    if (size < (int)sizeof r->file - 16) return QF_OK;
    return qf_fail(QF_USAGE, "%.40s…: the path is too long", ledger);
}

/* A rank beyond those there are would tune alone what others tune too. */
static qf_status check(const char *rank_variable, const char *size_variable)
{
    const int rank = number(rank_variable), size = number(size_variable);

    if (rank < 0 || size < 1 || rank < size) return QF_OK;
    return qf_fail(QF_USAGE, "$%s is %d and $%s is %d: ranks count from 0", rank_variable, rank,
                   size_variable, size);
}

qf_status cli_rank_find(const char *ledger, cli_rank *r)
{
    *r = (cli_rank){.beside = 1};
    for (size_t i = 0; i < sizeof launchers / sizeof *launchers && !r->launcher; i++) {
        const int rank = number(launchers[i].rank), size = number(launchers[i].size),
                  beside = number(launchers[i].beside);
        QF_TRY(check(launchers[i].rank, size < 0 ? launchers[i].all : launchers[i].size));
        if (rank < 0 || size < 2) continue;
        *r = (cli_rank){.launcher = launchers[i].name,
                        .rank = rank,
                        .size = size,
                        .beside = beside > 1 ? beside : 1,
                        .mpi = launchers[i].mpi};
    }
    if (!r->launcher) return QF_OK;
    snprintf(r->shard, sizeof r->shard, "%d/%d", r->rank + 1, r->size);
    return name_file(ledger, r);
}

/* "…/qforge-mpi" for "…/qforge"; false when there is none to run. */
static bool find_beside(char self[CLI_PATH_MAX], char path[CLI_PATH_MAX + 16])
{
    const ssize_t size = readlink("/proc/self/exe", self, CLI_PATH_MAX - 1);

    if (size <= 0) return false;
    self[size] = 0;
    const char *slash = strrchr(self, '/');
    if (!slash) return false;
    snprintf(path, CLI_PATH_MAX + 16, "%.*s/qforge-mpi", (int)(slash - self), self);
    return access(path, X_OK) == 0;
}

qf_status cli_rank_join(const cli_rank *r, const char *ledger, char *const argv[])
{
    char self[CLI_PATH_MAX], path[CLI_PATH_MAX + 16], size[16];
    int count = 0, used = 0;

    if (!r->mpi || !find_beside(self, path)) return QF_NOT_FOUND;
    while (argv[count]) count++;
    const char **all = qf_alloc_array((size_t)count + 6, sizeof *all);
    if (!all) return QF_MEMORY;
    snprintf(size, sizeof size, "%d", r->size);
    const char *const first[] = {path, self, ledger, r->file, size};
    for (size_t i = 0; i < sizeof first / sizeof *first; i++) all[used++] = first[i];
    for (int i = 0; i < count; i++) all[used++] = argv[i];
    all[used] = NULL;
    execv(path, (char *const *)(uintptr_t)all);
    const int cause = errno;
    qf_free(all);
    return qf_fail(QF_IO, "%s: %s", path, strerror(cause));
}
