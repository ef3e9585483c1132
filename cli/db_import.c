/* db_import.c -- qforge db import: what exports hold, into a ledger that may be new. */
#include <jansson.h>
#include <stdio.h>

#include "db_verbs.h"
#include "options.h"
#include "qforge/exchange.h"

static void print_result(const char *path, const qf_import *result, bool json)
{
    const bool seeds = result->format != QF_EXCHANGE_JSON;

    if (json) {
        json_t *o = json_pack(
            "{s:s, s:s, s:s, s:b, s:I, s:I, s:I, s:I}", "schema", "qforge-import/1", "file",
            path, "format", qf_exchange_name(result->format), "seeds", seeds, "rows",
            (json_int_t)result->rows, "foreign", (json_int_t)result->foreign, "sessions",
            (json_int_t)result->sessions, "trials", (json_int_t)result->trials);
        json_dumpf(o, stdout, JSON_COMPACT);
        printf("\n");
        json_decref(o);
        return;
    }
    printf("%s: %lld rows of %s, %lld trials were new%s\n", path, (long long)result->rows,
           qf_exchange_name(result->format), (long long)result->trials,
           seeds ? "; seeds for the tuner, which judges them before they answer anything" : "");
    if (result->foreign)
        printf("  %lld rows are not about kernels of ours\n", (long long)result->foreign);
}

qf_status cli_db_import(int argc, char **argv)
{
    const char *ledger = NULL;
    bool json = false, help;
    const cli_option options[] = {{"db", 0, CLI_TEXT, &ledger, "FILE", "the tuning ledger"},
                                  {"json", 'j', CLI_FLAG, &json, NULL, "for programs"},
                                  {0}};
    char path[CLI_PATH_MAX];
    int rest;

    QF_TRY(cli_parse(argc, argv, "qforge db import FILE... [options]", options, &rest, &help));
    if (help) return QF_OK;
    if (rest == argc) return qf_fail(QF_USAGE, "db import: say which files");
    QF_TRY(cli_ledger_to_write(ledger, path));
    for (char *const *file = argv + rest; *file; file++) {
        qf_import result;
        QF_TRY(qf_store_import(path, *file, &result));
        print_result(*file, &result, json);
    }
    return QF_OK;
}
