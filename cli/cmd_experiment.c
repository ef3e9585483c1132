/* cmd_experiment.c -- qforge experiment: a table of losses, from scratch. */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "experiment/result_table.h"
#include "experiment/subnet_columns.h"
#include "inference.h"
#include "interrupt.h"
#include "options.h"
#include "paths.h"
#include "qforge/file.h"
#include "qforge/memory.h"

static qf_status list_experiments(void)
{
#define CLI_EXPERIMENT(name, how, summary) printf("%-12s %s\n", #name, summary);
#include "experiment/experiments.def"
#undef CLI_EXPERIMENT
    return QF_OK;
}

static qf_status check(const experiment *e)
{
    QF_TRY(cli_need("experiment", "--model", e->model));
    QF_TRY(cli_need("experiment", "--train", e->train));
    QF_TRY(cli_need("experiment", "--valid", e->valid));
    QF_TRY(cli_need("experiment", "-o", e->directory));
    QF_TRY(cli_check_int("seeds", e->seeds, 1, TABLE_SEEDS));
    QF_TRY(cli_check_int("unit", e->unit, 1, 1 << 24));
    QF_TRY(cli_check_int("records", e->records, 0, 1 << 24));
    QF_TRY(cli_check_int("samples", e->samples, 1, 1 << 24));
    QF_TRY(cli_check_int("search-skip", e->search_skip, 0, 1 << 24));
    QF_TRY(cli_check_int("search-records", e->search_records, 1, 1 << 24));
    QF_TRY(cli_check_int("evaluations", e->search_evaluations, COLUMNS_MIXED, 1 << 20));
    return cli_check_int("threads", e->threads, 0, 256);
}

/* Everything once without doing it: what names are wrong, and how much is to do. */
static qf_status rehearse(experiment e, const char *name, bool tell, int *steps)
{
    static result_table table;
    experiment_fill *fill;

    QF_TRY(result_table_named(name, &table, &fill));
    e.rehearse = true;
    e.tell = tell;
    QF_TRY(experiment_open(&e));
    const qf_status status = fill(&e, &table);
    *steps = e.steps;
    experiment_close(&e);
    return status;
}

static qf_status print_file(const char *directory, const char *name, const char *kind)
{
    char path[EXPERIMENT_PATH], *text;

    snprintf(path, sizeof path, "%.4000s/%s.%s", directory, name, kind);
    QF_TRY(qf_file_read(path, 1 << 26, &text, NULL));
    fputs(text, stdout);
    qf_free(text);
    return QF_OK;
}

static qf_status run(experiment *e, const char *name, bool dry, bool json)
{
    static result_table table;
    experiment_fill *fill;

    QF_TRY(rehearse(*e, name, dry, &e->steps));
    if (dry) return QF_OK;
    QF_TRY(result_table_named(name, &table, &fill));
    qf_status status = experiment_open(e);
    if (status == QF_OK) status = fill(e, &table);
    if (status == QF_OK) status = result_table_save(e, &table);
    experiment_close(e);
    QF_TRY(status);
    return print_file(e->directory, name, json ? "json" : "md");
}

qf_status cli_cmd_experiment(int argc, char **argv)
{
    experiment e = {.seeds = 3,
                    .unit = 300,
                    .group = 32,
                    .samples = 64,
                    .records = 60,
                    .search_skip = 1500,
                    .search_records = 15,
                    .search_evaluations = 250};
    bool list = false, dry = false, json = false;
    const cli_option options[] = {
        {"list", 0, CLI_FLAG, &list, NULL, "the names there are, one a line"},
        {"model", 'm', CLI_TEXT, &e.model, "PATH", "full-precision model"},
        {"tokenizer", 0, CLI_TEXT, &e.tokenizer, "FILE", "default: the model directory's"},
        {"train", 0, CLI_TEXT, &e.train, "TEXT", "to calibrate, train and search on"},
        {"valid", 0, CLI_TEXT, &e.valid, "TEXT", "losses are measured on it"},
        {"out", 'o', CLI_TEXT, &e.directory, "DIR",
         "models, steps and results; what is done there is not done again"},
        {"seeds", 0, CLI_INT, &e.seeds, "N", "of training and search (3)"},
        {"unit", 0, CLI_INT, &e.unit, "N", "steps of a unit of training (300)"},
        {"group", 'g', CLI_INT, &e.group, "N", "32 (default), 64 or 128"},
        {"samples", 0, CLI_INT, &e.samples, "N", "windows to calibrate on (64)"},
        {"records", 'n', CLI_INT, &e.records, "N", "of the validation text; 0: all (60)"},
        {"search-skip", 0, CLI_INT, &e.search_skip, "N",
         "records of the training text before those searched on (1500)"},
        {"search-records", 0, CLI_INT, &e.search_records, "N", "searched on (15)"},
        {"evaluations", 0, CLI_INT, &e.search_evaluations, "N", "of a search (250)"},
        {"threads", 't', CLI_INT, &e.threads, "N", "0: one per CPU"},
        {"db", 0, CLI_TEXT, &e.ledger, "FILE", "tuning ledger; none: the prior alone"},
        {"dry-run", 0, CLI_FLAG, &dry, NULL, "print the commands, in order, and do nothing"},
        {"json", 0, CLI_FLAG, &json, NULL, "print one JSON object"},
        {0}};
    int rest;
    bool help;

    QF_TRY(cli_parse(argc, argv, "qforge experiment NAME --model PATH --train TEXT …", options,
                     &rest, &help));
    if (help) return QF_OK;
    if (list) return list_experiments();
    if (rest + 1 != argc)
        return qf_fail(QF_USAGE, "experiment: give one name (--list tells them)");
    QF_TRY(check(&e));
    cli_interrupt_catch();
    return run(&e, argv[rest], dry, json);
}
