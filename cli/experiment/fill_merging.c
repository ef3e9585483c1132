/* fill_merging.c -- what is deployed against what was trained: adapters folded into offsets,
 * packed, on the kernels of every class. */
#include <stdio.h>

#include "readings.h"
#include "result_table.h"
#include "subnet_columns.h"

static const struct {
    const char *name, *label, *accuracy;
    bool merged;
} rows[] = {
    {"trained", "adapters beside the codes, exact", "exact", false},
    {"merged", "merged, exact", "exact", true},
    {"fine", "merged, fine (two planes of int8)", "fine", true},
    {"fast", "merged, fast (int8 activations)", "fast", true},
};
enum { ROWS = sizeof rows / sizeof *rows };

static qf_status fill_row(experiment *e, result_table *t, int r, int seed, const char *subnets)
{
    char model[EXPERIMENT_PATH];
    json_t *record;
    qf_status status = QF_OK;

    QF_TRY(experiment_model(e, ARM_paper, seed, model));
    if (rows[r].merged) QF_TRY(experiment_merge(e, ARM_paper, seed, model));
    QF_TRY(experiment_judge_model(e, ARM_paper, seed, rows[r].name, model, subnets,
                                  rows[r].accuracy, &record));
    for (int c = 0; record && status == QF_OK && c < t->columns; c++) {
        double loss;
        status = reading_loss(record, columns_fixed[c].first, columns_fixed[c].count, &loss);
        if (status == QF_OK) table_cell_put(&t->row[r].cell[c], seed, loss);
    }
    json_decref(record);
    return status;
}

qf_status experiment_fill_merging(experiment *e, result_table *t)
{
    char subnets[EXPERIMENT_PATH];

    t->what = "Nats per token of the paper's recipe, whose adapters have a rank, on the first "
              "records of the validation text.";
    t->digits = 5;
    t->differences = true;
    t->columns = COLUMNS_FIXED;
    for (int c = 0; c < t->columns; c++) t->column[c] = columns_fixed[c].name;
    for (int r = 0; r < ROWS; r++) result_table_add(t, rows[r].name, rows[r].label);
    QF_TRY(columns_file(e, subnets));
    for (int seed = 1; seed <= e->seeds; seed++)
        for (int r = 0; r < ROWS; r++) QF_TRY(fill_row(e, t, r, seed, subnets));
    return QF_OK;
}
