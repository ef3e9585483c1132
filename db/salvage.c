/* salvage.c -- every row that can still be read, from a damaged ledger into a new one.
 *
 * Tables are walked by their ids.  Where reading fails, the next id from which it goes on is
 * looked for by doubling and then halving the step, so that one damaged page costs its own
 * rows.  The new ledger's constraints refuse what makes no sense any more. */
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ledger.h"
#include "qforge/store_care.h"

/* Whoever is referred to comes first. */
static const char *const tables[] = {"machine",    "generator", "session", "problem",
                                     "kernel",     "trial",     "outcome", "validation",
                                     "comparison", "election",  "latency"};

typedef struct rescue {
    sqlite3 *from, *to;
    const char *path, *out;
    qf_salvage *result;
} rescue;

typedef struct walk {
    sqlite3_stmt *read, *write;
    int columns;
    int64_t last; /* id */
} walk;

static qf_status fail(const char *path, sqlite3 *db)
{
    return qf_fail(QF_DATABASE, "%s: %s", path, db ? sqlite3_errmsg(db) : "no memory");
}

/* ---- both files ------------------------------------------------------------------------ */

/* A writable schema makes SQLite go on with a file that is shorter than it should be. */
static int open_damaged(const char *path, sqlite3 **db)
{
    int code = sqlite3_open_v2(path, db, SQLITE_OPEN_READONLY, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_exec(*db, "PRAGMA writable_schema = ON; PRAGMA trusted_schema = OFF;",
                            NULL, NULL, NULL);
    sqlite3_busy_timeout(*db, 10000);
    return code;
}

/* Whether at least one table is known: the list of tables may itself be damaged. */
static bool knows_a_table(sqlite3 *db)
{
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        char text[64];
        sqlite3_stmt *row = NULL;
        snprintf(text, sizeof text, "SELECT 1 FROM %s", tables[i]);
        const int code = sqlite3_prepare_v2(db, text, -1, &row, NULL);
        sqlite3_finalize(row);
        if (code == SQLITE_OK) return true;
    }
    return false;
}

bool qf_store_salvageable(const char *path)
{
    sqlite3 *db = NULL;
    const bool chance = open_damaged(path, &db) == SQLITE_OK && knows_a_table(db);
    sqlite3_close(db);
    return chance;
}

static qf_status open_source(rescue *r)
{
    if (access(r->path, R_OK) != 0)
        return qf_fail(QF_NOT_FOUND, "%s: %s", r->path, strerror(errno));
    if (open_damaged(r->path, &r->from) != SQLITE_OK) return fail(r->path, r->from);
    if (knows_a_table(r->from)) return QF_OK;
    return qf_fail(QF_DATABASE,
                   "%s: not even its list of tables can be read: nothing to salvage", r->path);
}

static qf_status make_target(rescue *r)
{
    const ledger_site local = {0};
    struct stat info;
    qf_store *store;

    if (lstat(r->out, &info) == 0)
        return qf_fail(QF_USAGE, "%s: is there already; salvaging writes a new ledger", r->out);
    QF_TRY(ledger_open(r->out, QF_STORE_WRITE, &local, &store));
    qf_store_close(store);
    if (sqlite3_open_v2(r->out, &r->to, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK ||
        sqlite3_exec(r->to, "PRAGMA foreign_keys = ON; BEGIN IMMEDIATE", NULL, NULL, NULL) !=
            SQLITE_OK)
        return fail(r->out, r->to);
    return QF_OK;
}

/* ---- a table --------------------------------------------------------------------------- */

/* The columns that both files have, with commas; how many. */
static int common_columns(const rescue *r, const char *table, char *list, size_t size)
{
    char text[96];
    sqlite3_stmt *mine = NULL, *theirs = NULL;
    int count = 0;
    size_t used = 0;

    snprintf(text, sizeof text, "SELECT name FROM pragma_table_info('%s')", table);
    sqlite3_prepare_v2(r->to, text, -1, &mine, NULL);
    snprintf(text, sizeof text, "SELECT 1 FROM pragma_table_info('%s') WHERE name = ?1", table);
    sqlite3_prepare_v2(r->from, text, -1, &theirs, NULL);
    while (mine && theirs && sqlite3_step(mine) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(mine, 0);
        sqlite3_bind_text(theirs, 1, name, -1, SQLITE_TRANSIENT);
        if (sqlite3_step(theirs) == SQLITE_ROW && used < size)
            used +=
                (size_t)snprintf(list + used, size - used, "%s%s", count++ ? ", " : "", name);
        sqlite3_reset(theirs);
    }
    sqlite3_finalize(mine);
    sqlite3_finalize(theirs);
    return used < size ? count : 0;
}

static bool prepare_walk(const rescue *r, const char *table, walk *w)
{
    char list[512], text[1200], slots[128] = "?1";

    *w = (walk){.columns = common_columns(r, table, list, sizeof list), .last = INT64_MIN};
    if (!w->columns) return false;
    for (int i = 2, used = 2; i <= w->columns; i++)
        used += snprintf(slots + used, sizeof slots - (size_t)used, ", ?%d", i);
    snprintf(text, sizeof text,
             "SELECT rowid, %s FROM %s NOT INDEXED WHERE rowid > ?1 ORDER BY rowid", list,
             table);
    if (sqlite3_prepare_v2(r->from, text, -1, &w->read, NULL) != SQLITE_OK) return false;
    snprintf(text, sizeof text, "INSERT INTO %s (%s) VALUES (%s)", table, list, slots);
    return sqlite3_prepare_v2(r->to, text, -1, &w->write, NULL) == SQLITE_OK;
}

/* SQLITE_OK also for a row the new ledger refuses: it is counted. */
static int copy_row(const rescue *r, walk *w)
{
    for (int i = 1; i <= w->columns; i++)
        sqlite3_bind_value(w->write, i, sqlite3_column_value(w->read, i));
    const int code = sqlite3_step(w->write);
    sqlite3_reset(w->write);
    if (code == SQLITE_DONE) r->result->kept++;
    if ((code & 0xff) == SQLITE_CONSTRAINT || (code & 0xff) == SQLITE_MISMATCH)
        r->result->refused++;
    else if (code != SQLITE_DONE)
        return code;
    return SQLITE_OK;
}

/* Copies from after `last` until the end (SQLITE_DONE) or until something cannot be read; a
 * failure to write is SQLITE_ABORT. */
static int copy_run(const rescue *r, walk *w)
{
    int code;

    sqlite3_reset(w->read);
    sqlite3_bind_int64(w->read, 1, w->last);
    while ((code = sqlite3_step(w->read)) == SQLITE_ROW) {
        const int64_t id = sqlite3_column_int64(w->read, 0);
        if (id <= w->last) return SQLITE_CORRUPT; /* a page that leads back */
        if (copy_row(r, w) != SQLITE_OK) return SQLITE_ABORT;
        w->last = id;
    }
    return code;
}

static bool readable_after(walk *w, int64_t id)
{
    sqlite3_reset(w->read);
    sqlite3_bind_int64(w->read, 1, id);
    const int code = sqlite3_step(w->read);
    sqlite3_reset(w->read);
    return code == SQLITE_ROW || code == SQLITE_DONE;
}

/* Moves `last` to the first id after which reading goes on. */
static bool skip_damage(walk *w)
{
    const int64_t base = w->last < 0 ? 0 : w->last;
    int64_t step = 1;

    while (!readable_after(w, base + step)) {
        if (step > INT64_MAX / 4 || base > INT64_MAX - 2 * step) return false;
        step *= 2;
    }
    for (int64_t low = step / 2; low + 1 < step;) {
        const int64_t middle = low + (step - low) / 2;
        if (readable_after(w, base + middle))
            step = middle;
        else
            low = middle;
    }
    w->last = base + step;
    return true;
}

/* The latency table came with the second version. */
static bool never_had(const rescue *r, const char *table)
{
    sqlite3_stmt *row = NULL;
    bool older = false;

    if (strcmp(table, "latency") != 0) return false;
    sqlite3_prepare_v2(r->from, "PRAGMA user_version", -1, &row, NULL);
    if (row && sqlite3_step(row) == SQLITE_ROW) older = sqlite3_column_int(row, 0) < 2;
    sqlite3_finalize(row);
    return older;
}

static qf_status copy_table(const rescue *r, const char *table)
{
    walk w;
    int code = SQLITE_DONE;

    /* Its line in the list of tables may be what is damaged. */
    const bool known = prepare_walk(r, table, &w);
    if (!known && !never_had(r, table)) r->result->unreadable++;
    if (known)
        while ((code = copy_run(r, &w)) != SQLITE_DONE && code != SQLITE_ABORT) {
            r->result->unreadable++;
            if (!skip_damage(&w)) break;
        }
    sqlite3_finalize(w.read);
    const qf_status status = code == SQLITE_ABORT ? fail(r->out, r->to) : QF_OK;
    sqlite3_finalize(w.write);
    return status;
}

static qf_status copy_all(rescue *r)
{
    QF_TRY(open_source(r));
    QF_TRY(make_target(r));
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        QF_TRY(copy_table(r, tables[i]));
    if (sqlite3_exec(r->to, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
        return fail(r->out, r->to);
    return QF_OK;
}

qf_status qf_store_salvage(const char *path, const char *out, qf_salvage *result)
{
    rescue r = {.path = path, .out = out, .result = result};

    *result = (qf_salvage){0};
    const qf_status status = copy_all(&r);
    const bool made = r.to != NULL;
    sqlite3_close(r.from);
    sqlite3_close(r.to);
    if (status != QF_OK && made) unlink(out);
    return status;
}
