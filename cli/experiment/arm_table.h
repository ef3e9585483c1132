/* arm_table.h -- losses of arms by columns, over seeds. */
#ifndef QF_CLI_ARM_TABLE_H
#define QF_CLI_ARM_TABLE_H

#include "experiment.h"
#include "subnet_columns.h"

enum { ARM_ROWS = 16, ARM_SEEDS = 16, ARM_COLUMNS = COLUMNS_FIXED + COLUMNS_MIXED };

typedef struct arm_cell {
    int count;               /* 0: empty */
    double value[ARM_SEEDS]; /* by seed */
} arm_cell;

typedef struct arm_row {
    experiment_arm arm;
    bool searched; /* the last columns too */
    arm_cell cell[ARM_COLUMNS];
} arm_row;

typedef struct arm_table {
    const char *experiment, *summary;
    int rows, columns;
    const char *column[ARM_COLUMNS];
    double bits[ARM_COLUMNS]; /* of each column; searched ones: the budget */
    arm_row row[ARM_ROWS];
} arm_table;

/* The names of experiments, a table without numbers; QF_USAGE with the names there are. */
QF_MUST_CHECK qf_status arm_table_named(const char *name, arm_table *table);

/* Does, or rehearses, every step, seed after seed, and fills the cells. */
QF_MUST_CHECK qf_status arm_table_fill(experiment *e, arm_table *table);

double arm_cell_mean(const arm_cell *cell);
/* Standard error of the mean; NAN of fewer than two. */
double arm_cell_error(const arm_cell *cell);
/* The differences of two cells, seed by seed. */
arm_cell arm_cell_less(const arm_cell *a, const arm_cell *b);

/* result.json, table.md and index.html under the experiment's directory, all named by it. */
QF_MUST_CHECK qf_status arm_table_save(const experiment *e, const arm_table *table);

#endif
