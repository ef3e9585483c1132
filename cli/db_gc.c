/* db_gc.c -- qforge db gc: what a ledger holds in vain, counted, and dropped when told to. */
#include <jansson.h>
#include <stdio.h>

#include "db_verbs.h"
#include "options.h"
#include "qforge/store_care.h"

static int64_t total(const qf_gc *gc)
{
    return gc->trials + gc->validations + gc->comparisons + gc->elections + gc->latencies +
           gc->sessions + gc->names;
}

static void print_json(const char *path, int64_t days, const qf_gc *gc, const char *backup)
{
    json_t *o = json_pack(
        "{s:s, s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s?}",
        "schema", "qforge-gc/1", "ledger", path, "done", backup != NULL, "days",
        (json_int_t)days, "trials", (json_int_t)gc->trials, "lost", (json_int_t)gc->lost,
        "validations", (json_int_t)gc->validations, "comparisons", (json_int_t)gc->comparisons,
        "elections", (json_int_t)gc->elections, "latencies", (json_int_t)gc->latencies,
        "sessions", (json_int_t)gc->sessions, "names", (json_int_t)gc->names, "bytes_before",
        (json_int_t)gc->bytes_before, "bytes_after", (json_int_t)gc->bytes_after, "backup",
        backup);
    json_dumpf(o, stdout, JSON_COMPACT);
    printf("\n");
    json_decref(o);
}

static void print_counts(const qf_gc *gc)
{
    const struct {
        const char *what;
        int64_t count;
    } rows[] = {{"trials", gc->trials},           {"  of them lost", gc->lost},
                {"validations", gc->validations}, {"comparisons", gc->comparisons},
                {"elections", gc->elections},     {"latencies", gc->latencies},
                {"sessions", gc->sessions},       {"unused names", gc->names}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].count) printf("  %-14s %lld\n", rows[i].what, (long long)rows[i].count);
}

static qf_status plan(const char *ledger, int64_t days, bool json)
{
    char path[CLI_PATH_MAX];
    qf_store *store;
    qf_gc gc;

    QF_TRY(cli_db_open(ledger, QF_STORE_READ, path, &store));
    const qf_status status = qf_store_gc_plan(store, (int)days, &gc);
    qf_store_close(store);
    QF_TRY(status);
    if (json) {
        print_json(path, days, &gc, NULL);
    } else if (!total(&gc)) {
        printf("%s: nothing older than %lld days is held in vain\n", path, (long long)days);
    } else {
        printf("%s: can never answer again, and are older than %lld days:\n", path,
               (long long)days);
        print_counts(&gc);
        printf("  %lld bytes would become about %lld; --yes drops them, after a copy\n",
               (long long)gc.bytes_before, (long long)gc.bytes_after);
    }
    return QF_OK;
}

static qf_status drop(const char *ledger, int64_t days, bool json)
{
    char path[CLI_PATH_MAX], backup[QF_STORE_PATH_MAX];
    qf_store *store;
    qf_gc gc;

    QF_TRY(cli_db_open(ledger, QF_STORE_READ, path,
                       &store)); /* one that is not there is not made */
    snprintf(path, sizeof path, "%s", qf_store_path(store));
    qf_store_close(store);
    QF_TRY(qf_store_gc(path, (int)days, &gc, backup));
    if (json) {
        print_json(path, days, &gc, backup);
        return QF_OK;
    }
    printf("%s: %lld rows dropped\n", path, (long long)total(&gc));
    print_counts(&gc);
    printf("  %lld bytes are now %lld; what it was is %s\n", (long long)gc.bytes_before,
           (long long)gc.bytes_after, backup);
    return QF_OK;
}

qf_status cli_db_gc(int argc, char **argv)
{
    const char *ledger = NULL;
    int64_t days = 90;
    bool json = false, yes = false, help;
    const cli_option options[] = {
        {"db", 0, CLI_TEXT, &ledger, "FILE", "the tuning ledger"},
        {"days", 'd', CLI_INT, &days, "N", "younger rows stay; 90 unless said"},
        {"yes", 'y', CLI_FLAG, &yes, NULL, "drop them, after a copy; else they are counted"},
        {"json", 'j', CLI_FLAG, &json, NULL, "for programs"},
        {0}};
    int rest;

    QF_TRY(cli_parse(argc, argv, "qforge db gc [--days N] [--yes] [options]", options, &rest,
                     &help));
    if (help) return QF_OK;
    QF_TRY(cli_no_operands(argc, argv, rest));
    if (days < 0 || days > 36500)
        return qf_fail(QF_USAGE, "--days: %lld is not between 0 and 36500", (long long)days);
    return yes ? drop(ledger, days, json) : plan(ledger, days, json);
}
