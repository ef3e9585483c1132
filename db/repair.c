/* repair.c -- mending what can be mended without losing a row. */
#include <stdio.h>
#include <string.h>

#include "backup.h"
#include "ledger.h"
#include "qforge/clock.h"
#include "qforge/store_care.h"

static qf_status make_again(void *context, const char *type, const char *name, bool there,
                            const char *text)
{
    sql_db *sql = context;
    char drop[96];

    if (strcmp(type, "table") == 0) return QF_OK; /* its rows would go with it */
    snprintf(drop, sizeof drop, "DROP %s %s", type, name);
    if (there) QF_TRY(sql_script(sql, drop));
    return sql_script(sql, text);
}

qf_status ledger_restore_schema(sql_db *sql)
{
    return ledger_compare_schema(sql, make_again, sql);
}

static qf_status mend(sql_db *sql, void *context)
{
    (void)context;
    QF_TRY(ledger_restore_schema(sql));
    QF_TRY(sql_script(sql, "REINDEX"));
    return sql_run(sql,
                   "INSERT INTO outcome (trial, verdict, detail, code_hash, done_us) "
                   "SELECT open_trial.id, 'lost', 'its session ended without its outcome', '', "
                   "?1 FROM open_trial JOIN session ON session.id = open_trial.session "
                   "WHERE session.state <> 'running'",
                   SQL_VALUES(sql_int(qf_unix_us())));
}

static qf_status mend_all(qf_store *store, const char *path)
{
    QF_TRY(ledger_prepare(store->sql, true, path));
    QF_TRY(sql_transaction(store->sql, mend, NULL));
    QF_TRY(ledger_bury_dead(store));
    return sql_script(store->sql, "PRAGMA wal_checkpoint(TRUNCATE)");
}

qf_status qf_store_repair(const char *path, char backup[QF_STORE_PATH_MAX])
{
    qf_store store = {0};
    ledger_site site;

    _Static_assert((int)QF_STORE_PATH_MAX >= (int)SQL_BACKUP_MAX, "the name of a backup");
    QF_TRY(ledger_check_owner(path, &site));
    QF_TRY(sql_backup(path, path, "repair", backup));
    QF_TRY(sql_open(path, SQL_WRITE | (site.network ? SQL_NETWORK : 0), &store.sql));
    const qf_status status = mend_all(&store, path);
    sql_close(store.sql);
    return status;
}
