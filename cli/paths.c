/* paths.c -- required paths, and paths that must differ. */
#include "paths.h"

#include <stdbool.h>
#include <sys/stat.h>

qf_status cli_need(const char *command, const char *option, const char *text)
{
    if (text && *text) return QF_OK;
    return qf_fail(QF_USAGE, "%s: %s is missing (try qforge %s --help)", command, option,
                   command);
}

qf_status cli_distinct(const char *in, const char *out)
{
    struct stat a, b;
    const bool same =
        stat(in, &a) == 0 && stat(out, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
    return same ? qf_fail(QF_USAGE, "%s: the model read and the directory written are one", out)
                : QF_OK;
}
