/* champion_lines.c -- elected kernels as lines of JSON: out of a ledger, and back into a list.
 */
#include "champion_lines.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "import.h"
#include "qforge/file.h"
#include "qforge/memory.h"

extern const char qf_champions_jsonl[]; /* db/champions/, one file behind the other */

enum { FILE_LIMIT = 1 << 26 };

/* ---- out ------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    enum { TEXT, REAL, INT } kind;
} columns[] = {{"problem", TEXT},   {"kernel", TEXT},   {"cache", TEXT},   {"median_ns", REAL},
               {"low_ns", REAL},    {"high_ns", REAL},  {"samples", INT},  {"abi", INT},
               {"code_hash", TEXT}, {"tune_key", TEXT}, {"isa_key", TEXT}, {"perf_key", TEXT},
               {"vendor", TEXT},    {"brand", TEXT},    {"arch", TEXT},    {"compiler", TEXT},
               {"program", TEXT},   {"done_us", INT}};
enum { COLUMNS = sizeof columns / sizeof *columns };

/* Settled ones: all that was timed of their problem was weighed. */
static const char select_champions[] =
    "SELECT problem.name, kernel.name, best.cache, best.median_ns, best.low_ns, best.high_ns, "
    "outcome.samples, best.abi, best.code_hash, best.tune_key, isa_key, perf_key, vendor, "
    "brand, arch, compiler, program, best.done_us FROM best "
    "JOIN at_problem ON at_problem.id = best.problem JOIN problem ON problem.id = best.problem "
    "JOIN kernel ON kernel.id = best.kernel JOIN outcome ON outcome.trial = best.trial "
    "JOIN trial ON trial.id = best.trial JOIN session ON session.id = trial.session "
    "JOIN machine ON machine.id = session.machine "
    "JOIN generator ON generator.id = session.generator "
    "WHERE elected AND settled AND best.abi <> 0 "
    "ORDER BY best.tune_key, best.abi, problem.name";

static void put_champion(text_out *out, sql_row *row)
{
    for (int i = 0; i < COLUMNS; i++) {
        text_put(out, i ? ", " : "{");
        text_put_string(out, columns[i].name);
        text_put(out, ": ");
        if (columns[i].kind == TEXT)
            text_put_string(out, sql_get_text(row, i));
        else if (columns[i].kind == REAL)
            text_put_real(out, sql_get_real(row, i));
        else
            text_put_int(out, sql_get_int(row, i));
    }
    text_put(out, "}\n");
}

qf_status champions_put(sql_db *sql, text_out *out)
{
    sql_row *row;

    text_put(out, "{\"schema\": \"" CHAMPIONS_SCHEMA "\"}\n");
    qf_status status = sql_find(sql, select_champions, SQL_NONE, &row);
    for (; status == QF_OK; status = sql_next(sql, row)) {
        put_champion(out, row);
        if (out->status == QF_OK) continue;
        sql_done(row);
        return out->status;
    }
    return status == QF_NOT_FOUND ? out->status : status;
}

/* ---- back ------------------------------------------------------------------------------ */

static bool is_schema(const json_t *o)
{
    const char *schema = json_string_value(json_object_get(o, "schema"));
    return schema && strcmp(schema, CHAMPIONS_SCHEMA) == 0;
}

bool champions_are(const char *text)
{
    json_t *o = json_loadb(text, strcspn(text, "\n"), 0, NULL);
    const bool are = is_schema(o);
    json_decref(o);
    return are;
}

static double real_in(const json_t *o, const char *key)
{
    return json_number_value(json_object_get(o, key));
}

/* Every column must be there and of its kind. */
static qf_status check_kinds(const json_t *o, const char *where)
{
    for (int i = 0; i < COLUMNS; i++) {
        const json_t *value = json_object_get(o, columns[i].name);
        const bool fits = columns[i].kind == TEXT   ? json_is_string(value)
                          : columns[i].kind == REAL ? json_is_number(value)
                                                    : json_is_integer(value);
        if (!fits)
            return qf_fail(QF_FORMAT, "%s: %s: is %s", where, columns[i].name,
                           value ? "of another kind" : "missing");
    }
    return QF_OK;
}

static qf_status names_of(const json_t *o, const char *where, seed *s)
{
    const char *problem = import_text(o, "problem"), *kernel = import_text(o, "kernel");

    if (qf_problem_parse(problem, &s->problem) != QF_OK)
        return import_refuse("%s: no problem this version knows: '%.80s'", where, problem);
    if (qf_kernel_parse(kernel, &s->kernel) != QF_OK)
        return import_refuse("%s: no kernel this version knows: '%.80s'", where, kernel);
    s->cache = qf_cache_mode_named(import_text(o, "cache"));
    if (s->cache != QF_CACHE_MODE_COUNT) return QF_OK;
    return import_refuse("%s: neither hot, warm nor cold: '%.20s'", where,
                         import_text(o, "cache"));
}

static seed seed_of(const json_t *o)
{
    const double ns = real_in(o, "median_ns");
    const json_int_t samples = json_integer_value(json_object_get(o, "samples"));
    const int64_t done = json_integer_value(json_object_get(o, "done_us"));

    seed s = {.verdict = QF_VERDICT_OK,
              .timing = {ns, real_in(o, "low_ns"), real_in(o, "high_ns"), ns, ns,
                         samples > 0 && samples < 1 << 30 ? (int)samples : 0, 1},
              .detail = "",
              .hypervisor = "",
              .cores = 1,
              .claimed_us = done,
              .done_us = done};
    import_origin(o, &s);
    return s;
}

static qf_status read_champion(const json_t *o, const char *where, champions_take *take,
                               void *context)
{
    QF_TRY(check_kinds(o, where));
    seed s = seed_of(o);
    QF_TRY(names_of(o, where, &s));
    return take(context, &s, json_integer_value(json_object_get(o, "abi")), where);
}

static qf_status read_line(const char *line, size_t size, const char *where, bool first,
                           champions_take *take, void *context)
{
    json_error_t error;
    json_t *o = json_loadb(line, size, JSON_REJECT_DUPLICATES, &error);

    if (!o) return import_refuse("%s: %s", where, error.text);
    const bool head = is_schema(o);
    qf_status status = QF_OK;
    if (first && !head)
        status = qf_fail(QF_FORMAT, "%s: its schema is not %s", where, CHAMPIONS_SCHEMA);
    else if (!head)
        status = read_champion(o, where, take, context);
    json_decref(o);
    return status;
}

qf_status champions_read(const char *name, const char *text, champions_take *take,
                         void *context)
{
    char where[4200];
    bool first = true;

    for (int line = 1; *text; line++) {
        const size_t size = strcspn(text, "\n");
        snprintf(where, sizeof where, "%.4100s: line %d", name, line);
        if (size) QF_TRY(read_line(text, size, where, first, take, context));
        first = first && size == 0;
        text += size + (text[size] == '\n');
    }
    if (first) return qf_fail(QF_FORMAT, "%s: is empty", name);
    return QF_OK;
}

/* ---- into a ledger --------------------------------------------------------------------- */

typedef struct import_place {
    sql_db *sql;
    const import *in;
} import_place;

static qf_status put_seed(void *context, const seed *s, int64_t abi, const char *where)
{
    const import_place *place = context;

    (void)abi; /* nobody here judged it, whatever it says */
    QF_TRY(seed_check(s, where));
    place->in->result->rows++;
    return seed_put(place->sql, s);
}

qf_status import_champions(sql_db *sql, void *context)
{
    const import *in = context;
    return champions_read(in->path, in->text, put_seed, &(import_place){sql, in});
}

/* ---- as a list ------------------------------------------------------------------------- */

typedef struct list {
    qf_champions *champions;
    int room;
} list;

static qf_status grow(list *l)
{
    const int room = 2 * l->room + 16;
    qf_champion *item = qf_alloc_array((size_t)room, sizeof *item);

    if (!item) return QF_MEMORY;
    if (l->champions->count)
        memcpy(item, l->champions->item, (size_t)l->champions->count * sizeof *item);
    qf_free(l->champions->item);
    l->champions->item = item;
    l->room = room;
    return QF_OK;
}

/* What is shipped must be good on a machine whose clock is wrong. */
static qf_status check_timeless(const seed *s, const char *where)
{
    seed timeless = *s;
    timeless.claimed_us = timeless.done_us = 0;
    return seed_check(&timeless, where);
}

static qf_status append(void *context, const seed *s, int64_t abi, const char *where)
{
    list *l = context;

    QF_TRY(check_timeless(s, where));
    if (l->champions->count == l->room) QF_TRY(grow(l));
    qf_champion *c = &l->champions->item[l->champions->count++];
    *c = (qf_champion){.best = {.problem = s->problem,
                                .kernel = s->kernel,
                                .cache = s->cache,
                                .elected = true,
                                .settled = true,
                                .ns = s->timing.median_ns,
                                .low_ns = s->timing.low_ns,
                                .high_ns = s->timing.high_ns,
                                .unix_us = s->done_us},
                       .code_abi = abi > 0 && abi < 1 << 30 ? (int)abi : QF_FOREIGN_ABI};
    snprintf(c->best.code_hash, sizeof c->best.code_hash, "%s", s->code_hash);
    snprintf(c->tune_key, sizeof c->tune_key, "%s", s->tune_key);
    snprintf(c->brand, sizeof c->brand, "%s", s->brand);
    snprintf(c->program, sizeof c->program, "%s", s->program);
    return QF_OK;
}

static qf_status read_all(const char *name, const char *text, qf_champions *champions)
{
    const qf_status status = champions_read(name, text, append, &(list){champions, 0});
    if (status != QF_OK) qf_champions_release(champions);
    return status;
}

qf_status qf_champions_shipped(qf_champions *champions)
{
    *champions = (qf_champions){0};
    if (!*qf_champions_jsonl) return QF_OK;
    return read_all("the champions shipped with qforge", qf_champions_jsonl, champions);
}

qf_status qf_champions_load(const char *path, qf_champions *champions)
{
    char *text;
    size_t size;

    *champions = (qf_champions){0};
    QF_TRY(qf_file_read(path, FILE_LIMIT, &text, &size));
    const qf_status status = strlen(text) == size ? read_all(path, text, champions)
                                                  : qf_fail(QF_FORMAT, "%s: is no text", path);
    qf_free(text);
    return status;
}

void qf_champions_release(qf_champions *champions)
{
    qf_free(champions->item);
    *champions = (qf_champions){0};
}

const qf_champion *qf_champions_find(const qf_champions *champions, const qf_scope *scope,
                                     const qf_problem *problem)
{
    for (int i = 0; i < champions->count; i++) {
        const qf_champion *c = &champions->item[i];
        if (c->code_abi == scope->code_abi && strcmp(c->tune_key, scope->tune_key) == 0 &&
            qf_problem_equal(&c->best.problem, problem))
            return c;
    }
    return NULL;
}
