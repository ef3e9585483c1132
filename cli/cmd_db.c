/* cmd_db.c -- qforge db: looks into the ledger. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "command.h"
#include "db_verbs.h"
#include "machine.h"
#include "options.h"
#include "places.h"
#include "qforge/codegen.h"
#include "qforge/cpu.h"
#include "qforge/store.h"
#include "topics.h"

typedef struct request {
    const char *ledger;
    bool json, all;
    char *const *operand; /* after the verb, NULL at the end */
    char path[CLI_PATH_MAX];
    qf_store *store;
    qf_shards shards;
    qf_cpu cpu;
    json_t *rows;
} request;

/* ---- what there is --------------------------------------------------------------------- */

static qf_status count(request *r)
{
    qf_store_counts c;
    QF_TRY(qf_store_count(r->store, &c));
    const struct {
        const char *name;
        int64_t value;
    } rows[] = {{"machines", c.machines},   {"sessions", c.sessions},  {"problems", c.problems},
                {"kernels", c.kernels},     {"trials", c.trials},      {"ok", c.ok},
                {"failed", c.failed},       {"lost", c.lost},          {"open", c.open},
                {"elections", c.elections}, {"latencies", c.latencies}};
    json_t *o = json_object();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_object_set_new(o, rows[i].name, json_integer(rows[i].value));
        if (!r->json) printf("%-10s %lld\n", rows[i].name, (long long)rows[i].value);
    }
    if (r->json) json_dumpf(o, stdout, JSON_COMPACT), printf("\n");
    json_decref(o);
    return QF_OK;
}

static qf_status check(request *r)
{
    QF_TRY(qf_store_check(r->store));
    printf("%s: sound\n", qf_store_path(r->store));
    return QF_OK;
}

static void print_merged(const char *source, long long sessions, long long trials)
{
    json_t *o = json_pack("{s:s, s:I, s:I}", "source", source, "sessions", (json_int_t)sessions,
                          "trials", (json_int_t)trials);
    json_dumpf(o, stdout, JSON_COMPACT);
    printf("\n");
    json_decref(o);
}

/* Says what each source brought: a merge that adds nothing is as good as any. */
static qf_status merge_one(request *r, const char *source)
{
    qf_store_counts before, after;

    QF_TRY(qf_store_count(r->store, &before));
    QF_TRY(qf_store_merge(r->store, source));
    QF_TRY(qf_store_count(r->store, &after));
    const long long sessions = after.sessions - before.sessions,
                    trials = after.trials - before.trials;
    if (r->json)
        print_merged(source, sessions, trials);
    else
        printf("%s: %lld sessions and %lld trials were new\n", source, sessions, trials);
    return QF_OK;
}

/* Without operands, the shards beside the ledger. */
static qf_status find_sources(request *r)
{
    if (*r->operand) return QF_OK;
    QF_TRY(qf_shards_find(r->path, &r->shards));
    if (r->shards.count) return QF_OK;
    return qf_fail(QF_USAGE, "db merge: say which ledgers; there are no shards beside %s",
                   r->path);
}

static qf_status merge(request *r)
{
    for (int i = 0; i < r->shards.count; i++) QF_TRY(merge_one(r, r->shards.path[i]));
    for (char *const *source = r->operand; *source; source++) QF_TRY(merge_one(r, *source));
    return qf_store_publish(r->store);
}

/* ---- the best -------------------------------------------------------------------------- */

static bool print_best(void *context, const char *tune_key, int code_abi, const qf_best *best)
{
    request *r = context;
    char problem[QF_NAME_MAX], kernel[QF_NAME_MAX];

    qf_problem_print(&best->problem, problem);
    qf_kernel_print(&best->kernel, kernel);
    if (r->json) {
        json_array_append_new(
            r->rows,
            json_pack("{s:s, s:s, s:s, s:i, s:f, s:f, s:f, s:s, s:b, s:b, s:s, s:I}", "problem",
                      problem, "kernel", kernel, "tune_key", tune_key, "abi", code_abi,
                      "median_us", best->ns / 1e3, "low_us", best->low_ns / 1e3, "high_us",
                      best->high_ns / 1e3, "cache", qf_cache_mode_name(best->cache), "elected",
                      best->elected, "settled", best->settled, "code_hash", best->code_hash,
                      "unix_us", (json_int_t)best->unix_us));
        return true;
    }
    char day[16];
    const time_t seconds = (time_t)(best->unix_us / 1000000);
    struct tm utc;
    strftime(day, sizeof day, "%Y-%m-%d", gmtime_r(&seconds, &utc));
    printf("%-34s %-48s %10.2f us %s %s%s\n", problem, kernel, best->ns / 1e3,
           qf_cache_mode_name(best->cache), day, best->settled ? "" : " (not settled)");
    return true;
}

static qf_status list(request *r)
{
    const qf_scope here = {r->cpu.tune_key, QF_CODE_ABI};

    r->rows = json_array();
    const qf_status status = qf_store_each_best(r->store, r->all ? NULL : &here, print_best, r);
    if (status == QF_OK && r->json) {
        json_dumpf(r->rows, stdout, JSON_COMPACT | JSON_REAL_PRECISION(7));
        printf("\n");
    }
    json_decref(r->rows);
    return status;
}

/* ---- the command ----------------------------------------------------------------------- */

static const struct {
    const char *name;
    qf_status (*run)(request *request);
    bool merges; /* operands into a ledger that may be new */
    const char *usage;
} verbs[] = {{"list", list, false,
              "qforge db list [options]\n\n"
              "The best kernel of every problem tuned on this machine."},
             {"count", count, false,
              "qforge db count [options]\n\n"
              "How much the ledger holds."},
             {"check", check, false,
              "qforge db check [options]\n\n"
              "Whether the file is sound, page by page."},
             {"merge", merge, true,
              "qforge db merge [FILE...] [options]\n\n"
              "Adds what other ledgers know, or without any the shards of hosts beside this\n"
              "one; any order, any number of times."}};

qf_status cli_db_open(const char *ledger, qf_store_mode mode, char path[CLI_PATH_MAX],
                      qf_store **store)
{
    QF_TRY(cli_ledger_path(ledger, path));
    const qf_status status = qf_store_open(path, mode, store);
    if (status == QF_NOT_FOUND)
        return qf_fail(QF_NOT_FOUND, "%s: no ledger there yet; qforge tune makes it", path);
    QF_TRY(status);
    cli_ledger_notice(*store);
    return QF_OK;
}

/* Verbs with options of their own. */
static const cli_topic topics[] = {
#define CLI_DB_VERB(name, summary) {#name, summary, cli_db_##name},
#include "db_verbs.def"
#undef CLI_DB_VERB
};

static const char general_usage[] =
    "qforge db VERB [options]\n\n"
    "  list            the best kernel of every problem tuned on this machine\n"
    "  count           how much the ledger holds\n"
    "  check           whether the file is sound, page by page\n"
    "  merge [FILE...] adds what other ledgers know, or the shards of hosts "
    "beside this\n                  one; any order, any number of times\n"
    "  doctor          examines the ledger, repairs and salvages (doctor --help)\n"
    "  gc              counts, or drops, what can never answer again (gc "
    "--help)\n"
    "  export          writes JSON, CSV or T4, or the champions (export --help)\n"
    "  import FILE...  adds what exports hold (import --help)";

static const char *usage_of(int argc, char *const argv[])
{
    for (size_t i = 0; argc > 1 && i < sizeof verbs / sizeof *verbs; i++)
        if (strcmp(argv[1], verbs[i].name) == 0) return verbs[i].usage;
    return general_usage;
}

qf_status cli_cmd_db(int argc, char **argv)
{
    request r = {0};
    const cli_option options[] = {
        {"db", 0, CLI_TEXT, &r.ledger, "FILE", "the tuning ledger"},
        {"all", 'a', CLI_FLAG, &r.all, NULL, "list: of every machine and code ABI"},
        {"json", 'j', CLI_FLAG, &r.json, NULL, "for programs"},
        {0}};
    int rest;
    bool help;

    for (size_t i = 0; i < sizeof topics / sizeof *topics; i++)
        if (argc > 1 && strcmp(argv[1], topics[i].name) == 0)
            return topics[i].run(argc - 1, argv + 1);
    QF_TRY(cli_parse(argc, argv, usage_of(argc, argv), options, &rest, &help));
    if (help) return QF_OK;
    if (rest == argc)
        return qf_fail(QF_USAGE,
                       "db: say list, count, check, merge, doctor, gc, export or import");
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        if (strcmp(argv[rest], verbs[i].name) != 0) continue;
        r.operand = argv + rest + 1;
        if (!verbs[i].merges) QF_TRY(cli_no_operands(argc, argv, rest + 1));
        QF_TRY(qf_cpu_detect(&r.cpu));
        QF_TRY((verbs[i].merges ? cli_ledger_to_write : cli_ledger_path)(r.ledger, r.path));
        if (verbs[i].merges) QF_TRY(find_sources(&r));
        const qf_store_mode mode = verbs[i].merges ? QF_STORE_GATHER : QF_STORE_READ;
        qf_status status = cli_db_open(r.ledger, mode, r.path, &r.store);
        if (status == QF_OK) status = verbs[i].run(&r);
        qf_store_close(r.store);
        qf_shards_release(&r.shards);
        return status;
    }
    return qf_fail(QF_USAGE,
                   "db: '%s' is none of list, count, check, merge, doctor, gc, export, "
                   "import",
                   argv[rest]);
}
