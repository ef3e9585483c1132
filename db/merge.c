/* merge.c -- the facts of one ledger into another. */
#include "ledger.h"

#include <stddef.h>
#include <sys/stat.h>

extern const char qf_merge_sql[]; /* merge.sql */

/* In a store of its own: its failures name the source, and older schemas are refused. */
static qf_status open_source(const char *path, qf_store **source)
{
    qf_status status = qf_store_open(path, QF_STORE_READ, source);

    if (status == QF_NOT_FOUND) return qf_fail(QF_NOT_FOUND, "%s: there is no ledger", path);
    QF_TRY(status);
    status = qf_store_check(*source);
    if (status != QF_OK) qf_store_close(*source);
    return status;
}

static bool same_file(const char *a, const char *b)
{
    struct stat one, other;
    return stat(a, &one) == 0 && stat(b, &other) == 0 && one.st_dev == other.st_dev &&
           one.st_ino == other.st_ino;
}

static qf_status take_all(sql_db *sql, void *context)
{
    (void)context;
    return sql_script(sql, qf_merge_sql);
}

static qf_status merge_from(qf_store *store, const qf_store *source)
{
    if (same_file(sql_path(source->sql), sql_path(store->sql))) return QF_OK;
    QF_TRY(sql_attach(store->sql, source->sql));
    const qf_status status = sql_transaction(store->sql, take_all, NULL);
    const qf_status apart = sql_script(store->sql, "DETACH DATABASE src");
    return status != QF_OK ? status : apart;
}

qf_status qf_store_merge(qf_store *store, const char *path)
{
    qf_store *source;

    QF_TRY(open_source(path, &source));
    const qf_status status = merge_from(store, source);
    qf_store_close(source);
    return status;
}
