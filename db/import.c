/* import.c -- a file is read into a ledger of its own, which is merged when all of it was
 * good: one mistake, and nothing happened. */
#include "import.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "champion_lines.h"
#include "exchange_tables.h"
#include "qforge/file.h"
#include "qforge/memory.h"

enum { FILE_LIMIT = 1 << 30 };

qf_status import_refuse(const char *format, ...)
{
    char text[1024];
    size_t used = 0;
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    for (const char *c = text; *c; c++) {
        const bool blank = *c == ' ' || iscntrl((unsigned char)*c);
        if (!blank || (used && text[used - 1] != ' ')) text[used++] = blank ? ' ' : *c;
    }
    text[used] = 0;
    return qf_fail(QF_FORMAT, "%s", text);
}

const char *import_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

void import_origin(const json_t *object, seed *s)
{
    s->code_hash = import_text(object, "code_hash");
    s->vendor = import_text(object, "vendor");
    s->brand = import_text(object, "brand");
    s->arch = import_text(object, "arch");
    s->isa_key = import_text(object, "isa_key");
    s->tune_key = import_text(object, "tune_key");
    s->perf_key = import_text(object, "perf_key");
    s->compiler = import_text(object, "compiler");
    s->program = import_text(object, "program");
}

qf_verdict import_verdict(const char *name)
{
    int i = 0;
    while (i < QF_VERDICT_COUNT && strcmp(qf_verdict_name((qf_verdict)i), name) != 0) i++;
    return (qf_verdict)i;
}

/* ---- which format ------------------------------------------------------------------- */

static qf_status parse(import *in, size_t size)
{
    json_error_t error;

    in->document = json_loadb(in->text, size, JSON_REJECT_DUPLICATES, &error);
    if (in->document) return QF_OK;
    return import_refuse("%s: line %d: %s", in->path, error.line, error.text);
}

static qf_status recognise(import *in, size_t size, sql_body **fill)
{
    const char *start = in->text;

    while (isspace((unsigned char)*start)) start++;
    *fill = import_csv;
    in->result->format = QF_EXCHANGE_CSV;
    if (*start != '{' && *start != '[') return QF_OK;
    if (champions_are(start)) {
        *fill = import_champions;
        in->result->format = QF_EXCHANGE_CHAMPIONS;
        return QF_OK;
    }
    QF_TRY(parse(in, size));
    const char *schema = json_string_value(json_object_get(in->document, "schema"));
    if (schema && strcmp(schema, EXCHANGE_SCHEMA) == 0) {
        *fill = import_json;
        in->result->format = QF_EXCHANGE_JSON;
        return QF_OK;
    }
    if (schema)
        return import_refuse("%s: schema '%.40s' is not %s, the one this version reads",
                             in->path, schema, EXCHANGE_SCHEMA);
    if (!json_is_array(json_object_get(in->document, "results")))
        return qf_fail(QF_FORMAT,
                       "%s: is neither a ledger (schema %s) nor T4 (an array results)",
                       in->path, EXCHANGE_SCHEMA);
    *fill = import_t4;
    in->result->format = QF_EXCHANGE_T4;
    return QF_OK;
}

/* ---- through a ledger of its own
 * -------------------------------------------------------------- */

static void remove_ledger(const char *path)
{
    static const char *const endings[] = {"", "-wal", "-shm", "-journal"};
    char name[SITE_PATH_MAX + 48];

    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        snprintf(name, sizeof name, "%s%s", path, endings[i]);
        unlink(name);
    }
}

static qf_status fill_ledger(const char *path, import *in, sql_body *fill)
{
    const ledger_site local = {0};
    qf_store *fresh;

    QF_TRY(ledger_open(path, QF_STORE_WRITE, &local, &fresh));
    const qf_status status = sql_transaction(fresh->sql, fill, in);
    qf_store_close(fresh);
    return status;
}

static qf_status merge_counted(qf_store *store, const char *path, qf_import *result)
{
    qf_store_counts before, after;

    QF_TRY(qf_store_count(store, &before));
    QF_TRY(qf_store_merge(store, path));
    QF_TRY(qf_store_count(store, &after));
    result->sessions = after.sessions - before.sessions;
    result->trials = after.trials - before.trials;
    return qf_store_publish(store);
}

/* The ledger itself is opened, or made, only when the file has turned out to be good. */
static qf_status import_through(const char *ledger, import *in, sql_body *fill)
{
    char fresh[SITE_PATH_MAX + 32];
    qf_store *store = NULL;

    if (strlen(ledger) >= SITE_PATH_MAX)
        return qf_fail(QF_DATABASE, "%.40s…: the path is too long", ledger);
    snprintf(fresh, sizeof fresh, "%s.%ld.import", ledger, (long)getpid());
    remove_ledger(fresh);
    qf_status status = fill_ledger(fresh, in, fill);
    if (status == QF_OK) status = qf_store_open(ledger, QF_STORE_GATHER, &store);
    if (status == QF_OK) status = merge_counted(store, fresh, in->result);
    qf_store_close(store);
    remove_ledger(fresh);
    return status;
}

qf_status qf_store_import(const char *ledger, const char *path, qf_import *result)
{
import in = {.path = path, .result = result };
    sql_body *fill = NULL;
    size_t size;

    *result = (qf_import){0};
    QF_TRY(qf_file_read(path, FILE_LIMIT, &in.text, &size));
    const bool compressed = size > 1 && memcmp(in.text, "\x1f\x8b", 2) == 0;
    qf_status status = compressed
                           ? qf_fail(QF_FORMAT, "%s: it is compressed, gunzip it first", path)
                           : recognise(&in, size, &fill);
    if (status == QF_OK && strlen(in.text) != size)
        status = qf_fail(QF_FORMAT, "%s: is no text", path);
    if (status == QF_OK) status = import_through(ledger, &in, fill);
    json_decref(in.document);
    qf_free(in.text);
    return status;
}
