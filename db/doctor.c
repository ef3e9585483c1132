/* doctor.c -- what is the matter with a ledger: looked for, told, never changed. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "ledger.h"
#include "qforge/clock.h"
#include "qforge/store_care.h"

enum { LOG_MIB = 64, FREE_PERCENT = 25, FREE_PAGES = 256 };

static const struct {
    const char *name, *sql, *text, *advice;
    qf_severity severity;
    bool repairable;
} rows[] = {
#define REPAIR true
#define KEEP   false
#define QF_FINDING(id, severity, repair, sql, text, advice)                                    \
    {#id, sql, text, advice, QF_SEVERITY_##severity, repair},
#include "qforge/findings.def"
#undef QF_FINDING
#undef KEEP
#undef REPAIR
};

typedef struct doctor {
    qf_store *store;
    sql_db *sql;
    qf_finding_visit *visit;
    void *context;
} doctor;

/* Names are the table's ids in small letters. */
static const char *name_of(qf_finding_id id)
{
    static char names[QF_FINDING_COUNT][24];
    char *name = names[id];

    if (!*name)
        for (int i = 0; i < 23 && rows[id].name[i]; i++)
            name[i] = (char)tolower((unsigned char)rows[id].name[i]);
    return name;
}

qf_finding qf_finding_of(qf_finding_id id, int64_t count, const char *detail)
{
    QF_ASSERT((unsigned)id < QF_FINDING_COUNT);
    qf_finding finding = {.id = id,
                          .name = name_of(id),
                          .severity = rows[id].severity,
                          .repairable = rows[id].repairable,
                          .count = count,
                          .text = rows[id].text,
                          .advice = rows[id].advice};
    snprintf(finding.detail, sizeof finding.detail, "%s", detail);
    return finding;
}

static void tell(const doctor *d, qf_finding_id id, int64_t count, const char *detail)
{
    const qf_finding finding = qf_finding_of(id, count, detail);
    d->visit(d->context, &finding);
}

static qf_status number(sql_db *sql, const char *text, int64_t *value)
{
    const sql_value values[] = {sql_int(QF_CODE_ABI), sql_int(qf_unix_us())};
    const int count = strstr(text, "?2") ? 2 : strstr(text, "?1") ? 1 : 0;
    sql_row *row;
    QF_TRY(sql_find(sql, text, values, count, &row));
    *value = sql_get_int(row, 0);
    sql_done(row);
    return QF_OK;
}

/* ---- the file ------------------------------------------------------------------------ */

static bool is_about_index(const char *line)
{
    return strstr(line, "missing from index") || strstr(line, "entries in index") ||
           strstr(line, "entry in index");
}

/* Pages first: nothing else can be asked of a file whose pages are damaged. */
static qf_status look_at_pages(const doctor *d, bool *readable)
{
    int64_t indexes = 0, pages = 0;
    char first[160] = "", of_index[160] = "";
    sql_row *row;

    qf_status status = sql_find(d->sql, "PRAGMA integrity_check(1000)", SQL_NONE, &row);
    for (; status == QF_OK; status = sql_next(d->sql, row)) {
        const char *line = sql_get_text(row, 0);
        if (strcmp(line, "ok") == 0) continue;
        const bool index = is_about_index(line);
        char *kept = index ? of_index : first;
        if (!*kept) snprintf(kept, sizeof first, "%s", line);
        ++*(index ? &indexes : &pages);
    }
    if (status == QF_DATABASE && ++pages && !*first)
        snprintf(first, sizeof first, "%s", qf_message());
    else if (status != QF_NOT_FOUND && status != QF_DATABASE)
        return status;
    if (pages) tell(d, QF_FINDING_PAGES, pages, first);
    if (indexes) tell(d, QF_FINDING_INDEXES, indexes, of_index);
    *readable = pages == 0;
    return QF_OK;
}

static qf_status look_at_references(const doctor *d)
{
    int64_t count = 0;
    char first[160] = "";
    sql_row *row;

    qf_status status = sql_find(d->sql, "PRAGMA foreign_key_check", SQL_NONE, &row);
    for (; status == QF_OK; status = sql_next(d->sql, row))
        if (count++ == 0)
            snprintf(first, sizeof first, "row %lld of table %s, to table %s",
                     (long long)sql_get_int(row, 1), sql_get_text(row, 0),
                     sql_get_text(row, 2));
    if (count) tell(d, QF_FINDING_REFERENCES, count, first);
    return status == QF_NOT_FOUND ? QF_OK : status;
}

/* ---- its schema ----------------------------------------------------------------------- */

/* Calls visit for every object of a fresh ledger that this one lacks or has otherwise. */
qf_status ledger_compare_schema(sql_db *sql, ledger_difference *visit, void *context)
{
    sql_db *fresh;
    sql_row *row, *found;

    QF_TRY(sql_open(":memory:", SQL_WRITE, &fresh));
    qf_status status = ledger_prepare(fresh, true, "");
    if (status == QF_OK)
        status = sql_find(fresh,
                          "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL "
                          "ORDER BY type = 'trigger', type = 'view', rowid",
                          SQL_NONE, &row);
    while (status == QF_OK) {
        const char *type = sql_get_text(row, 0), *name = sql_get_text(row, 1),
                   *text = sql_get_text(row, 2);
        status = sql_find(sql, "SELECT sql FROM sqlite_schema WHERE type = ?1 AND name = ?2",
                          SQL_VALUES(sql_text(type), sql_text(name)), &found);
        const bool there = status == QF_OK;
        const bool same = there && strcmp(sql_get_text(found, 0), text) == 0;
        if (there) sql_done(found);
        if (status == QF_NOT_FOUND) status = QF_OK;
        if (status == QF_OK && !same) status = visit(context, type, name, there, text);
        if (status == QF_OK) status = sql_next(fresh, row);
    }
    sql_close(fresh);
    return status == QF_NOT_FOUND ? QF_OK : status;
}

typedef struct differences {
    int64_t tables, others;
    char table[160], other[160];
} differences;

static qf_status note_difference(void *context, const char *type, const char *name, bool there,
                                 const char *text)
{
    differences *all = context;
    const bool table = strcmp(type, "table") == 0;
    char *first = table ? all->table : all->other;
    (void)text;
    if (!*first)
        snprintf(first, sizeof all->table, "%s %s is %s", type, name,
                 there ? "another" : "missing");
    ++*(table ? &all->tables : &all->others);
    return QF_OK;
}

static qf_status look_at_schema(const doctor *d, bool *intact)
{
    differences all = {0};
    QF_TRY(ledger_compare_schema(d->sql, note_difference, &all));
    if (all.others) tell(d, QF_FINDING_SCHEMA, all.others, all.other);
    if (all.tables) tell(d, QF_FINDING_TABLES, all.tables, all.table);
    *intact = all.others + all.tables == 0;
    return QF_OK;
}

/* ---- its rows --------------------------------------------------------------------------- */

static qf_status ask(const doctor *d, qf_finding_id id)
{
    int64_t count;
    QF_TRY(number(d->sql, rows[id].sql, &count));
    if (count) tell(d, id, count, "");
    return QF_OK;
}

static qf_status look_at_sessions(const doctor *d)
{
    int64_t count;
    QF_TRY(ledger_count_dead(d->store, &count));
    if (count) tell(d, QF_FINDING_DEAD_SESSIONS, count, "");
    return QF_OK;
}

static bool is_readable(const char *name, bool kernel)
{
    qf_problem problem;
    qf_kernel_id id;
    const bool known =
        (kernel ? qf_kernel_parse(name, &id) : qf_problem_parse(name, &problem)) == QF_OK;
    qf_message_clear();
    return known;
}

static qf_status look_at_names(const doctor *d)
{
    int64_t count = 0;
    char first[160] = "";
    sql_row *row;

    qf_status status = sql_find(d->sql,
                                "SELECT 0, name FROM problem UNION ALL SELECT 1, name FROM "
                                "kernel ORDER BY 1, 2",
                                SQL_NONE, &row);
    for (; status == QF_OK; status = sql_next(d->sql, row)) {
        const char *name = sql_get_text(row, 1);
        if (is_readable(name, sql_get_int(row, 0) != 0)) continue;
        if (count++ == 0) snprintf(first, sizeof first, "%s", name);
    }
    if (count) tell(d, QF_FINDING_NAMES, count, first);
    return status == QF_NOT_FOUND ? QF_OK : status;
}

/* ---- where it lies ---------------------------------------------------------------------- */

qf_status qf_store_look(qf_store *store, qf_store_state *state)
{
    char log[SITE_PATH_MAX + 8];
    struct stat info;
    ledger_site site;
    int64_t schema;

    *state = (qf_store_state){0};
    QF_TRY(number(store->sql, "PRAGMA user_version", &schema));
    QF_TRY(number(store->sql, "PRAGMA page_size", &state->page_bytes));
    QF_TRY(number(store->sql, "PRAGMA page_count", &state->pages));
    QF_TRY(number(store->sql, "PRAGMA freelist_count", &state->free_pages));
    QF_TRY(site_of(sql_path(store->sql), &site));
    snprintf(log, sizeof log, "%s-wal", sql_path(store->sql));
    if (stat(log, &info) == 0) state->log_bytes = info.st_size;
    state->schema = (int)schema;
    state->network = site.network;
    return QF_OK;
}

static qf_status look_at_log(const doctor *d, const qf_store_state *state)
{
    sql_row *row;

    if (state->log_bytes >> 20 >= LOG_MIB) tell(d, QF_FINDING_LOG, state->log_bytes >> 20, "");
    QF_TRY(sql_find(d->sql, "PRAGMA journal_mode", SQL_NONE, &row));
    const bool ahead = strcmp(sql_get_text(row, 0), "wal") == 0;
    sql_done(row);
    if (!ahead && !state->network) tell(d, QF_FINDING_NO_LOG, 0, "");
    return QF_OK;
}

static qf_status look_around(const doctor *d, const qf_store_state *state)
{
    qf_shards shards;

    if (state->network) tell(d, QF_FINDING_NETWORK, 0, state->network);
    QF_TRY(qf_shards_find(sql_path(d->sql), &shards));
    if (shards.count) tell(d, QF_FINDING_SHARDS, shards.count, shards.path[0]);
    qf_shards_release(&shards);
    return QF_OK;
}

static void look_at_space(const doctor *d, const qf_store_state *state)
{
    const int64_t percent = state->pages ? 100 * state->free_pages / state->pages : 0;
    if (percent >= FREE_PERCENT && state->free_pages >= FREE_PAGES)
        tell(d, QF_FINDING_FREE_PAGES, percent, "");
}

static qf_status look_at_rows(const doctor *d)
{
    QF_TRY(ask(d, QF_FINDING_ELECTIONS));
    QF_TRY(ask(d, QF_FINDING_FUTURE));
    QF_TRY(look_at_sessions(d));
    QF_TRY(ask(d, QF_FINDING_LEFT_CLAIMS));
    QF_TRY(ask(d, QF_FINDING_STALE_ABI));
    QF_TRY(look_at_names(d));
    QF_TRY(ask(d, QF_FINDING_QUARANTINE));
    QF_TRY(ask(d, QF_FINDING_DRIFT));
    QF_TRY(ask(d, QF_FINDING_WAITED));
    return ask(d, QF_FINDING_ORPHANS);
}

qf_status qf_store_examine(qf_store *store, qf_finding_visit *visit, void *context)
{
    const doctor d = {store, store->sql, visit, context};
    qf_store_state state;
    bool readable, intact = false;

    QF_TRY(qf_store_look(store, &state));
    QF_TRY(look_at_pages(&d, &readable));
    if (readable) QF_TRY(look_at_schema(&d, &intact));
    if (readable) QF_TRY(look_at_references(&d));
    if (intact) QF_TRY(look_at_rows(&d));
    QF_TRY(look_at_log(&d, &state));
    look_at_space(&d, &state);
    return look_around(&d, &state);
}
