/* fill_fronts.c -- what budgets of measured time are worth beside budgets of average bits.
 *
 * One search looks within budgets of both kinds, so that they choose from the same subnets by
 * the same losses.  The winners and the uniform subnets are judged on other text and measured
 * again, in turns:
 *
 *     loss |  o          o  within so many bits
 *          |   x  o      x  within so many microseconds
 *          |      x
 *          +---------- measured us                                                        */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "readings.h"
#include "qforge/file.h"
#include "qforge/memory.h"
#include "qforge/subnet.h"
#include "result_table.h"
#include "subnet_columns.h"

enum { BITS, PREDICTED, MEASURED, LOSS, COLUMNS };
enum { UNIFORM = 3, TIMED = COLUMNS_MIXED, WINNERS = UNIFORM + COLUMNS_MIXED + TIMED };

/* What the search found. */
typedef struct winner {
    char digits[QF_SUBNET_MAX + 1];
    double bits, predicted; /* us */
} winner;

static qf_status read_winner(const json_t *list, int index, winner *w)
{
    const json_t *entry = json_array_get(list, (size_t)index);
    const char *digits = json_string_value(json_object_get(entry, "subnet"));
    const json_t *bits = json_object_get(entry, "bits");
    const json_t *predicted = json_object_get(entry, "predicted_us");

    if (!digits || strlen(digits) > QF_SUBNET_MAX || !json_is_number(bits) ||
        !json_is_number(predicted))
        return qf_fail(QF_FORMAT, "a record of qforge search has no winner %d", index + 1);
    strcpy(w->digits, digits);
    w->bits = json_number_value(bits);
    w->predicted = json_number_value(predicted);
    return QF_OK;
}

/* *done is false in a rehearsal. */
static qf_status search(experiment *e, int seed, winner *w, bool *done)
{
    const experiment_search_options options = {.budgets = columns_budgets,
                                               .strategy = "evolution",
                                               .choice = "linear",
                                               .evaluations = (int)e->search_evaluations,
                                               .timed = TIMED};
    json_t *record;

    QF_TRY(experiment_search_with(e, ARM_standard, seed, &options, &record));
    *done = record != NULL;
    const json_t *result = json_object_get(record, "result");
    qf_status status = QF_OK;
    for (int i = 0; *done && status == QF_OK && i < WINNERS; i++)
        status = i < UNIFORM
                     ? read_winner(json_object_get(result, "uniform"), i, &w[i])
                     : read_winner(json_object_get(result, "results"), i - UNIFORM, &w[i]);
    json_decref(record);
    return status;
}

/* Whether a winner before it is the same subnet. */
static bool repeats(const winner *w, int i)
{
    int first = 0;
    while (strcmp(w[first].digits, w[i].digits) != 0) first++;
    return first < i;
}

/* Every subnet once: budgets often find one together, and what is measured twice would differ
 * from itself. */
static qf_status write_subnets(const winner *w, const char *path)
{
    char *text = qf_alloc(WINNERS * (QF_SUBNET_MAX + 2));
    if (!text) return QF_MEMORY;

    for (int i = 0; i < WINNERS; i++)
        if (!repeats(w, i)) strcat(strcat(text, w[i].digits), "\n");
    const qf_status status = qf_file_write(path, text, strlen(text));
    qf_free(text);
    return status;
}

static qf_status put(const json_t *losses, const json_t *times, int seed, const winner *w,
                     table_cell *cell)
{
    double us, loss;

    QF_TRY(reading_of(times, w->digits, "us_per_token", &us));
    QF_TRY(reading_of(losses, w->digits, "nll_per_token", &loss));
    table_cell_put(&cell[BITS], seed, w->bits);
    table_cell_put(&cell[PREDICTED], seed, w->predicted);
    table_cell_put(&cell[MEASURED], seed, us);
    table_cell_put(&cell[LOSS], seed, loss);
    return QF_OK;
}

/* Loss on the validation text and time, of all. */
static qf_status judge(experiment *e, result_table *t, int seed, const winner *w,
                       const char *path)
{
    json_t *losses = NULL, *times = NULL;
    qf_status status = experiment_judge(e, ARM_standard, seed, "fronts", path, &losses);

    if (status == QF_OK)
        status = experiment_time(e, ARM_standard, seed, "fronts", path, &times);
    for (int i = 0; status == QF_OK && losses && times && i < WINNERS; i++)
        status = put(losses, times, seed, &w[i], t->row[i].cell);
    json_decref(losses);
    json_decref(times);
    return status;
}

static qf_status fill_seed(experiment *e, result_table *t, int seed, winner *w)
{
    char path[EXPERIMENT_PATH];
    bool done;

    QF_TRY(search(e, seed, w, &done));
    snprintf(path, sizeof path, "%.3900s/fronts-s%d.subnets", e->directory, seed);
    if (done) QF_TRY(write_subnets(w, path));
    return judge(e, t, seed, w, path);
}

static void add_rows(result_table *t)
{
    static char label[WINNERS][48];

    for (int i = 0; i < WINNERS; i++) {
        const int bits = i - UNIFORM, time = bits - COLUMNS_MIXED;
        if (bits < 0)
            snprintf(label[i], sizeof label[i], "%d bits everywhere", i + 2);
        else if (time < 0)
            snprintf(label[i], sizeof label[i], "within %g bits", columns_mixed[bits]);
        else
            snprintf(label[i], sizeof label[i], "within %d/%d of the range of time", time + 1,
                     TIMED + 1);
        result_table_add(t,
                         bits < 0   ? "uniform"
                         : time < 0 ? "average bits"
                                    : "measured time",
                         label[i]);
    }
}

qf_status experiment_fill_fronts(experiment *e, result_table *t)
{
    static const char *const column[COLUMNS] = {"bits", "predicted us", "measured us", "nats"};

    t->what =
        "One search within budgets of average bits and of measured microseconds, from the "
        "fastest subnet there is to the slowest uniform one. A token with caches swept "
        "before it, as the search predicts and as measured with all subnets in turns; "
        "nats per token on the first records of the validation text.";
    t->digits = 3;
    t->columns = COLUMNS;
    for (int c = 0; c < COLUMNS; c++) t->column[c] = column[c];
    t->fewer[PREDICTED] = t->fewer[MEASURED] = 2;
    t->front = true;
    t->x_label = "measured microseconds a token";
    t->y_label = "nats per token";
    add_rows(t);
    winner *w = qf_alloc_array(WINNERS, sizeof *w);
    if (!w) return QF_MEMORY;
    qf_status status = QF_OK;
    for (int seed = 1; status == QF_OK && seed <= e->seeds; seed++)
        status = fill_seed(e, t, seed, w);
    qf_free(w);
    return status;
}
