/* cmd_bundle.c -- qforge bundle: kernels for programs that have neither qforge nor LLVM. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "isa_names.h"
#include "machine.h"
#include "options.h"
#include "qforge/bundle.h"
#include "qforge/store.h"
#include "tune_problems.h"

enum { PROBLEMS_MAX = 1024, ITEM_MAX = 64 };

typedef struct request {
    const char *isas, *shapes, *bits, *accuracies, *ledger, *name, *directory;
    int64_t group, threads;
    bool json;

    qf_problem problems[PROBLEMS_MAX];
    int count;
    uint32_t isa_bits;
} request;

/* ---- lists ----------------------------------------------------------------------------- */

typedef qf_status cli_item(request *r, qf_problem *p, const char *item);

/* Calls take for every item between commas. */
static qf_status each(request *r, qf_problem *p, const char *option, const char *list,
                      cli_item *take)
{
    for (const char *at = list;; at++) {
        const size_t length = strcspn(at, ",");
        char item[ITEM_MAX];
        if (length == 0 || length >= sizeof item)
            return qf_fail(QF_USAGE, "--%s: '%.64s' is no list", option, list);
        memcpy(item, at, length);
        item[length] = 0;
        QF_TRY(take(r, p, item));
        at += length;
        if (!*at) return QF_OK;
    }
}

static qf_status take_isa(request *r, qf_problem *p, const char *item)
{
    uint32_t isas;
    (void)p;
    QF_TRY(cli_isas_named("isa", item, &isas));
    if (isas & 1u << QF_ISA_C)
        return qf_fail(QF_UNSUPPORTED,
                       "--isa: 'c' is in every bundle, name one that is emitted");
    r->isa_bits |= isas;
    return QF_OK;
}

static qf_status take_problem(request *r, const qf_problem *p)
{
    char name[QF_NAME_MAX], other[QF_NAME_MAX];

    qf_problem_print(p, name);
    for (int i = 0; i < r->count; i++) {
        qf_problem_print(&r->problems[i], other);
        if (strcmp(name, other) == 0) return QF_OK;
    }
    if (r->count == PROBLEMS_MAX)
        return qf_fail(QF_USAGE, "more than %d products in one bundle", PROBLEMS_MAX);
    r->problems[r->count++] = *p;
    return QF_OK;
}

static qf_status take_shape(request *r, qf_problem *p, const char *item)
{
    QF_TRY(cli_problem_shape("shapes", item, p));
    return take_problem(r, p);
}

static qf_status take_bits(request *r, qf_problem *p, const char *item)
{
    char *end;
    const long bits = strtol(item, &end, 10);

    p->quant = qf_quant_of_bits((int)bits);
    if (*end || p->quant == QF_QUANT_COUNT || p->quant == QF_F32)
        return qf_fail(QF_USAGE, "--bits: '%s' is not 2, 3, 4 or 8", item);
    return each(r, p, "shapes", r->shapes, take_shape);
}

static qf_status take_accuracy(request *r, qf_problem *p, const char *item)
{
    p->accuracy = qf_accuracy_named(item);
    if (p->accuracy == QF_ACCURACY_COUNT)
        return qf_fail(QF_USAGE, "--accuracy: '%s' is not exact, fine, fast or table", item);
    return each(r, p, "bits", r->bits, take_bits);
}

static qf_status read_request(request *r)
{
    qf_problem p = {.op = QF_FORWARD, .group = (int)r->group, .threads = (int)r->threads};

    if (!r->directory) return qf_fail(QF_USAGE, "bundle: give the directory to write, -o DIR");
    if (!r->shapes) return qf_fail(QF_USAGE, "bundle: give --shapes MxNxK,...");
    if (!r->isas) return qf_fail(QF_USAGE, "bundle: give --isa NAME,... (see qforge cpu)");
    if (r->group < 0 || r->group > 1024 || !qf_group_valid((int)r->group))
        return qf_fail(QF_USAGE, "--group: %lld is not 32, 64 or 128", (long long)r->group);
    if (r->threads < 1 || r->threads > 256)
        return qf_fail(QF_USAGE, "--threads: %lld is not between 1 and 256",
                       (long long)r->threads);
    QF_TRY(each(r, &p, "isa", r->isas, take_isa));
    return each(r, &p, "accuracy", r->accuracies, take_accuracy);
}

/* ---- what was written ------------------------------------------------------------------ */

static void print_text(const qf_bundle *bundle, const char *directory)
{
    for (int i = 0; i < bundle->count; i++) {
        const qf_bundle_row *row = &bundle->rows[i];
        char problem[QF_NAME_MAX], kernel[QF_NAME_MAX] = "reference", origin[QF_ORIGIN_MAX];
        qf_problem_print(&row->problem, problem);
        if (row->rung != QF_RUNG_REFERENCE) qf_kernel_print(&row->kernel, kernel);
        qf_bundle_origin(row, origin);
        printf("%-12s %-32s %-50s %s\n", qf_isa_of(row->kernel.isa)->name, problem, kernel,
               origin);
    }
    for (int i = 0; i < bundle->archive_count; i++) {
        const qf_bundle_archive *a = &bundle->archives[i];
        if (a->whole)
            printf("%s/%s: kernels and runtime for %s\n", directory, a->path, a->arch);
        else
            printf("%s/%s: kernels alone; compile the runtime in src/ for %s: make ARCH=%s "
                   "CC=... AR=...\n",
                   directory, a->path, a->arch, a->arch);
    }
}

static json_t *json_of(const qf_bundle_row *row)
{
    char problem[QF_NAME_MAX], kernel[QF_NAME_MAX], tuned[QF_NAME_MAX];

    qf_problem_print(&row->problem, problem);
    qf_kernel_print(&row->kernel, kernel);
    json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:b}", "isa", qf_isa_of(row->kernel.isa)->name,
                          "problem", problem, "kernel",
                          row->rung == QF_RUNG_REFERENCE ? "reference" : kernel, "rung",
                          qf_rung_name(row->rung), "judged", row->judged);
    if (row->rung >= QF_RUNG_NEAREST) {
        qf_problem_print(&row->tuned, tuned);
        json_object_set_new(o, "from", json_string(tuned));
        json_object_set_new(o, "this_machine", json_boolean(row->here));
    }
    return o;
}

static void print_json(const qf_bundle *bundle, const char *directory)
{
    json_t *rows = json_array(), *archives = json_array();

    for (int i = 0; i < bundle->count; i++)
        json_array_append_new(rows, json_of(&bundle->rows[i]));
    for (int i = 0; i < bundle->archive_count; i++) {
        const qf_bundle_archive *a = &bundle->archives[i];
        json_array_append_new(archives, json_pack("{s:s, s:s, s:b}", "arch", a->arch, "path",
                                                  a->path, "whole", a->whole));
    }
    json_t *o = json_pack("{s:s, s:s, s:o, s:o}", "name", bundle->name, "directory", directory,
                          "archives", archives, "kernels", rows);
    json_dumpf(o, stdout, JSON_COMPACT);
    printf("\n");
    json_decref(o);
}

static qf_status write_bundle(request *r)
{
    qf_bundle_request q = {r->name, r->isa_bits, r->problems, r->count, NULL};
    qf_bundle bundle;

    QF_TRY(cli_ledger_open(r->ledger, &q.store));
    qf_status status = qf_bundle_make(&q, &bundle);
    qf_store_close(q.store);
    QF_TRY(status);
    status = qf_bundle_write(&bundle, r->directory);
    if (status == QF_OK && r->json) print_json(&bundle, r->directory);
    if (status == QF_OK && !r->json) print_text(&bundle, r->directory);
    qf_bundle_release(&bundle);
    return status;
}

qf_status cli_cmd_bundle(int argc, char **argv)
{
    request r = {
        .bits = "4", .group = 64, .threads = 1, .accuracies = "fast", .name = "qforge_kernels"};
    const cli_option options[] = {
        {"isa", 'i', CLI_TEXT, &r.isas, "LIST",
         "instruction sets, e.g. avx2,avx512vnni; sve: all lengths"},
        {"shapes", 's', CLI_TEXT, &r.shapes, "LIST", "MxNxK,...: rows, outputs, inputs"},
        {"bits", 'b', CLI_TEXT, &r.bits, "LIST", "widths of the weights: 2, 3, 4, 8"},
        {"group", 'g', CLI_INT, &r.group, "N", "group size: 32, 64, 128"},
        {"accuracy", 'a', CLI_TEXT, &r.accuracies, "LIST", "exact, fine, fast, table"},
        {"threads", 't', CLI_INT, &r.threads, "N", "threads the kernels are chosen for"},
        {"ledger", 0, CLI_TEXT, &r.ledger, "FILE", "the tuning ledger, or none"},
        {"db", 0, CLI_TEXT, &r.ledger, "FILE", "the same, as other commands call it"},
        {"name", 'n', CLI_TEXT, &r.name, "NAME", "of the library, the header and the table"},
        {"out", 'o', CLI_TEXT, &r.directory, "DIR", "directory to write"},
        {"json", 'j', CLI_FLAG, &r.json, NULL, "for programs"},
        {0}};
    int rest;
    bool help;

    QF_TRY(cli_parse(argc, argv, "qforge bundle --isa LIST --shapes LIST -o DIR [options]",
                     options, &rest, &help));
    if (help) return QF_OK;
    QF_TRY(cli_no_operands(argc, argv, rest));
    QF_TRY(read_request(&r));
    return write_bundle(&r);
}
