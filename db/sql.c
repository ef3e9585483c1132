/* sql.c -- opening, statements, transactions, and the sentences of what goes wrong. */
#include "sql.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "qforge/memory.h"

enum { BUSY_MS = 10000, STATEMENTS = 64, PATH_BYTES = 4096 };

struct sql_db {
    sqlite3 *handle;
    char *path;
    struct {
        const char *text; /* by address: a literal */
        sqlite3_stmt *statement;
    } kept[STATEMENTS];
    int statements;
};

/* ---- sentences ---------------------------------------------------------------------- */

static const char *cause_of(int code)
{
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return "locked by another process for too long";
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return "cannot be written: read-only";
    case SQLITE_FULL:
        return "cannot be written: the disk is full";
    case SQLITE_NOTADB:
        return "is not a ledger: no SQLite file";
    case SQLITE_CORRUPT:
        return "is damaged";
    default:
        return NULL;
    }
}

static qf_status fail(const sql_db *db, int code)
{
    const char *cause = cause_of(code);
    const int error = sqlite3_system_errno(db->handle);

    if (cause) return qf_fail(QF_DATABASE, "%s: %s", db->path, cause);
    if ((code & 0xff) == SQLITE_CANTOPEN || (code & 0xff) == SQLITE_IOERR)
        return qf_fail(QF_DATABASE, "%s: %s: %s", db->path, sqlite3_errstr(code & 0xff),
                       error ? strerror(error) : "the file system refused");
    return qf_fail(QF_DATABASE, "%s: %s", db->path, sqlite3_errmsg(db->handle));
}

/* ---- opening ------------------------------------------------------------------------ */

const char *sql_network_fs(long magic)
{
    static const struct {
        uint32_t magic;
        const char *name;
    } kinds[] = {
        {0x6969, "NFS"},      {0x517B, "SMB"},     {0xFF534D42, "CIFS"},   {0xFE534D42, "SMB"},
        {0x65735546, "FUSE"}, {0x01021997, "9p"},  {0x0BD00BD0, "Lustre"}, {0x47504653, "GPFS"},
        {0x00C36400, "Ceph"}, {0x5346414F, "AFS"}, {0x7461636F, "OCFS2"},  {0x73757245, "Coda"},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (kinds[i].magic == (uint32_t)magic) return kinds[i].name;
    return NULL;
}

/* The write-ahead log lives in shared memory, which other hosts do not see. */
static qf_status refuse_network(const char *path)
{
    char directory[PATH_BYTES];
    struct statfs system;

    if (strlen(path) >= sizeof directory)
        return qf_fail(QF_DATABASE, "%.40s…: the path is too long", path);
    strcpy(directory, path);
    char *slash = strrchr(directory, '/');
    if (slash)
        slash[slash == directory] = 0;
    else
        strcpy(directory, ".");
    if (statfs(directory, &system) != 0)
        return qf_fail(QF_DATABASE, "%s: %s", directory, strerror(errno));
    const char *kind = sql_network_fs((long)system.f_type);
    if (!kind) return QF_OK;
    return qf_fail(QF_DATABASE,
                   "%s: lies on %s, where a write-ahead log is unsafe; name a file on a "
                   "local disk",
                   path, kind);
}

static qf_status check_file(const char *path, bool write)
{
    struct stat file;

    if (stat(path, &file) != 0) {
        if (errno != ENOENT) return qf_fail(QF_DATABASE, "%s: %s", path, strerror(errno));
        return write ? QF_OK : QF_NOT_FOUND;
    }
    if (!S_ISREG(file.st_mode)) return qf_fail(QF_DATABASE, "%s: not a file", path);
    return QF_OK;
}

static qf_status connect_to(sql_db *db, const char *name, int flags)
{
    sqlite3_close(db->handle);
    const int code = sqlite3_open_v2(name, &db->handle, flags, NULL);
    if (!db->handle) return qf_fail(QF_MEMORY, "%s: no memory to open it", db->path);
    if (code != SQLITE_OK) return fail(db, code);
    sqlite3_extended_result_codes(db->handle, 1);
    sqlite3_busy_timeout(db->handle, BUSY_MS);
    sql_defend(db, true);
    return sql_script(db, "PRAGMA trusted_schema = OFF; PRAGMA foreign_keys = ON;"
                          "PRAGMA cell_size_check = ON; PRAGMA synchronous = NORMAL;");
}

/* A log with nothing in it: the file alone is the whole truth. */
static bool log_is_empty(const char *path)
{
    char name[PATH_BYTES + 8];
    struct stat file;

    snprintf(name, sizeof name, "%s-wal", path);
    return stat(name, &file) != 0 || file.st_size == 0;
}

/* On a read-only file system SQLite cannot make the log's index; nobody else can write
 * there either, so the file may be read as it lies. */
static qf_status connect_immutable(sql_db *db)
{
    char uri[3 * PATH_BYTES + 32] = "file:";
    size_t used = strlen(uri);

    for (const char *c = db->path; *c && used + 4 < sizeof uri - 16; c++) {
        const bool plain = *c != '%' && *c != '?' && *c != '#';
        used += (size_t)snprintf(uri + used, 4, plain ? "%c" : "%%%02X", *c);
    }
    strcpy(uri + used, "?immutable=1");
    return connect_to(db, uri, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI);
}

static qf_status probe(sql_db *db)
{
    return sql_script(db, "SELECT count(*) FROM sqlite_schema");
}

static qf_status open_reader(sql_db *db)
{
    qf_status status = connect_to(db, db->path, SQLITE_OPEN_READONLY);
    if (status == QF_OK) status = probe(db);
    if (status != QF_DATABASE || !log_is_empty(db->path)) return status;
    const int code = sqlite3_errcode(db->handle) & 0xff;
    if (code != SQLITE_CANTOPEN && code != SQLITE_READONLY) return status;
    QF_TRY(connect_immutable(db));
    return probe(db);
}

static qf_status open_writer(sql_db *db)
{
    QF_TRY(connect_to(db, db->path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE));
    QF_TRY(probe(db));
    /* SQLite falls back to reading when it may not write. */
    return sqlite3_db_readonly(db->handle, "main") ? fail(db, SQLITE_READONLY) : QF_OK;
}

qf_status sql_open(const char *path, bool write, sql_db **out)
{
    *out = NULL;
    QF_TRY(check_file(path, write));
    QF_TRY(refuse_network(path));
    sql_db *db = qf_alloc(sizeof *db);
    if (!db) return QF_MEMORY;
    db->path = qf_strdup(path);
    qf_status status = db->path ? QF_OK : QF_MEMORY;
    if (status == QF_OK) status = write ? open_writer(db) : open_reader(db);
    if (status == QF_OK)
        *out = db;
    else
        sql_close(db);
    return status;
}

void sql_close(sql_db *db)
{
    if (!db) return;
    for (int i = 0; i < db->statements; i++) sqlite3_finalize(db->kept[i].statement);
    sqlite3_close(db->handle);
    qf_free(db->path);
    qf_free(db);
}

const char *sql_path(const sql_db *db)
{
    return db->path;
}

/* ---- statements --------------------------------------------------------------------- */

static qf_status statement_of(sql_db *db, const char *text, sqlite3_stmt **statement)
{
    for (int i = 0; i < db->statements; i++) {
        if (db->kept[i].text != text) continue;
        *statement = db->kept[i].statement;
        return QF_OK;
    }
    QF_ASSERT(db->statements < STATEMENTS);
    const int code =
        sqlite3_prepare_v3(db->handle, text, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL);
    if (code != SQLITE_OK) return fail(db, code);
    db->kept[db->statements].text = text;
    db->kept[db->statements++].statement = *statement;
    return QF_OK;
}

static int bind(sqlite3_stmt *statement, int slot, const sql_value *value)
{
    switch (value->kind) {
    case SQL_INT:
        return sqlite3_bind_int64(statement, slot, value->integer);
    case SQL_REAL:
        return sqlite3_bind_double(statement, slot, value->real);
    case SQL_TEXT:
        return sqlite3_bind_text(statement, slot, value->text, -1, SQLITE_TRANSIENT);
    case SQL_NULL:
        break;
    }
    return sqlite3_bind_null(statement, slot);
}

qf_status sql_next(sql_db *db, sql_row *row)
{
    const int code = sqlite3_step(row);
    if (code == SQLITE_ROW) return QF_OK;
    const qf_status status = code == SQLITE_DONE ? QF_NOT_FOUND : fail(db, code);
    sql_done(row);
    return status;
}

void sql_done(sql_row *row)
{
    sqlite3_reset(row);
    sqlite3_clear_bindings(row);
}

qf_status sql_find(sql_db *db, const char *text, const sql_value *values, int count,
                   sql_row **row)
{
    QF_TRY(statement_of(db, text, row));
    for (int i = 0; i < count; i++) {
        const int code = bind(*row, i + 1, &values[i]);
        if (code != SQLITE_OK) return fail(db, code);
    }
    return sql_next(db, *row);
}

qf_status sql_run(sql_db *db, const char *text, const sql_value *values, int count)
{
    sql_row *row;
    const qf_status status = sql_find(db, text, values, count, &row);
    QF_ASSERT(status != QF_OK); /* it gave a row */
    return status == QF_NOT_FOUND ? QF_OK : status;
}

int64_t sql_get_int(sql_row *row, int column)
{
    return sqlite3_column_int64(row, column);
}

double sql_get_real(sql_row *row, int column)
{
    return sqlite3_column_double(row, column);
}

const char *sql_get_text(sql_row *row, int column)
{
    const char *text = (const char *)sqlite3_column_text(row, column);
    return text ? text : "";
}

int64_t sql_last_id(sql_db *db)
{
    return sqlite3_last_insert_rowid(db->handle);
}

qf_status sql_script(sql_db *db, const char *script)
{
    const int code = sqlite3_exec(db->handle, script, NULL, NULL, NULL);
    return code == SQLITE_OK ? QF_OK : fail(db, code);
}

void sql_defend(sql_db *db, bool on)
{
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, (int)on, (int *)NULL);
}

/* SQLite does not wait for others when it changes the kind of log: two who create a file
 * at once would fail. */
qf_status sql_log_ahead(sql_db *db)
{
    enum { NAP_MS = 10 };
    int code = SQLITE_BUSY;

    for (int waited = 0; waited < BUSY_MS; waited += NAP_MS) {
        code = sqlite3_exec(db->handle, "PRAGMA journal_mode = WAL", NULL, NULL, NULL);
        if ((code & 0xff) != SQLITE_BUSY) break;
        sqlite3_sleep(NAP_MS);
    }
    return code == SQLITE_OK ? QF_OK : fail(db, code);
}

static qf_status transact(sql_db *db, const char *begin, sql_body *body, void *context)
{
    QF_TRY(sql_script(db, begin));
    qf_status status = body(db, context);
    if (status == QF_OK) status = sql_script(db, "COMMIT");
    /* Some failures have rolled back already. */
    if (status != QF_OK && !sqlite3_get_autocommit(db->handle))
        sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
    return status;
}

qf_status sql_transaction(sql_db *db, sql_body *body, void *context)
{
    return transact(db, "BEGIN IMMEDIATE", body, context);
}

qf_status sql_reading(sql_db *db, sql_body *body, void *context)
{
    return transact(db, "BEGIN", body, context);
}

qf_status sql_integrity(sql_db *db)
{
    static const char *const checks[] = {"PRAGMA integrity_check(1)",
                                         "PRAGMA foreign_key_check"};
    sql_row *row;

    QF_TRY(sql_find(db, checks[0], SQL_NONE, &row));
    const bool sound = strcmp(sql_get_text(row, 0), "ok") == 0;
    if (!sound) qf_fail(QF_DATABASE, "%s: is damaged: %s", db->path, sql_get_text(row, 0));
    sql_done(row);
    if (!sound) return QF_DATABASE;
    const qf_status status = sql_find(db, checks[1], SQL_NONE, &row);
    if (status != QF_OK) return status == QF_NOT_FOUND ? QF_OK : status;
    qf_fail(QF_DATABASE, "%s: a row of table %s refers to nothing", db->path,
            sql_get_text(row, 0));
    sql_done(row);
    return QF_DATABASE;
}
