/* fill_arms.c -- tables of arms: losses by subnets of growing width. */
#include <stdio.h>
#include <string.h>

#include "readings.h"
#include "qforge/file.h"
#include "qforge/memory.h"
#include "result_table.h"
#include "subnet_columns.h"

enum { FIXED, SEARCHED, BANDED };
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

static bool has_rows(const result_table *t, int how)
{
    for (int r = 0; r < ARM_ROWS; r++)
        if (is_of(r, t) && arm_rows[r].how == how) return true;
    return false;
}

static void add_columns(result_table *t)
{
    static const char *const found[COLUMNS_MIXED] = {"2.25 found", "2.5 found", "3 found",
                                                     "3.5 found"};

    for (int c = 0; c < COLUMNS_FIXED; c++) {
        t->column[c] = columns_fixed[c].name;
        t->x[c] = columns_fixed[c].bits;
    }
    t->columns = t->charted = COLUMNS_FIXED;
    for (int c = 0; has_rows(t, SEARCHED) && c < COLUMNS_MIXED; c++) {
        t->column[t->columns] = found[c];
        t->x[t->columns++] = columns_mixed[c];
    }
    for (int c = 0; has_rows(t, BANDED) && c < COLUMNS_BANDS; c++)
        t->column[t->columns++] = columns_bands[c].name;
}

/* ---- one arm, one seed ---- */

/* The mean loss of every column's subnets, into the row's cells from the first on. */
static qf_status fill_columns(experiment *e, experiment_arm arm, int seed, const char *which,
                              const char *subnets, const subnet_column *column, int columns,
                              table_cell *first)
{
    json_t *record;
    qf_status status = QF_OK;

    QF_TRY(experiment_judge(e, arm, seed, which, subnets, &record));
    for (int c = 0; record && status == QF_OK && c < columns; c++) {
        double loss;
        status = reading_loss(record, column[c].first, column[c].count, &loss);
        if (status == QF_OK) table_cell_put(&first[c], seed, loss);
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
    subnet_column winner[COLUMNS_MIXED];
    for (int c = 0; c < COLUMNS_MIXED; c++) winner[c] = (subnet_column){.first = c, .count = 1};
    return fill_columns(e, arm, seed, "found", path, winner, COLUMNS_MIXED,
                        &row->cell[COLUMNS_FIXED]);
}

/* The files of subnets all arms are judged by. */
typedef struct files {
    char fixed[EXPERIMENT_PATH], bands[EXPERIMENT_PATH];
} files;

static qf_status fill_row(experiment *e, int r, int seed, const files *f, table_row *row)
{
    const experiment_arm arm = arm_rows[r].arm;

    QF_TRY(
        fill_columns(e, arm, seed, "fixed", f->fixed, columns_fixed, COLUMNS_FIXED, row->cell));
    if (arm_rows[r].how == SEARCHED) return fill_found(e, arm, seed, row);
    if (arm_rows[r].how == BANDED)
        return fill_columns(e, arm, seed, "bands", f->bands, columns_bands, COLUMNS_BANDS,
                            &row->cell[COLUMNS_FIXED]);
    return QF_OK;
}

static qf_status fill_seed(experiment *e, result_table *t, int seed, const files *f)
{
    table_row *row = t->row;

    for (int r = 0; r < ARM_ROWS; r++) {
        if (!is_of(r, t)) continue;
        if (seed == 1 || experiment_arm_trains(arm_rows[r].arm))
            QF_TRY(fill_row(e, r, seed, f, row));
        row++;
    }
    return QF_OK;
}

#define WHAT                                                                                   \
    "Nats per token on the first records of the validation text; mixed: means over four "      \
    "random "                                                                                  \
    "subnets"

static const char *what_of(const result_table *t)
{
    if (has_rows(t, SEARCHED)) return WHAT "; found: the winner of a search on other text.";
    if (has_rows(t, BANDED))
        return WHAT "; quarters: of the range of microseconds a token, means over eight "
                    "random subnets each.";
    return WHAT ".";
}

qf_status experiment_fill_arms(experiment *e, result_table *t)
{
    files f;

    t->what = what_of(t);
    t->digits = 3;
    t->differences = true;
    t->x_label = "bits per weight";
    t->y_label = "nats per token";
    add_columns(t);
    for (int r = 0; r < ARM_ROWS; r++)
        if (is_of(r, t))
            result_table_add(t, experiment_arm_name(arm_rows[r].arm),
                             experiment_arm_label(arm_rows[r].arm));
    QF_TRY(columns_file(e, f.fixed));
    if (has_rows(t, BANDED)) QF_TRY(columns_bands_file(e, f.bands));
    for (int seed = 1; seed <= e->seeds; seed++) QF_TRY(fill_seed(e, t, seed, &f));
    return QF_OK;
}
