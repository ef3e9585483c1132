/* arm_table.c -- runs the arms of a table and takes their losses. */
#include "arm_table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qforge/file.h"
#include "qforge/memory.h"
#include "qforge/model.h"
#include "qforge/names.h"

static const struct {
    const char *name, *summary;
} experiments[] = {
#define CLI_EXPERIMENT(name, summary) {#name, summary},
#include "experiments.def"
#undef CLI_EXPERIMENT
};

enum { FIXED, SEARCHED };
static const struct {
    const char *experiment;
    experiment_arm arm;
    int how;
} rows[] = {
#define CLI_ROW(experiment, arm, how) {#experiment, ARM_##arm, how},
#include "arms.def"
};

static const char *experiment_name(int index)
{
    return experiments[index].name;
}

qf_status arm_table_named(const char *name, arm_table *table)
{
    const int count = sizeof experiments / sizeof *experiments;
    int index;

    memset(table, 0, sizeof *table);
    QF_TRY(qf_name_find("experiment", experiment_name, count, name, &index));
    table->experiment = experiments[index].name;
    table->summary = experiments[index].summary;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(rows[i].experiment, name) != 0) continue;
        QF_ASSERT(table->rows < ARM_ROWS);
        table->row[table->rows++] =
            (arm_row){.arm = rows[i].arm, .searched = rows[i].how == SEARCHED};
    }
    for (int c = 0; c < COLUMNS_FIXED; c++) {
        table->column[c] = columns_fixed[c].name;
        table->bits[c] = columns_fixed[c].bits;
    }
    table->columns = COLUMNS_FIXED;
    return QF_OK;
}

static void add_searched_columns(arm_table *table)
{
    static const char *const name[COLUMNS_MIXED] = {"2.25 found", "2.5 found", "3 found",
                                                    "3.5 found"};
    bool any = false;

    for (int r = 0; r < table->rows; r++) any |= table->row[r].searched;
    if (!any) return;
    for (int c = 0; c < COLUMNS_MIXED; c++) {
        table->column[table->columns] = name[c];
        table->bits[table->columns++] = columns_mixed[c];
    }
}

/* ---- cells ---- */

double arm_cell_mean(const arm_cell *cell)
{
    double sum = 0;
    for (int i = 0; i < cell->count; i++) sum += cell->value[i];
    return cell->count ? sum / cell->count : NAN;
}

double arm_cell_error(const arm_cell *cell)
{
    const double mean = arm_cell_mean(cell);
    double squares = 0;

    if (cell->count < 2) return NAN;
    for (int i = 0; i < cell->count; i++)
        squares += (cell->value[i] - mean) * (cell->value[i] - mean);
    return sqrt(squares / (cell->count - 1) / cell->count);
}

arm_cell arm_cell_less(const arm_cell *a, const arm_cell *b)
{
    arm_cell less = {0};

    if (a->count == 0 || b->count == 0) return less;
    less.count = a->count > b->count ? a->count : b->count;
    for (int i = 0; i < less.count; i++) /* what has no seed has one value for all of them */
        less.value[i] = a->value[a->count == 1 ? 0 : i] - b->value[b->count == 1 ? 0 : i];
    return less;
}

static void put(arm_cell *cell, int seed, double value)
{
    cell->value[seed - 1] = value;
    if (cell->count < seed) cell->count = seed;
}

/* Mean loss of some of the subnets a record has judged. */
static qf_status mean_loss(const json_t *record, const char *name, int first, int count,
                           double *mean)
{
    const json_t *list = json_object_get(json_object_get(record, "result"), "subnets");

    *mean = 0;
    for (int i = first; i < first + count; i++) {
        const json_t *value = json_object_get(json_array_get(list, (size_t)i), "nll_per_token");
        if (!json_is_number(value))
            return qf_fail(QF_FORMAT, "step judge-%s: no loss of subnet %d", name, i + 1);
        *mean += json_number_value(value) / count;
    }
    return QF_OK;
}

/* ---- one arm, one seed ---- */

static qf_status fill_fixed(experiment *e, arm_row *row, int seed, const char *subnets)
{
    const char *name = experiment_arm_name(row->arm);
    json_t *record;
    qf_status status = QF_OK;

    QF_TRY(experiment_judge(e, row->arm, seed, "fixed", subnets, &record));
    for (int c = 0; record && status == QF_OK && c < COLUMNS_FIXED; c++) {
        double loss;
        status = mean_loss(record, name, columns_fixed[c].first, columns_fixed[c].count, &loss);
        if (status == QF_OK) put(&row->cell[c], seed, loss);
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

static qf_status fill_searched(experiment *e, arm_row *row, int seed)
{
    const char *name = experiment_arm_name(row->arm);
    char path[EXPERIMENT_PATH];
    json_t *record;

    QF_TRY(experiment_search(e, row->arm, seed, columns_budgets, &record));
    snprintf(path, sizeof path, "%.3900s/%.80s-s%d.subnets", e->directory, name, seed);
    qf_status status = record ? write_found(record, path) : QF_OK;
    json_decref(record);
    QF_TRY(status);
    QF_TRY(experiment_judge(e, row->arm, seed, "found", path, &record));
    for (int c = 0; record && status == QF_OK && c < COLUMNS_MIXED; c++) {
        double loss;
        status = mean_loss(record, name, c, 1, &loss);
        if (status == QF_OK) put(&row->cell[COLUMNS_FIXED + c], seed, loss);
    }
    json_decref(record);
    return status;
}

static qf_status write_columns(const experiment *e, const char *path)
{
    qf_model model;

    QF_TRY(qf_model_load(e->model, &model));
    const qf_status status = columns_write(path, &model.config);
    qf_model_release(&model);
    return status;
}

qf_status arm_table_fill(experiment *e, arm_table *table)
{
    char path[EXPERIMENT_PATH];

    if (table->columns == COLUMNS_FIXED) add_searched_columns(table);
    snprintf(path, sizeof path, "%.4000s/columns.subnets", e->directory);
    if (!e->rehearse) QF_TRY(write_columns(e, path));
    for (int seed = 1; seed <= e->seeds; seed++)
        for (int r = 0; r < table->rows; r++) {
            arm_row *row = &table->row[r];
            if (seed > 1 && !experiment_arm_trains(row->arm)) continue;
            QF_TRY(fill_fixed(e, row, seed, path));
            if (row->searched) QF_TRY(fill_searched(e, row, seed));
        }
    return QF_OK;
}
