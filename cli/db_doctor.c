/* db_doctor.c -- qforge db doctor: what is the matter with a ledger, and what to do. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "db_verbs.h"
#include "machine.h"
#include "options.h"
#include "qforge/codegen.h"
#include "qforge/cpu.h"
#include "qforge/store_care.h"

typedef struct visit {
    bool json;
    int grave, repairable;
    json_t *rows;
} visit;

static const char *const severities[] = {"note", "warning", "error"};

static void print_finding(const qf_finding *f)
{
    char count[24] = "";
    if (f->count) snprintf(count, sizeof count, "%lld ", (long long)f->count);
    printf("  %-8s %s%s%s%s\n           %s\n", severities[f->severity], count, f->text,
           *f->detail ? ": " : "", f->detail, f->advice);
}

static void take_finding(void *context, const qf_finding *f)
{
    visit *v = context;

    v->grave += f->severity != QF_SEVERITY_NOTE;
    v->repairable += f->repairable;
    if (v->json)
        json_array_append_new(v->rows, json_pack("{s:s, s:s, s:I, s:s, s:s, s:s, s:b}", "name",
                                                 f->name, "severity", severities[f->severity],
                                                 "count", (json_int_t)f->count, "text", f->text,
                                                 "detail", f->detail, "advice", f->advice,
                                                 "repairable", f->repairable));
    else
        print_finding(f);
}

/* ---- code ----------------------------------------------------------------------------- */

typedef struct comparison {
    qf_jit *jit;
    int64_t stale;
    char first[QF_NAME_MAX];
} comparison;

static bool compare_code(void *context, const char *tune_key, int code_abi, const qf_best *best)
{
    comparison *c = context;
    qf_gemm_fn *run;
    char hash[17];

    (void)tune_key, (void)code_abi;
    if (qf_jit_get(c->jit, &best->kernel, &run, hash) == QF_OK &&
        strcmp(hash, best->code_hash) == 0)
        return true;
    qf_message_clear();
    if (c->stale++ == 0) qf_problem_print(&best->problem, c->first);
    return true;
}

/* The champions of this machine, whose code can be made here. */
static qf_status look_at_code(qf_store *store, visit *v)
{
    comparison c = {0};
    qf_cpu cpu;

    QF_TRY(qf_cpu_detect(&cpu));
    QF_TRY(cli_jit_open(&c.jit));
    const qf_scope here = {cpu.tune_key, QF_CODE_ABI};
    const qf_status status = qf_store_each_best(store, &here, compare_code, &c);
    qf_jit_destroy(c.jit);
    if (status == QF_OK && c.stale) {
        const qf_finding f = qf_finding_of(QF_FINDING_STALE_CODE, c.stale, c.first);
        take_finding(v, &f);
    }
    return status;
}

/* ---- examining -------------------------------------------------------------------------- */

static void print_state(const char *path, const qf_store_state *s)
{
    printf("%s: schema %d, %lld pages of %lld bytes, %lld of them empty, log of %lld bytes, "
           "%s\n",
           path, s->schema, (long long)s->pages, (long long)s->page_bytes,
           (long long)s->free_pages, (long long)s->log_bytes,
           s->network ? s->network : "on a local disk");
}

static void print_json(const char *path, const qf_store_state *s, const visit *v,
                       const char *backup)
{
    json_t *o = json_pack(
        "{s:s, s:s, s:b, s:i, s:I, s:I, s:I, s:I, s:s, s:s?, s:O}", "schema", "qforge-doctor/1",
        "ledger", path, "sound", v->grave == 0, "version", s->schema, "page_bytes",
        (json_int_t)s->page_bytes, "pages", (json_int_t)s->pages, "free_pages",
        (json_int_t)s->free_pages, "log_bytes", (json_int_t)s->log_bytes, "file_system",
        s->network ? s->network : "local", "backup", backup, "findings", v->rows);
    json_dumpf(o, stdout, JSON_COMPACT);
    printf("\n");
    json_decref(o);
}

static qf_status examine(qf_store *store, visit *v, const char *backup)
{
    const char *path = qf_store_path(store);
    qf_store_state state;

    QF_TRY(qf_store_look(store, &state));
    if (!v->json) print_state(path, &state);
    QF_TRY(qf_store_examine(store, take_finding, v));
    if (!v->grave) QF_TRY(look_at_code(store, v));
    if (v->json) print_json(path, &state, v, backup);
    if (v->grave)
        return qf_fail(QF_DATABASE, "%s: %d finding%s need%s attention", path, v->grave,
                       v->grave == 1 ? "" : "s", v->grave == 1 ? "s" : "");
    if (!v->json) printf("%s: sound\n", path);
    return QF_OK;
}

/* A file that cannot even be opened may still hold rows. */
static qf_status open_patient(const char *ledger, char path[CLI_PATH_MAX], qf_store **store)
{
    const qf_status status = cli_db_open(ledger, QF_STORE_READ, path, store);
    char cause[512];

    if (status != QF_DATABASE || !qf_store_salvageable(path)) return status;
    snprintf(cause, sizeof cause, "%s", qf_message());
    if (!strstr(cause, "damaged")) return status;
    return qf_fail(status, "%s; `qforge db doctor --salvage OUT` copies what can be read",
                   cause);
}

static qf_status visit_once(const char *ledger, visit *v, const char *backup)
{
    char path[CLI_PATH_MAX];
    qf_store *store;

    QF_TRY(open_patient(ledger, path, &store));
    v->rows = json_array();
    const qf_status status = examine(store, v, backup);
    json_decref(v->rows);
    qf_store_close(store);
    return status;
}

/* ---- mending ---------------------------------------------------------------------------- */

static void ignore_finding(void *context, const qf_finding *f)
{
    *(int *)context += f->repairable;
}

static qf_status count_repairable(const char *ledger, char path[CLI_PATH_MAX], int *count)
{
    qf_store *store;

    QF_TRY(open_patient(ledger, path, &store));
    snprintf(path, CLI_PATH_MAX, "%s", qf_store_path(store));
    const qf_status status = qf_store_examine(store, ignore_finding, count);
    qf_store_close(store);
    return status;
}

static qf_status repair(const char *ledger, bool json)
{
    char path[CLI_PATH_MAX], backup[QF_STORE_PATH_MAX] = "";
    visit v = {.json = json};
    int count = 0;

    QF_TRY(count_repairable(ledger, path, &count));
    if (count) {
        QF_TRY(qf_store_repair(path, backup));
        if (!json) printf("%s: repaired; what it was is %s\n", path, backup);
    }
    return visit_once(ledger, &v, *backup ? backup : NULL);
}

static qf_status salvage(const char *ledger, const char *out, bool json)
{
    char path[CLI_PATH_MAX];
    qf_salvage s;

    QF_TRY(cli_ledger_path(ledger, path));
    QF_TRY(qf_store_salvage(path, out, &s));
    if (json) {
        json_t *o =
            json_pack("{s:s, s:s, s:s, s:I, s:I, s:I}", "schema", "qforge-salvage/1", "ledger",
                      path, "salvaged", out, "kept", (json_int_t)s.kept, "refused",
                      (json_int_t)s.refused, "unreadable", (json_int_t)s.unreadable);
        json_dumpf(o, stdout, JSON_COMPACT);
        printf("\n");
        json_decref(o);
        return QF_OK;
    }
    printf("%s: %lld rows kept, %lld left behind as broken or without what they refer to, "
           "reading failed at %lld places\n",
           out, (long long)s.kept, (long long)s.refused, (long long)s.unreadable);
    return QF_OK;
}

qf_status cli_db_doctor(int argc, char **argv)
{
    const char *ledger = NULL, *out = NULL;
    bool json = false, mend = false, help;
    const cli_option options[] = {
        {"db", 0, CLI_TEXT, &ledger, "FILE", "the tuning ledger"},
        {"repair", 0, CLI_FLAG, &mend, NULL,
         "mend what can be without losing a row; keeps a copy of what was"},
        {"salvage", 0, CLI_TEXT, &out, "OUT", "copy every readable row into a new ledger"},
        {"json", 'j', CLI_FLAG, &json, NULL, "for programs"},
        {0}};
    visit v = {0};
    int rest;

    QF_TRY(cli_parse(argc, argv, "qforge db doctor [--repair | --salvage OUT] [options]",
                     options, &rest, &help));
    if (help) return QF_OK;
    QF_TRY(cli_no_operands(argc, argv, rest));
    if (mend && out) return qf_fail(QF_USAGE, "db doctor: --repair or --salvage, not both");
    if (out) return salvage(ledger, out, json);
    if (mend) return repair(ledger, json);
    v.json = json;
    return visit_once(ledger, &v, NULL);
}
