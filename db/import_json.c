/* import_json.c -- a ledger from its own JSON: every row is checked before it is one. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "exchange_tables.h"
#include "import.h"
#include "qforge/clock.h"

typedef struct reading {
    const import *in;
    sql_db *sql;
    size_t count[EXCHANGE_TABLES]; /* rows, of tables that were read */
    int64_t latest_us;
    /* Where it stands. */
    const exchange_table *table;
    size_t index;
} reading;

static qf_status wrong(const reading *r, const char *column, const char *what)
{
    return import_refuse("%s: %s[%zu]%s%s: %s", r->in->path, r->table->name, r->index,
                         *column ? "." : "", column, what);
}

/* ---- values ------------------------------------------------------------------------- */

static qf_status take_int(const reading *r, const exchange_column *c, const json_t *value,
                          sql_value *out)
{
    if (!json_is_integer(value)) return wrong(r, c->name, "is no integer");
    const int64_t number = json_integer_value(value);
    *out = sql_int(number);
    if (c->kind == EXCHANGE_TIME && (number < 0 || number > r->latest_us))
        return wrong(r, c->name, "is not from the past");
    if (c->kind != EXCHANGE_PLACE) return QF_OK;
    if (number < 0 || (size_t)number >= r->count[c->place])
        return wrong(r, c->name, "names a row that is not there");
    *out = sql_int(number + 1); /* rows have their place plus one as id */
    return QF_OK;
}

static qf_status take_real(const reading *r, const exchange_column *c, const json_t *value,
                           sql_value *out)
{
    const char *text = json_string_value(value);

    if (c->kind == EXCHANGE_ERROR && text && strcmp(text, "inf") == 0)
        *out = sql_real(HUGE_VAL);
    else if (json_is_number(value))
        *out = sql_real(json_number_value(value));
    else
        return wrong(r, c->name, "is no number");
    return QF_OK;
}

static qf_status take_value(const reading *r, const exchange_column *c, const json_t *value,
                            sql_value *out)
{
    if (!value && !c->later) return wrong(r, c->name, "is missing");
    if (!value || (c->nullable && json_is_null(value))) {
        *out = sql_null();
        return QF_OK;
    }
    switch (c->kind) {
    case EXCHANGE_TEXT:
        if (!json_is_string(value)) return wrong(r, c->name, "is no string");
        *out = sql_text(json_string_value(value));
        return QF_OK;
    case EXCHANGE_REAL:
    case EXCHANGE_ERROR:
        return take_real(r, c, value, out);
    default:
        return take_int(r, c, value, out);
    }
}

/* ---- rows --------------------------------------------------------------------------- */

/* A name says everything about a problem; the columns beside it may not say otherwise.  Names
 * this version cannot read answer nothing and are taken as they are. */
static qf_status check_problem(const reading *r, const sql_value *v)
{
    qf_problem p;

    if (qf_problem_parse(v[0].text, &p) != QF_OK) {
        qf_message_clear();
        return QF_OK;
    }
    const bool same = strcmp(v[1].text, qf_accuracy_name(p.accuracy)) == 0 &&
                      strcmp(v[2].text, p.op == QF_FORWARD ? "forward" : "grad") == 0 &&
                      strcmp(v[3].text, qf_quant_of(p.quant)->name) == 0 &&
                      v[4].integer == p.group && v[5].integer == p.m && v[6].integer == p.n &&
                      v[7].integer == p.k && v[8].integer == p.threads;
    return same ? QF_OK : wrong(r, "name", "the other columns are another problem's");
}

/* The database names its own file, which nobody has heard of: only the cause is kept. */
static qf_status blame(const reading *r, qf_status status)
{
    const char *path = sql_path(r->sql);
    char cause[256];

    if (status != QF_DATABASE) return status;
    const char *said = qf_message();
    if (strncmp(said, path, strlen(path)) == 0) said += strlen(path) + 2;
    if (!strstr(said, "constraint")) return status;
    snprintf(cause, sizeof cause, "%s", said);
    return wrong(r, "", cause);
}

static qf_status take_row(const reading *r, const json_t *row)
{
    sql_value values[1 + EXCHANGE_COLUMNS] = {sql_int((int64_t)r->index + 1)};
    int count = 0, there = 0;

    if (!json_is_object(row)) return wrong(r, "", "is no object");
    for (; count < EXCHANGE_COLUMNS && r->table->column[count].name; count++) {
        const exchange_column *c = &r->table->column[count];
        const json_t *value = json_object_get(row, c->name);
        QF_TRY(take_value(r, c, value, &values[1 + count]));
        there += value != NULL;
    }
    if (json_object_size(row) != (size_t)there) return wrong(r, "", "has keys unknown here");
    if (r->table == &exchange_tables[EXCHANGE_PROBLEMS]) QF_TRY(check_problem(r, values + 1));
    return blame(r, sql_run(r->sql, r->table->insert, values, 1 + count));
}

static qf_status take_table(reading *r, exchange_id id)
{
    r->table = &exchange_tables[id];
    const json_t *rows = json_object_get(r->in->document, r->table->name);

    if (!json_is_array(rows))
        return qf_fail(QF_FORMAT, "%s: %s is no array", r->in->path, r->table->name);
    for (r->index = 0; r->index < json_array_size(rows); r->index++)
        QF_TRY(take_row(r, json_array_get(rows, r->index)));
    r->count[id] = r->index;
    return QF_OK;
}

qf_status import_json(sql_db *sql, void *context)
{
    const import *in = context;
    reading r = {.in = in, .sql = sql, .latest_us = qf_unix_us() + 86400000000};

    if (json_object_size(in->document) != EXCHANGE_TABLES + 1)
        return qf_fail(QF_FORMAT, "%s: does not have the %d tables of a ledger", in->path,
                       EXCHANGE_TABLES);
    for (int i = 0; i < EXCHANGE_TABLES; i++) QF_TRY(take_table(&r, (exchange_id)i));
    in->result->rows = (int64_t)r.count[EXCHANGE_OUTCOMES];
    return QF_OK;
}
