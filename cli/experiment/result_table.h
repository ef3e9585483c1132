/* result_table.h -- what an experiment found: rows by columns, a number for every seed. */
#ifndef QF_CLI_RESULT_TABLE_H
#define QF_CLI_RESULT_TABLE_H

#include "experiment.h"

enum { TABLE_ROWS = 24, TABLE_SEEDS = 16, TABLE_COLUMNS = 12 };

typedef struct table_cell {
    int count;                 /* 0: empty */
    double value[TABLE_SEEDS]; /* by seed; one for all seeds where there is no seed */
} table_cell;

typedef struct table_row {
    const char *name, *label;
    table_cell cell[TABLE_COLUMNS];
} table_row;

typedef struct result_table {
    const char *experiment, *summary;
    const char *what; /* the numbers are, a sentence or more */
    int digits;       /* behind the point */
    int rows, columns;
    const char *column[TABLE_COLUMNS];
    int fewer[TABLE_COLUMNS]; /* digits than that */
    /* Of a chart: the first `charted` columns against x; 0: none. */
    int charted;
    double x[TABLE_COLUMNS];
    /* Of another: the last column against the one before it, rows of one name together. */
    bool front;
    const char *x_label, *y_label;
    bool differences; /* the page also has everything less the first row, seed by seed */
    table_row row[TABLE_ROWS];
} result_table;

/* Does, or rehearses, the steps of an experiment and fills the table whose names and summary
 * are there. */
typedef qf_status experiment_fill(experiment *e, result_table *table);
#define CLI_EXPERIMENT(name, how, summary) experiment_fill experiment_fill_##how;
#include "experiments.def"
#undef CLI_EXPERIMENT

/* Finds the experiment of that name; QF_USAGE with the names there are. */
QF_MUST_CHECK qf_status result_table_named(const char *name, result_table *table,
                                           experiment_fill **fill);

/* A new row, empty. */
table_row *result_table_add(result_table *table, const char *name, const char *label);
void table_cell_put(table_cell *cell, int seed, double value); /* seed: 1 … */
double table_cell_mean(const table_cell *cell);                /* NAN when empty */
/* Standard error of the mean; NAN of fewer than two. */
double table_cell_error(const table_cell *cell);
/* The differences of two cells, seed by seed. */
table_cell table_cell_less(const table_cell *a, const table_cell *b);

/* NAME.json, NAME.md and NAME.html under the experiment's directory. */
QF_MUST_CHECK qf_status result_table_save(const experiment *e, const result_table *table);

#endif
