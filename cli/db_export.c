/* db_export.c -- qforge db export: the ledger as text, on standard output or in a file. */
#include <stdio.h>

#include "db_verbs.h"
#include "options.h"
#include "qforge/exchange.h"
#include "qforge/file.h"

static qf_status print(void *context, const char *text, size_t size)
{
    (void)context;
    if (fwrite(text, 1, size, stdout) == size) return QF_OK;
    return qf_fail(QF_IO, "cannot write to standard output");
}

static qf_status write_file(void *context, const char *text, size_t size)
{
    return qf_output_write(context, text, size);
}

static qf_status export_to(qf_store *store, qf_exchange format, const char *problems,
                           const char *path)
{
    qf_output output;

    if (!path) return qf_store_export(store, format, problems, print, NULL);
    QF_TRY(qf_output_open(path, &output));
    const qf_status status = qf_store_export(store, format, problems, write_file, &output);
    if (status == QF_OK) return qf_output_commit(&output);
    qf_output_abandon(&output);
    return status;
}

qf_status cli_db_export(int argc, char **argv)
{
    const char *ledger = NULL, *format = "json", *problems = NULL, *out = NULL;
    const cli_option options[] = {
        {"db", 0, CLI_TEXT, &ledger, "FILE", "the tuning ledger"},
        {"format", 'f', CLI_TEXT, &format, "NAME",
         "json (every fact, comes back without loss), csv or t4 (results for other programs), "
         "champions (elected kernels, to be shipped)"},
        {"problem", 'p', CLI_TEXT, &problems, "NAME",
         "only this one; * and ? stand for others"},
        {"out", 'o', CLI_TEXT, &out, "FILE", "instead of standard output"},
        {0}};
    char path[CLI_PATH_MAX];
    qf_store *store;
    int rest;
    bool help;

    QF_TRY(cli_parse(argc, argv, "qforge db export [--format NAME] [-o FILE] [options]",
                     options, &rest, &help));
    if (help) return QF_OK;
    QF_TRY(cli_no_operands(argc, argv, rest));
    if (qf_exchange_named(format) == QF_EXCHANGE_COUNT)
        return qf_fail(QF_USAGE, "--format: '%s' is none of json, csv, t4, champions", format);
    QF_TRY(cli_db_open(ledger, QF_STORE_READ, path, &store));
    const qf_status status = export_to(store, qf_exchange_named(format), problems, out);
    qf_store_close(store);
    return status;
}
