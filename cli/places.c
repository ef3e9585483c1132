/* places.c -- environment, then XDG, then home. */
#include "places.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *set(const char *variable)
{
    const char *value = getenv(variable);
    return value && *value ? value : NULL;
}

/* False when nothing says where, or it is too long. */
static bool place(const char *variable, const char *xdg, const char *below_home,
                  const char *name, char path[CLI_PATH_MAX])
{
    int size = -1;
    if (set(variable))
        size = snprintf(path, CLI_PATH_MAX, "%s", set(variable));
    else if (set(xdg))
        size = snprintf(path, CLI_PATH_MAX, "%s/qforge/%s", set(xdg), name);
    else if (set("HOME"))
        size = snprintf(path, CLI_PATH_MAX, "%s/%s/qforge/%s", set("HOME"), below_home, name);
    return size >= 0 && size < CLI_PATH_MAX;
}

qf_status cli_ledger_path(const char *option, char path[CLI_PATH_MAX])
{
    if (option) {
        if (snprintf(path, CLI_PATH_MAX, "%s", option) < CLI_PATH_MAX && *path) return QF_OK;
        return qf_fail(QF_USAGE, "--db: '%.40s' is no path of a ledger", option);
    }
    if (place("QFORGE_DB", "XDG_DATA_HOME", ".local/share", "tuning.db", path)) return QF_OK;
    return qf_fail(QF_USAGE, "no place for the ledger: name one with --db or QFORGE_DB");
}

void cli_kernel_cache(char path[CLI_PATH_MAX])
{
    if (!place("QFORGE_CACHE", "XDG_CACHE_HOME", ".cache", "kernels", path)) *path = 0;
}

qf_status cli_make_parents(const char *path)
{
    char part[CLI_PATH_MAX];

    if (snprintf(part, sizeof part, "%s", path) >= (int)sizeof part)
        return qf_fail(QF_USAGE, "%.40s…: the path is too long", path);
    for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        if (mkdir(part, 0777) != 0 && errno != EEXIST)
            return qf_fail(QF_IO, "%s: cannot make the directory: %s", part, strerror(errno));
        *slash = '/';
    }
    return QF_OK;
}

/* What is wrong with the file itself is for whoever opens it to say. */
static qf_status need_parent(const char *path)
{
    char parent[CLI_PATH_MAX];
    struct stat info;

    snprintf(parent, sizeof parent, "%s", path);
    char *slash = strrchr(parent, '/');
    if (!slash || slash == parent) return QF_OK;
    *slash = 0;
    if (stat(parent, &info) == 0 || (errno != ENOENT && errno != ENOTDIR)) return QF_OK;
    return qf_fail(QF_IO, "--db: there is no directory %s", parent);
}

qf_status cli_ledger_to_write(const char *option, char path[CLI_PATH_MAX])
{
    if (option && strcmp(option, "none") == 0)
        return qf_fail(QF_USAGE,
                       "--db: 'none' is no ledger, and results need one to be kept in");
    QF_TRY(cli_ledger_path(option, path));
    return option ? need_parent(path) : cli_make_parents(path);
}
