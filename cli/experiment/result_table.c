/* result_table.c -- names, cells and their statistics. */
#include "result_table.h"

#include <math.h>
#include <string.h>

#include "qforge/names.h"

static const struct {
    const char *name, *summary;
    experiment_fill *fill;
} experiments[] = {
#define CLI_EXPERIMENT(name, how, summary) {#name, summary, experiment_fill_##how},
#include "experiments.def"
#undef CLI_EXPERIMENT
};

static const char *experiment_name(int index)
{
    return experiments[index].name;
}

qf_status result_table_named(const char *name, result_table *table, experiment_fill **fill)
{
    const int count = sizeof experiments / sizeof *experiments;
    int index;

    memset(table, 0, sizeof *table);
    QF_TRY(qf_name_find("experiment", experiment_name, count, name, &index));
    table->experiment = experiments[index].name;
    table->summary = experiments[index].summary;
    *fill = experiments[index].fill;
    return QF_OK;
}

table_row *result_table_add(result_table *table, const char *name, const char *label)
{
    QF_ASSERT(table->rows < TABLE_ROWS);
    table_row *row = &table->row[table->rows++];
    *row = (table_row){.name = name, .label = label};
    return row;
}

void table_cell_put(table_cell *cell, int seed, double value)
{
    cell->value[seed - 1] = value;
    if (cell->count < seed) cell->count = seed;
}

double table_cell_mean(const table_cell *cell)
{
    double sum = 0;
    for (int i = 0; i < cell->count; i++) sum += cell->value[i];
    return cell->count ? sum / cell->count : NAN;
}

double table_cell_error(const table_cell *cell)
{
    const double mean = table_cell_mean(cell);
    double squares = 0;

    if (cell->count < 2) return NAN;
    for (int i = 0; i < cell->count; i++)
        squares += (cell->value[i] - mean) * (cell->value[i] - mean);
    return sqrt(squares / (cell->count - 1) / cell->count);
}

table_cell table_cell_less(const table_cell *a, const table_cell *b)
{
    table_cell less = {0};

    if (a->count == 0 || b->count == 0) return less;
    less.count = a->count > b->count ? a->count : b->count;
    for (int i = 0; i < less.count; i++)
        less.value[i] = a->value[a->count == 1 ? 0 : i] - b->value[b->count == 1 ? 0 : i];
    return less;
}
