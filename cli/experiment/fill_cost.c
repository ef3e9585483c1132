/* fill_cost.c -- what N scenarios of deployment cost, from the steps' own accounts.
 *
 *     QA-LoRA retrained   N (quantising + a unit of training)
 *     QA-LoRA stitched    quantising and a unit for each width, at most three; N searches
 *                         cost one, as evaluations serve all budgets
 *     QFA                 quantising, what the arm trains, one search
 */
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <sys/stat.h>

#include "qforge/file.h"
#include "result_table.h"
#include "subnet_columns.h"

static const int scenarios[] = {1, 2, 3, 5, 7, 10};
enum { SCENARIOS = sizeof scenarios / sizeof *scenarios };

typedef struct account {
    double cpu, peak; /* seconds; bytes, the most of any step */
    double disk;      /* bytes that stay */
} account;

/* Of the files in a directory. */
static double disk_of(const char *path)
{
    DIR *directory = opendir(path);
    double bytes = 0;

    for (const struct dirent *entry; directory && (entry = readdir(directory)) != NULL;) {
        struct stat about;
        char file[EXPERIMENT_PATH + 256];
        snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
        if (stat(file, &about) == 0 && S_ISREG(about.st_mode)) bytes += (double)about.st_size;
    }
    if (directory) closedir(directory);
    return bytes;
}

static void charge(account *a, const json_t *record)
{
    const double peak = json_number_value(json_object_get(record, "peak_bytes"));
    a->cpu += json_number_value(json_object_get(record, "cpu_seconds"));
    a->peak = fmax(a->peak, peak);
}

/* What an arm's model took, its quantising apart. */
static qf_status charge_arm(experiment *e, experiment_arm arm, int seed, account *quantising,
                            account *training)
{
    char path[EXPERIMENT_PATH];

    QF_TRY(experiment_model(e, arm, seed, path));
    if (e->rehearse) return QF_OK;
    training->disk = disk_of(path);
    json_t *steps = experiment_steps_of(e, arm, seed);
    size_t i;
    json_t *record;
    json_array_foreach(steps, i, record) charge(i ? training : quantising, record);
    json_decref(steps);
    return steps ? QF_OK : qf_fail(QF_FORMAT, "steps of a model have no records");
}

static qf_status charge_search(experiment *e, experiment_arm arm, int seed, account *searching)
{
    json_t *record;
    QF_TRY(experiment_search(e, arm, seed, columns_budgets, &record));
    if (record) charge(searching, record);
    json_decref(record);
    return QF_OK;
}

static void fill_row(table_row *row, int seed, const account *all)
{
    for (int c = 0; c < SCENARIOS; c++) table_cell_put(&row->cell[c], seed, all[c].cpu);
    table_cell_put(&row->cell[SCENARIOS], seed, all[0].peak / 1e6);
    table_cell_put(&row->cell[SCENARIOS + 1], seed, all[SCENARIOS - 1].disk / 1e6);
}

/* Widths share one pass of quantising: a third of it stands for one of them. */
static qf_status fill_seed(experiment *e, result_table *t, int seed)
{
    account base = {0}, three = {0}, ours = {0}, search = {0}, stitched_search = {0};
    account row[3][SCENARIOS];

    QF_TRY(charge_arm(e, ARM_qalora, seed, &base, &three));
    QF_TRY(charge_search(e, ARM_qalora, seed, &stitched_search));
    account ignored = {0};
    QF_TRY(charge_arm(e, ARM_standard, seed, &ignored, &ours));
    QF_TRY(charge_search(e, ARM_standard, seed, &search));
    const double one = (base.cpu + three.cpu) / 3;
    for (int c = 0; c < SCENARIOS; c++) {
        const double n = scenarios[c], runs = fmin(n, 3);
        row[0][c] = (account){n * one, fmax(base.peak, three.peak), n * three.disk / 3};
        row[1][c] = (account){runs * one + (n > 1 ? stitched_search.cpu : 0),
                              fmax(base.peak, fmax(three.peak, stitched_search.peak)),
                              three.disk * runs / 3};
        row[2][c] = (account){base.cpu + ours.cpu + search.cpu,
                              fmax(base.peak, fmax(ours.peak, search.peak)), ours.disk};
    }
    for (int r = 0; r < 3 && !e->rehearse; r++) fill_row(&t->row[r], seed, row[r]);
    return QF_OK;
}

qf_status experiment_fill_cost(experiment *e, result_table *t)
{
    static const char *const column[] = {"N = 1", "2", "3", "5", "7", "10", "memory", "disk"};

    t->what =
        "CPU seconds for N scenarios; megabytes of memory of the largest step and of what "
        "stays on disk for ten. "
        "Retrained: every scenario quantises and trains a model of its own; stitched: one "
        "run per width, then a search of mixtures; QFA: one run for all, then a search.";
    t->digits = 0;
    t->columns = SCENARIOS + 2;
    for (int c = 0; c < t->columns; c++) t->column[c] = column[c];
    result_table_add(t, "retrained", "QA-LoRA, retrained");
    result_table_add(t, "stitched", "QA-LoRA, stitched");
    result_table_add(t, "qfa", experiment_arm_label(ARM_standard));
    for (int seed = 1; seed <= e->seeds; seed++) QF_TRY(fill_seed(e, t, seed));
    return QF_OK;
}
