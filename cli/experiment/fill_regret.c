/* fill_regret.c -- how far searches stay behind the best subnet there is.
 *
 * One width per block makes a space small enough to try all of it.  Every strategy then looks
 * within the same budgets, on the same text, with the same model: its regret is the loss of
 * what it found less the least loss there is. */
#include <stdio.h>
#include <string.h>

#include "readings.h"
#include "qforge/search.h"
#include "result_table.h"
#include "subnet_columns.h"

static const int efforts[] = {30, 60, 150};
enum { EFFORTS = sizeof efforts / sizeof *efforts };

/* Losses of the winners, one for each budget. */
static qf_status winners(const json_t *record, double loss[COLUMNS_MIXED])
{
    const json_t *list = json_object_get(json_object_get(record, "result"), "results");

    for (int c = 0; c < COLUMNS_MIXED; c++) {
        const json_t *value = json_object_get(json_array_get(list, (size_t)c), "loss");
        if (!json_is_number(value))
            return qf_fail(QF_FORMAT, "a record of qforge search has no winner %d", c + 1);
        loss[c] = json_number_value(value);
    }
    return QF_OK;
}

static qf_status search(experiment *e, int seed, qf_search_strategy strategy, int effort,
                        double loss[COLUMNS_MIXED], bool *done)
{
    json_t *record;
    const experiment_search_options options = {.budgets = columns_budgets,
                                               .strategy = qf_search_strategy_name(strategy),
                                               .choice = "block",
                                               .evaluations = effort};

    QF_TRY(experiment_search_with(e, ARM_standard, seed, &options, &record));
    *done = record != NULL;
    const qf_status status = record ? winners(record, loss) : QF_OK;
    json_decref(record);
    return status;
}

static qf_status fill_row(experiment *e, table_row *row, int seed, qf_search_strategy strategy,
                          int effort, const double *least)
{
    double loss[COLUMNS_MIXED], sum = 0;
    bool done;

    QF_TRY(search(e, seed, strategy, effort, loss, &done));
    for (int c = 0; done && c < COLUMNS_MIXED; c++) {
        table_cell_put(&row->cell[c], seed, loss[c] - least[c]);
        sum += (loss[c] - least[c]) / COLUMNS_MIXED;
    }
    if (done) table_cell_put(&row->cell[COLUMNS_MIXED], seed, sum);
    return QF_OK;
}

static qf_status fill_seed(experiment *e, result_table *t, int seed)
{
    double least[COLUMNS_MIXED];
    table_row *row = t->row;
    bool done;

    QF_TRY(search(e, seed, QF_SEARCH_EXHAUSTIVE, 0, least, &done));
    for (int c = 0; done && c < COLUMNS_MIXED; c++)
        table_cell_put(&row->cell[c], seed, least[c]);
    row++;
    for (int s = 0; s < QF_SEARCH_STRATEGIES; s++) {
        if (s == QF_SEARCH_EXHAUSTIVE) continue;
        for (int i = 0; i < EFFORTS; i++)
            QF_TRY(fill_row(e, row++, seed, (qf_search_strategy)s, efforts[i], least));
    }
    return QF_OK;
}

static void add_rows(result_table *t)
{
    static char label[QF_SEARCH_STRATEGIES][EFFORTS][48];

    result_table_add(t, "exhaustive", "all subnets: the least loss");
    for (int s = 0; s < QF_SEARCH_STRATEGIES; s++)
        for (int i = 0; i < EFFORTS && s != QF_SEARCH_EXHAUSTIVE; i++) {
            snprintf(label[s][i], sizeof label[s][i], "%s, %d evaluations",
                     qf_search_strategy_name((qf_search_strategy)s), efforts[i]);
            result_table_add(t, qf_search_strategy_name((qf_search_strategy)s), label[s][i]);
        }
}

qf_status experiment_fill_regret(experiment *e, result_table *t)
{
    static const char *const column[] = {"2.25 bits", "2.5", "3", "3.5", "mean"};

    t->what =
        "One width per block. First row: the least loss of all subnets within each budget "
        "of average bits, in nats per token on the text searched on; other rows: how much "
        "worse the subnet is that the strategy found for all four budgets together.";
    t->digits = 4;
    t->columns = COLUMNS_MIXED + 1;
    for (int c = 0; c < t->columns; c++) t->column[c] = column[c];
    add_rows(t);
    for (int seed = 1; seed <= e->seeds; seed++) QF_TRY(fill_seed(e, t, seed));
    return QF_OK;
}
