/* schema.c -- brings a file to the present version, one numbered step after the other. */
#include "ledger.h"

#include <stdio.h>

#include "backup.h"
#include "qforge/clock.h"

extern const char qf_schema_sql[], qf_upgrade_2_sql[], qf_upgrade_3_sql[], qf_upgrade_4_sql[],
    qf_upgrade_5_sql[], qf_upgrade_6_sql[], qf_upgrade_7_sql[]; /* the .sql files */

static const char *const steps[LEDGER_VERSION] = {
    qf_schema_sql,    qf_upgrade_2_sql, qf_upgrade_3_sql, qf_upgrade_4_sql,
    qf_upgrade_5_sql, qf_upgrade_6_sql, qf_upgrade_7_sql};

typedef struct stamp {
    int64_t application, version, tables;
} stamp;

static qf_status read_number(sql_db *sql, const char *text, int64_t *value)
{
    sql_row *row;
    QF_TRY(sql_find(sql, text, SQL_NONE, &row));
    *value = sql_get_int(row, 0);
    sql_done(row);
    return QF_OK;
}

/* Within a transaction, or another process that creates the file comes in between. */
static qf_status read_stamp(sql_db *sql, stamp *found)
{
    QF_TRY(read_number(sql, "PRAGMA application_id", &found->application));
    QF_TRY(read_number(sql, "PRAGMA user_version", &found->version));
    return read_number(sql, "SELECT count(*) FROM sqlite_schema", &found->tables);
}

static qf_status check_stamp(sql_db *sql, const stamp *found)
{
    const bool fresh = found->tables == 0 && found->application == 0 && found->version == 0;

    if (!fresh && found->application != LEDGER_APPLICATION)
        return qf_fail(QF_DATABASE, "%s: is a database of another program", sql_path(sql));
    if (found->version > LEDGER_VERSION)
        return qf_fail(QF_DATABASE,
                       "%s: was written by a newer qforge (schema %lld, this one knows %d)",
                       sql_path(sql), (long long)found->version, LEDGER_VERSION);
    return QF_OK;
}

static qf_status take_step(sql_db *sql, int version)
{
    char pragmas[96];

    QF_TRY(sql_script(sql, steps[version - 1]));
    snprintf(pragmas, sizeof pragmas, "PRAGMA application_id = %d; PRAGMA user_version = %d",
             LEDGER_APPLICATION, version);
    QF_TRY(sql_script(sql, pragmas));
    return sql_run(
        sql, "INSERT INTO migration VALUES (?1, ?2, ?3)",
        SQL_VALUES(sql_int(version), sql_int(qf_unix_us()), sql_text("qforge " QF_VERSION)));
}

static qf_status look_at_stamp(sql_db *sql, void *found)
{
    QF_TRY(read_stamp(sql, found));
    return check_stamp(sql, found);
}

/* Nothing is lost if a step turns out to be wrong, and older programs can go on with it. */
static qf_status keep_old(sql_db *sql, const char *name, const stamp *found)
{
    char label[24], copy[SQL_BACKUP_MAX];

    if (found->version < 1 || found->version >= LEDGER_VERSION) return QF_OK;
    snprintf(label, sizeof label, "v%lld", (long long)found->version);
    return sql_backup(sql_path(sql), name, label, copy);
}

/* All steps in one transaction: another process may have taken them meanwhile. */
static qf_status upgrade(sql_db *sql, void *context)
{
    const char *name = context;
    stamp found;
    QF_TRY(look_at_stamp(sql, &found));
    QF_TRY(keep_old(sql, name, &found));
    for (int version = (int)found.version + 1; version <= LEDGER_VERSION; version++)
        QF_TRY(take_step(sql, version));
    return QF_OK;
}

qf_status ledger_prepare(sql_db *sql, bool write, const char *name)
{
    stamp found;

    QF_TRY(sql_reading(sql, look_at_stamp, &found));
    if (write) {
        QF_TRY(sql_log_ahead(sql));
        if (found.version == LEDGER_VERSION) return QF_OK;
        sql_defend(sql, false);
        const qf_status status = sql_transaction(sql, upgrade, (void *)name);
        sql_defend(sql, true);
        return status;
    }
    /* Whoever began to make it was stopped before there was anything in it. */
    if (found.version == 0) return QF_NOT_FOUND;
    if (found.version < LEDGER_VERSION)
        return qf_fail(QF_DATABASE,
                       "%s: has the older schema %lld; `qforge tune` on it upgrades it",
                       sql_path(sql), (long long)found.version);
    return QF_OK;
}
