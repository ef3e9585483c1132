/* sql.c -- opening, statements, transactions, and the sentences of what goes wrong. */
#include "sql.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "qforge/memory.h"

enum { BUSY_MS = 10000, STATEMENTS = 64, PATH_BYTES = 4096, URI_BYTES = 3 * PATH_BYTES + 48 };

struct sql_db {
    sqlite3 *handle;
    char *path;
    int flags;
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

/* What people keep ledgers in, and forget. */
static bool is_compressed(const char *path)
{
    unsigned char head[2] = {0};
    FILE *file = fopen(path, "rbe");
    const bool read = file && fread(head, sizeof head, 1, file) == 1;

    if (file) fclose(file);
    return read && head[0] == 0x1f && head[1] == 0x8b;
}

static qf_status fail(const sql_db *db, int code)
{
    const char *cause = cause_of(code);
    const int error = sqlite3_system_errno(db->handle);

    if ((code & 0xff) == SQLITE_NOTADB && is_compressed(db->path))
        return qf_fail(QF_DATABASE, "%s: %s: it is compressed, gunzip it first", db->path,
                       cause);
    if (cause) return qf_fail(QF_DATABASE, "%s: %s", db->path, cause);
    if ((code & 0xff) == SQLITE_CANTOPEN || (code & 0xff) == SQLITE_IOERR)
        return qf_fail(QF_DATABASE, "%s: %s: %s", db->path, sqlite3_errstr(code & 0xff),
                       error ? strerror(error) : "the file system refused");
    return qf_fail(QF_DATABASE, "%s: %s", db->path, sqlite3_errmsg(db->handle));
}

/* ---- opening ------------------------------------------------------------------------ */

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
    const int code = sqlite3_open_v2(name, &db->handle, flags | SQLITE_OPEN_URI, NULL);
    if (!db->handle) return qf_fail(QF_MEMORY, "%s: no memory to open it", db->path);
    if (code != SQLITE_OK) return fail(db, code);
    sqlite3_extended_result_codes(db->handle, 1);
    sqlite3_busy_timeout(db->handle, BUSY_MS);
    sql_defend(db, true);
    QF_TRY(sql_script(db, "PRAGMA trusted_schema = OFF; PRAGMA foreign_keys = ON;"
                          "PRAGMA cell_size_check = ON;"));
    return sql_script(db, db->flags & SQL_NETWORK ? "PRAGMA synchronous = FULL"
                                                  : "PRAGMA synchronous = NORMAL");
}

/* A log with nothing in it: the file alone is the whole truth. */
static bool log_is_empty(const char *path)
{
    char name[PATH_BYTES + 8];
    struct stat file;

    snprintf(name, sizeof name, "%s-wal", path);
    return stat(name, &file) != 0 || file.st_size == 0;
}

/* A path as a URI, in which alone it can be said how to open it. */
static void print_uri(const char *path, const char *query, char uri[URI_BYTES])
{
    size_t used = (size_t)snprintf(uri, URI_BYTES, *path == '/' ? "file://" : "file:");

    for (const char *c = path; *c && used + 4 < URI_BYTES - 32; c++) {
        const bool plain = *c != '%' && *c != '?' && *c != '#';
        used += (size_t)snprintf(uri + used, 4, plain ? "%c" : "%%%02X", *c);
    }
    snprintf(uri + used, URI_BYTES - used, "?%s", query);
}

static qf_status connect_as(sql_db *db, const char *query, int flags)
{
    char uri[URI_BYTES];
    print_uri(db->path, query, uri);
    return connect_to(db, uri, flags);
}

static qf_status probe(sql_db *db)
{
    return sql_script(db, "SELECT count(*) FROM sqlite_schema");
}

static qf_status read_immutable(sql_db *db)
{
    db->flags |= SQL_IMMUTABLE;
    QF_TRY(connect_as(db, "immutable=1", SQLITE_OPEN_READONLY));
    return probe(db);
}

/* On a read-only file system SQLite cannot make the log's index; nobody else can write
 * there either, so the file may be read as it lies. */
static qf_status open_reader(sql_db *db)
{
    if (db->flags & SQL_IMMUTABLE) return read_immutable(db);
    qf_status status = connect_as(db, "mode=ro", SQLITE_OPEN_READONLY);
    if (status == QF_OK) status = probe(db);
    if (status != QF_DATABASE || !log_is_empty(db->path)) return status;
    const int code = sqlite3_errcode(db->handle) & 0xff;
    if (code != SQLITE_CANTOPEN && code != SQLITE_READONLY) return status;
    return read_immutable(db);
}

static qf_status open_writer(sql_db *db)
{
    QF_TRY(connect_as(db, "mode=rwc", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE));
    QF_TRY(probe(db));
    /* SQLite falls back to reading when it may not write. */
    return sqlite3_db_readonly(db->handle, "main") ? fail(db, SQLITE_READONLY) : QF_OK;
}

qf_status sql_open(const char *path, int flags, sql_db **out)
{
    const bool write = flags & SQL_WRITE;

    *out = NULL;
    if (strlen(path) >= PATH_BYTES)
        return qf_fail(QF_DATABASE, "%.40s…: the path is too long", path);
    QF_TRY(check_file(path, write));
    sql_db *db = qf_alloc(sizeof *db);
    if (!db) return QF_MEMORY;
    db->flags = flags;
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

qf_status sql_attach(sql_db *db, const sql_db *source)
{
    char uri[URI_BYTES];
    print_uri(source->path, source->flags & SQL_IMMUTABLE ? "immutable=1" : "mode=ro", uri);
    return sql_run(db, "ATTACH DATABASE ?1 AS src", SQL_VALUES(sql_text(uri)));
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

bool sql_is_null(sql_row *row, int column)
{
    return sqlite3_column_type(row, column) == SQLITE_NULL;
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
    const char *mode =
        db->flags & SQL_NETWORK ? "PRAGMA journal_mode = DELETE" : "PRAGMA journal_mode = WAL";
    int code = SQLITE_BUSY;

    for (int waited = 0; waited < BUSY_MS; waited += NAP_MS) {
        code = sqlite3_exec(db->handle, mode, NULL, NULL, NULL);
        if ((code & 0xff) != SQLITE_BUSY) break;
        sqlite3_sleep(NAP_MS);
    }
    return code == SQLITE_OK ? QF_OK : fail(db, code);
}

void sql_trim_log(sql_db *db)
{
    enum { PATIENCE_MS = 50, LARGE = 16 << 20 };
    char name[PATH_BYTES + 8];
    struct stat file;

    snprintf(name, sizeof name, "%s-wal", db->path);
    if (stat(name, &file) != 0 || file.st_size < LARGE) return;
    sqlite3_busy_timeout(db->handle, PATIENCE_MS);
    sqlite3_wal_checkpoint_v2(db->handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    sqlite3_busy_timeout(db->handle, BUSY_MS);
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
