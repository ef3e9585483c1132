/* fill_arms.c -- tables of arms: losses by subnets of growing width. */
#include <stdio.h>
#include <string.h>

#include "readings.h"
#include "qforge/file.h"
#include "qforge/memory.h"
#include "result_table.h"
#include "subnet_columns.h"

enum { FIXED, SEARCHED };
static const struct {
    const char *experiment;
    experiment_arm arm;
    int how;
} arm_rows[] = {
#define CLI_ROW(experiment, arm, how) {#experiment, ARM_##arm, how},
#include "arms.def"
};
enum { ARM_ROWS = sizeof arm_rows / sizeof *arm_rows };

static bool is_of(int row, const result_table *table)
{
    return strcmp(arm_rows[row].experiment, table->experiment) == 0;
}

static void add_columns(result_table *t)
{
    static const char *const found[COLUMNS_MIXED] = {"2.25 found", "2.5 found", "3 found",
                                                     "3.5 found"};
    bool searched = false;

    for (int c = 0; c < COLUMNS_FIXED; c++) {
        t->column[c] = columns_fixed[c].name;
        t->x[c] = columns_fixed[c].bits;
    }
    t->columns = t->charted = COLUMNS_FIXED;
    for (int r = 0; r < ARM_ROWS; r++) searched |= is_of(r, t) && arm_rows[r].how == SEARCHED;
    for (int c = 0; searched && c < COLUMNS_MIXED; c++) {
        t->column[t->columns] = found[c];
        t->x[t->columns++] = columns_mixed[c];
    }
}

/* ---- one arm, one seed ---- */

static qf_status fill_fixed(experiment *e, experiment_arm arm, int seed, const char *subnets,
                            table_row *row)
{
    json_t *record;
    qf_status status = QF_OK;

    QF_TRY(experiment_judge(e, arm, seed, "fixed", subnets, &record));
    for (int c = 0; record && status == QF_OK && c < COLUMNS_FIXED; c++) {
        const subnet_column *column = &columns_fixed[c];
        double loss;
        status = reading_loss(record, column->first, column->count, &loss);
        if (status == QF_OK) table_cell_put(&row->cell[c], seed, loss);
    }
    json_decref(record);
    return status;
}

/* The winners of a search, one a line. */
static qf_status write_found(const json_t *record, const char *path)
{
    const json_t *list = json_object_get(json_object_get(record, "result"), "results");
    char *text = qf_alloc(COLUMNS_MIXED * (QF_SUBNET_MAX + 2));
    qf_status status = text ? QF_OK : QF_MEMORY;

    for (int c = 0; status == QF_OK && c < COLUMNS_MIXED; c++) {
        const char *digits =
            json_string_value(json_object_get(json_array_get(list, (size_t)c), "subnet"));
        if (digits && strlen(digits) <= QF_SUBNET_MAX)
            strcat(strcat(text, digits), "\n");
        else
            status = qf_fail(QF_FORMAT, "%s: the search has no subnet for budget %d", path, c);
    }
    if (status == QF_OK) status = qf_file_write(path, text, strlen(text));
    qf_free(text);
    return status;
}

static qf_status fill_found(experiment *e, experiment_arm arm, int seed, table_row *row)
{
    char path[EXPERIMENT_PATH];
    json_t *record;

    QF_TRY(experiment_search(e, arm, seed, columns_budgets, &record));
    snprintf(path, sizeof path, "%.3900s/%.80s-s%d.subnets", e->directory, row->name, seed);
    qf_status status = record ? write_found(record, path) : QF_OK;
    json_decref(record);
    QF_TRY(status);
    QF_TRY(experiment_judge(e, arm, seed, "found", path, &record));
    for (int c = 0; record && status == QF_OK && c < COLUMNS_MIXED; c++) {
        double loss;
        status = reading_loss(record, c, 1, &loss);
        if (status == QF_OK) table_cell_put(&row->cell[COLUMNS_FIXED + c], seed, loss);
    }
    json_decref(record);
    return status;
}

static qf_status fill_seed(experiment *e, result_table *t, int seed, const char *subnets)
{
    table_row *row = t->row;

    for (int r = 0; r < ARM_ROWS; r++) {
        const experiment_arm arm = arm_rows[r].arm;
        if (!is_of(r, t)) continue;
        if (seed == 1 || experiment_arm_trains(arm)) {
            QF_TRY(fill_fixed(e, arm, seed, subnets, row));
            if (arm_rows[r].how == SEARCHED) QF_TRY(fill_found(e, arm, seed, row));
        }
        row++;
    }
    return QF_OK;
}

qf_status experiment_fill_arms(experiment *e, result_table *t)
{
    char path[EXPERIMENT_PATH];

    t->what = "Nats per token on the first records of the validation text; mixed: means over "
              "four random subnets; found: the winner of a search on other text.";
    t->digits = 3;
    t->differences = true;
    t->x_label = "bits per weight";
    t->y_label = "nats per token";
    add_columns(t);
    for (int r = 0; r < ARM_ROWS; r++)
        if (is_of(r, t))
            result_table_add(t, experiment_arm_name(arm_rows[r].arm),
                             experiment_arm_label(arm_rows[r].arm));
    QF_TRY(columns_file(e, path));
    for (int seed = 1; seed <= e->seeds; seed++) QF_TRY(fill_seed(e, t, seed, path));
    return QF_OK;
}
