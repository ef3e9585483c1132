/* export.c -- the ledger as JSON: every fact, in an order that follows from the facts. */
#include <string.h>

#include "champion_lines.h"
#include "exchange_tables.h"
#include "ledger.h"
#include "results.h"
#include "text_out.h"

extern const char qf_exchange_rank_sql[]; /* exchange_rank.sql */

static const struct {
    const char *name;
} formats[] = {
#define QF_EXCHANGE(id, name, summary) {name},
#include "qforge/exchanges.def"
#undef QF_EXCHANGE
};

const char *qf_exchange_name(qf_exchange format)
{
    QF_ASSERT((unsigned)format < QF_EXCHANGE_COUNT);
    return formats[format].name;
}

qf_exchange qf_exchange_named(const char *name)
{
    int i = 0;
    while (i < QF_EXCHANGE_COUNT && strcmp(formats[i].name, name) != 0) i++;
    return (qf_exchange)i;
}

/* ---- JSON --------------------------------------------------------------------------- */

static void put_value(text_out *out, sql_row *row, int at, const exchange_column *column)
{
    if (column->nullable && sql_is_null(row, at))
        text_put(out, "null");
    else if (column->kind == EXCHANGE_TEXT)
        text_put_string(out, sql_get_text(row, at));
    else if (column->kind == EXCHANGE_REAL || column->kind == EXCHANGE_ERROR)
        text_put_real(out, sql_get_real(row, at));
    else
        text_put_int(out, sql_get_int(row, at));
}

static void put_row(text_out *out, sql_row *row, const exchange_table *table)
{
    for (int i = 0; i < EXCHANGE_COLUMNS && table->column[i].name; i++) {
        text_put(out, i ? ", " : "{");
        text_put_string(out, table->column[i].name);
        text_put(out, ": ");
        put_value(out, row, i, &table->column[i]);
    }
    text_put(out, "}");
}

/* A row a line, so that two exports can be compared. */
static qf_status put_table(sql_db *sql, text_out *out, const exchange_table *table)
{
    sql_row *row;
    bool first = true;

    text_put(out, ",\n");
    text_put_string(out, table->name);
    text_put(out, ": [");
    qf_status status = sql_find(sql, table->select, SQL_NONE, &row);
    for (; status == QF_OK; status = sql_next(sql, row), first = false) {
        text_put(out, first ? "\n" : ",\n");
        put_row(out, row, table);
        if (out->status == QF_OK) continue;
        sql_done(row);
        return out->status;
    }
    text_put(out, "]");
    return status == QF_NOT_FOUND ? out->status : status;
}

static qf_status put_all(sql_db *sql, text_out *out)
{
    text_put(out, "{\"schema\": ");
    text_put_string(out, EXCHANGE_SCHEMA);
    for (int i = 0; i < EXCHANGE_TABLES; i++) QF_TRY(put_table(sql, out, &exchange_tables[i]));
    text_put(out, "}\n");
    return QF_OK;
}

/* ---- one state of the file
 * ------------------------------------------------------------------- */

typedef struct request {
    qf_exchange format;
    const char *problems;
    text_out *out;
} request;

static const char forget[] =
    "DROP TABLE temp.exchange_filter; DROP TABLE temp.at_problem; DROP TABLE "
    "temp.needed_trial; "
    "DROP TABLE temp.needed_validation; DROP TABLE temp.at_kernel; "
    "DROP TABLE temp.needed_session; DROP TABLE temp.at_machine; DROP TABLE temp.at_generator; "
    "DROP TABLE temp.at_session; DROP TABLE temp.at_trial";

static qf_status write_out(sql_db *sql, void *context)
{
    const request *r = context;

    QF_TRY(sql_script(sql, "CREATE TEMP TABLE exchange_filter (pattern TEXT)"));
    QF_TRY(sql_run(sql, "INSERT INTO exchange_filter VALUES (?1)",
                   SQL_VALUES(r->problems ? sql_text(r->problems) : sql_null())));
    QF_TRY(sql_script(sql, qf_exchange_rank_sql));
    if (r->format == QF_EXCHANGE_JSON)
        QF_TRY(put_all(sql, r->out));
    else if (r->format == QF_EXCHANGE_CHAMPIONS)
        QF_TRY(champions_put(sql, r->out));
    else
        QF_TRY(results_put(sql, r->out, r->format));
    QF_TRY(text_out_end(r->out));
    return sql_script(sql, forget);
}

qf_status qf_store_export(qf_store *store, qf_exchange format, const char *problems,
                          qf_export_sink *sink, void *context)
{
    text_out out;
    text_out_begin(&out, sink, context);
    return sql_reading(store->sql, write_out, &(request){format, problems, &out});
}
