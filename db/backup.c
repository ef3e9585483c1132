/* backup.c -- a copy of a ledger before something is done to it: whole, on the disk, and
 * never in the place of another. */
#include "backup.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "qforge/file.h"
#include "qforge/memory.h"

enum { BUSY_MS = 10000, NUMBERS = 1000 };

static qf_status fail(const char *path, const char *cause)
{
    return qf_fail(QF_DATABASE, "%s: cannot be written as a backup: %s", path, cause);
}

/* ---- copying ------------------------------------------------------------------------- */

/* Pages, not rows: what is damaged is kept as it is. */
static int copy_pages(sqlite3 *from, sqlite3 *to)
{
    sqlite3_backup *copy = sqlite3_backup_init(to, "main", from, "main");
    if (!copy) return sqlite3_errcode(to);
    sqlite3_backup_step(copy, -1);
    return sqlite3_backup_finish(copy);
}

/* Through connections of its own, so that the caller may stand in a transaction. */
static qf_status copy_to(const char *path, const char *beside)
{
    sqlite3 *from = NULL, *to = NULL;
    int code = sqlite3_open_v2(path, &from, SQLITE_OPEN_READONLY, NULL);

    if (code == SQLITE_OK)
        code = sqlite3_open_v2(beside, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
    if (code == SQLITE_OK) {
        sqlite3_busy_timeout(from, BUSY_MS);
        code = copy_pages(from, to);
    }
    sqlite3_close(from);
    if (sqlite3_close(to) != SQLITE_OK && code == SQLITE_OK) code = SQLITE_IOERR;
    return code == SQLITE_OK ? QF_OK : fail(beside, sqlite3_errstr(code & 0xff));
}

static qf_status flush(const char *path)
{
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    int cause = descriptor < 0 || fsync(descriptor) != 0 ? errno : 0;

    /* File systems that cannot flush a directory say so, and nothing can be done. */
    if (cause == EINVAL) cause = 0;
    if (descriptor >= 0) close(descriptor);
    return cause ? fail(path, strerror(cause)) : QF_OK;
}

static qf_status flush_directory_of(const char *path)
{
    char *directory = qf_strdup(path);
    if (!directory) return QF_MEMORY;
    char *slash = strrchr(directory, '/');
    if (slash) slash[slash == directory] = 0;
    const qf_status status = flush(slash ? directory : ".");
    qf_free(directory);
    return status;
}

/* ---- finding it a name ----------------------------------------------------------------- */

static bool same_bytes(const char *a, const char *b)
{
    FILE *one = fopen(a, "rb"), *other = fopen(b, "rb");
    bool same = one && other;
    char left[4096], right[4096];

    while (same) {
        const size_t got = fread(left, 1, sizeof left, one);
        same = fread(right, 1, sizeof right, other) == got && memcmp(left, right, got) == 0;
        if (got < sizeof left) break;
    }
    if (one) fclose(one);
    if (other) fclose(other);
    return same;
}

/* 0, or an errno; EEXIST when the name is another file's. */
static int place(const char *beside, const char *name)
{
    if (link(beside, name) == 0) return 0;
    if (errno == EEXIST) return same_bytes(beside, name) ? 0 : EEXIST;
    /* No hard links here. */
    if (access(name, F_OK) == 0) return EEXIST;
    return rename(beside, name) == 0 ? 0 : errno;
}

static qf_status place_somewhere(const char *name, const char *label, const char *beside,
                                 char copy[SQL_BACKUP_MAX])
{
    int cause = EEXIST;

    for (int n = 1; cause == EEXIST && n < NUMBERS; n++) {
        if (n == 1)
            snprintf(copy, SQL_BACKUP_MAX, "%s.%s.bak", name, label);
        else
            snprintf(copy, SQL_BACKUP_MAX, "%s.%s.%d.bak", name, label, n);
        cause = place(beside, copy);
    }
    return cause ? fail(copy, strerror(cause)) : flush_directory_of(copy);
}

qf_status sql_backup(const char *path, const char *name, const char *label,
                     char copy[SQL_BACKUP_MAX])
{
    char beside[SQL_BACKUP_MAX];

    if (strlen(name) + strlen(label) + 32 > sizeof beside)
        return qf_fail(QF_DATABASE, "%.40s…: the path is too long for a backup", name);
    snprintf(beside, sizeof beside, "%s.%s.%ld.part", name, label, (long)getpid());
    unlink(beside); /* of a process that died */
    qf_status status = copy_to(path, beside);
    if (status == QF_OK) status = flush(beside);
    if (status == QF_OK) status = place_somewhere(name, label, beside, copy);
    unlink(beside);
    return status;
}
