/* arm_report.c -- a filled table as JSON, Markdown and a page. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../page.h"
#include "arm_table.h"
#include "qforge/file.h"

enum { CELL = 32 };

/* ---- JSON ---- */

static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *cell_json(const arm_cell *cell, const arm_cell *first)
{
    const arm_cell less = arm_cell_less(cell, first);
    json_t *values = json_array();

    for (int i = 0; i < cell->count; i++) json_array_append_new(values, number(cell->value[i]));
    return json_pack("{s:o, s:o, s:o, s:o, s:o}", "mean", number(arm_cell_mean(cell)), "error",
                     number(arm_cell_error(cell)), "values", values, "less_first",
                     number(arm_cell_mean(&less)), "less_first_error",
                     number(arm_cell_error(&less)));
}

static json_t *row_json(const arm_table *t, int r)
{
    const arm_row *row = &t->row[r];
    json_t *cells = json_array();

    for (int c = 0; c < t->columns; c++)
        json_array_append_new(cells, row->cell[c].count
                                         ? cell_json(&row->cell[c], &t->row[0].cell[c])
                                         : json_null());
    return json_pack("{s:s, s:s, s:o}", "arm", experiment_arm_name(row->arm), "label",
                     experiment_arm_label(row->arm), "cells", cells);
}

static json_t *table_json(const experiment *e, const arm_table *t)
{
    json_t *columns = json_array(), *rows = json_array();

    for (int c = 0; c < t->columns; c++)
        json_array_append_new(
            columns, json_pack("{s:s, s:f}", "name", t->column[c], "bits", t->bits[c]));
    for (int r = 0; r < t->rows; r++) json_array_append_new(rows, row_json(t, r));
    return json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:f, s:f, s:I, s:o, s:o}", "experiment",
                     t->experiment, "version", QF_VERSION, "model", e->model, "seeds",
                     (json_int_t)e->seeds, "unit", (json_int_t)e->unit, "records",
                     (json_int_t)e->records, "seconds", e->seconds, "cpu_seconds",
                     e->cpu_seconds, "peak_bytes", (json_int_t)e->peak_bytes, "columns",
                     columns, "rows", rows);
}

/* ---- for people ---- */

static void cell_text(const arm_cell *cell, char text[CELL])
{
    const double error = arm_cell_error(cell);

    text[0] = 0;
    if (cell->count && isfinite(error))
        snprintf(text, CELL, "%.3f ± %.3f", arm_cell_mean(cell), error);
    else if (cell->count)
        snprintf(text, CELL, "%.3f", arm_cell_mean(cell));
}

static void describe(const experiment *e, const arm_table *t, char *text, size_t size)
{
    snprintf(text, size,
             "Nats per token on the first %lld records of the validation text: means and "
             "standard errors over %lld seeds; mixed: means over %d random subnets; found: the "
             "winner of a search on other text. A unit of training is %lld steps. %.2f CPU "
             "hours, at most %.0f MB.",
             (long long)e->records, (long long)e->seeds, COLUMN_SUBNETS, (long long)e->unit,
             e->cpu_seconds / 3600, (double)e->peak_bytes / 1e6);
    (void)t;
}

static void write_markdown(FILE *out, const experiment *e, const arm_table *t)
{
    char text[512], cell[CELL];

    describe(e, t, text, sizeof text);
    fprintf(out, "# %s: %s\n\n%s\n\n|", t->experiment, t->summary, text);
    for (int c = 0; c < t->columns; c++) fprintf(out, " | %s", t->column[c]);
    fprintf(out, " |\n|%s", " --- ");
    for (int c = 0; c < t->columns; c++) fprintf(out, "| --- ");
    fprintf(out, "|\n");
    for (int r = 0; r < t->rows; r++) {
        fprintf(out, "| %s", experiment_arm_label(t->row[r].arm));
        for (int c = 0; c < t->columns; c++) {
            cell_text(&t->row[r].cell[c], cell);
            fprintf(out, " | %s", cell);
        }
        fprintf(out, " |\n");
    }
}

static void add_table(page *p, const arm_table *t, bool differences)
{
    static char text[ARM_ROWS][ARM_COLUMNS][CELL];
    const char *cell[ARM_ROWS * (ARM_COLUMNS + 1)], *head[ARM_COLUMNS + 1] = {""};

    for (int c = 0; c < t->columns; c++) head[c + 1] = t->column[c];
    for (int r = 0; r < t->rows; r++) {
        cell[r * (t->columns + 1)] = experiment_arm_label(t->row[r].arm);
        for (int c = 0; c < t->columns; c++) {
            const arm_cell *own = &t->row[r].cell[c];
            const arm_cell less = arm_cell_less(own, &t->row[0].cell[c]);
            cell_text(differences ? &less : own, text[r][c]);
            cell[r * (t->columns + 1) + c + 1] = text[r][c];
        }
    }
    page_table(p, differences ? "Less the first row, seed by seed." : "Losses.", t->columns + 1,
               head, t->rows, cell, PAGE_NUMBERS);
}

/* Losses against bits, up to six arms a chart. */
static void add_chart(page *p, const arm_table *t, int from, int to)
{
    enum { MOST = 6 };
    double x[MOST][ARM_COLUMNS], y[MOST][ARM_COLUMNS];
    chart_series series[MOST];

    for (int r = from; r < to; r++) {
        int count = 0;
        for (int c = 0; c < COLUMNS_FIXED; c++) {
            if (!t->row[r].cell[c].count) continue;
            x[r - from][count] = t->bits[c];
            y[r - from][count++] = arm_cell_mean(&t->row[r].cell[c]);
        }
        series[r - from] = (chart_series){experiment_arm_label(t->row[r].arm),
                                          CHART_POINTS,
                                          r - from + 1,
                                          count,
                                          x[r - from],
                                          y[r - from],
                                          NULL};
    }
    const chart c = {.title = "Loss by average bits",
                     .x_label = "bits per weight",
                     .y_label = "nats per token",
                     .series_count = to - from,
                     .series = series};
    page_chart(p, &c);
}

static qf_status save_page(const experiment *e, const arm_table *t, const char *path)
{
    char text[512];
    page p;

    describe(e, t, text, sizeof text);
    QF_TRY(page_start(&p, t->experiment, t->summary));
    page_paragraph(&p, text);
    add_table(&p, t, false);
    for (int r = 0; r < t->rows; r += 6) add_chart(&p, t, r, r + 6 < t->rows ? r + 6 : t->rows);
    page_heading(&p, "Differences");
    add_table(&p, t, true);
    return page_finish(&p, path);
}

static qf_status save_text(const char *path, const experiment *e, const arm_table *t)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (!out) return QF_MEMORY;
    write_markdown(out, e, t);
    qf_status status = fclose(out) == 0 ? QF_OK : QF_MEMORY;
    if (status == QF_OK) status = qf_file_write(path, text, size);
    free(text);
    return status;
}

static qf_status save_json(const char *path, const experiment *e, const arm_table *t)
{
    json_t *json = table_json(e, t);
    char *text = json ? json_dumps(json, JSON_INDENT(1) | JSON_REAL_PRECISION(9)) : NULL;

    json_decref(json);
    if (!text) return qf_fail(QF_MEMORY, "out of memory for %s", path);
    const qf_status status = qf_file_write(path, text, strlen(text));
    free(text);
    return status;
}

qf_status arm_table_save(const experiment *e, const arm_table *t)
{
    char path[EXPERIMENT_PATH];

    snprintf(path, sizeof path, "%.4000s/%s.json", e->directory, t->experiment);
    QF_TRY(save_json(path, e, t));
    snprintf(path, sizeof path, "%.4000s/%s.md", e->directory, t->experiment);
    QF_TRY(save_text(path, e, t));
    snprintf(path, sizeof path, "%.4000s/%s.html", e->directory, t->experiment);
    return save_page(e, t, path);
}
