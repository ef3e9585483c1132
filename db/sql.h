/* sql.h -- the house's manners with SQLite, and nothing about what is stored.
 *
 * Text given to sql_run and sql_find is a string literal: statements are prepared once
 * and kept under its address.  Every failure is QF_DATABASE with a sentence that names
 * the file. */
#ifndef QF_DB_SQL_H
#define QF_DB_SQL_H

#include <stdbool.h>
#include <stdint.h>

#include "qforge/status.h"

struct sqlite3_stmt;
typedef struct sql_db sql_db;
typedef struct sqlite3_stmt sql_row; /* a statement standing on a row */

enum {
    SQL_WRITE = 1,     /* creates the file; else only reads */
    SQL_NETWORK = 2,   /* it lies on a network: no memory is shared with its other users */
    SQL_IMMUTABLE = 4, /* nobody changes it: no locks */
};

/* QF_NOT_FOUND (no sentence) when there is no file to read.  Waits up to ten seconds for
 * other writers; write-ahead log, synchronous NORMAL: a killed process loses nothing that
 * was committed.  On a network a journal instead of the log, synchronous FULL. */
QF_MUST_CHECK qf_status sql_open(const char *path, int flags, sql_db **db);
void sql_close(sql_db *db); /* NULL is fine */
const char *sql_path(const sql_db *db);

/* Makes the tables of the file of an open reader readable as src.…; writers of that file
 * go on undisturbed.  "DETACH DATABASE src" ends it. */
QF_MUST_CHECK qf_status sql_attach(sql_db *db, const sql_db *source);

/* ---- statements ---- */
typedef struct sql_value {
    enum { SQL_NULL, SQL_INT, SQL_REAL, SQL_TEXT } kind;
    int64_t integer;
    double real;
    const char *text;
} sql_value;

static inline sql_value sql_int(int64_t value)
{
    return (sql_value){.kind = SQL_INT, .integer = value};
}

static inline sql_value sql_real(double value)
{
    return (sql_value){.kind = SQL_REAL, .real = value};
}

static inline sql_value sql_text(const char *value)
{
    return (sql_value){.kind = SQL_TEXT, .text = value};
}

static inline sql_value sql_null(void)
{
    return (sql_value){.kind = SQL_NULL};
}

/* The values of ?1, ?2, … */
#define SQL_VALUES(...)                                                                        \
    (const sql_value[]){__VA_ARGS__},                                                          \
        (int)(sizeof((const sql_value[]){__VA_ARGS__}) / sizeof(sql_value))
#define SQL_NONE NULL, 0

/* Runs a statement that gives no rows. */
QF_MUST_CHECK qf_status sql_run(sql_db *db, const char *text, const sql_value *values,
                                int count);
/* Stands on the first row (QF_OK) or finds none (QF_NOT_FOUND, no sentence).  After QF_OK
 * the caller moves on with sql_next() until it is not QF_OK, or ends with sql_done(). */
QF_MUST_CHECK qf_status sql_find(sql_db *db, const char *text, const sql_value *values,
                                 int count, sql_row **row);
QF_MUST_CHECK qf_status sql_next(sql_db *db, sql_row *row);
void sql_done(sql_row *row);

int64_t sql_get_int(sql_row *row, int column);
double sql_get_real(sql_row *row, int column);
bool sql_is_null(sql_row *row, int column);
const char *sql_get_text(sql_row *row, int column); /* "" for NULL; until the next step */

int64_t sql_last_id(sql_db *db);

/* Runs body inside BEGIN IMMEDIATE … COMMIT; rolls back when it fails. */
typedef qf_status sql_body(sql_db *db, void *context);
QF_MUST_CHECK qf_status sql_transaction(sql_db *db, sql_body *body, void *context);
/* The same for reading alone: one state of the file throughout. */
QF_MUST_CHECK qf_status sql_reading(sql_db *db, sql_body *body, void *context);
/* Changes go to a write-ahead log from here on (on a network, to a journal).  Waits for
 * other processes as long as any statement does. */
QF_MUST_CHECK qf_status sql_log_ahead(sql_db *db);

/* Moves what is in the log into the file when it has grown large, unless others are in the
 * way: after a kill nobody else does, and busy writers never let each other. */
void sql_trim_log(sql_db *db);

/* Several statements of a script, no values. */
QF_MUST_CHECK qf_status sql_script(sql_db *db, const char *script);
/* Whether SQL may not touch the schema's own text (on from the start): upgrades need to. */
void sql_defend(sql_db *db, bool on);
/* Checks every page and constraint. */
QF_MUST_CHECK qf_status sql_integrity(sql_db *db);

#endif
