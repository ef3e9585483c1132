/* result_report.c -- a filled table as JSON, Markdown and a page. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../page.h"
#include "qforge/file.h"
#include "result_table.h"

enum { CELL = 32 };

/* ---- JSON ---- */

static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *cell_json(const table_cell *cell, const table_cell *first)
{
    const table_cell less = table_cell_less(cell, first);
    json_t *values = json_array();

    for (int i = 0; i < cell->count; i++) json_array_append_new(values, number(cell->value[i]));
    return json_pack("{s:o, s:o, s:o, s:o, s:o}", "mean", number(table_cell_mean(cell)),
                     "error", number(table_cell_error(cell)), "values", values, "less_first",
                     number(table_cell_mean(&less)), "less_first_error",
                     number(table_cell_error(&less)));
}

static json_t *row_json(const result_table *t, int r)
{
    const table_row *row = &t->row[r];
    json_t *cells = json_array();

    for (int c = 0; c < t->columns; c++)
        json_array_append_new(cells, row->cell[c].count
                                         ? cell_json(&row->cell[c], &t->row[0].cell[c])
                                         : json_null());
    return json_pack("{s:s, s:s, s:o}", "name", row->name, "label", row->label, "cells", cells);
}

static json_t *table_json(const experiment *e, const result_table *t)
{
    json_t *columns = json_array(), *rows = json_array();

    for (int c = 0; c < t->columns; c++)
        json_array_append_new(columns,
                              json_pack("{s:s, s:f}", "name", t->column[c], "x", t->x[c]));
    for (int r = 0; r < t->rows; r++) json_array_append_new(rows, row_json(t, r));
    return json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:f, s:f, s:I, s:o, s:o}", "experiment",
                     t->experiment, "version", QF_VERSION, "model", e->model, "seeds",
                     (json_int_t)e->seeds, "unit", (json_int_t)e->unit, "records",
                     (json_int_t)e->records, "seconds", e->seconds, "cpu_seconds",
                     e->cpu_seconds, "peak_bytes", (json_int_t)e->peak_bytes, "columns",
                     columns, "rows", rows);
}

/* ---- for people ---- */

static void cell_text(const table_cell *cell, int digits, char text[CELL])
{
    const double error = table_cell_error(cell);

    text[0] = 0;
    if (cell->count && isfinite(error))
        snprintf(text, CELL, "%.*f ± %.*f", digits, table_cell_mean(cell), digits, error);
    else if (cell->count)
        snprintf(text, CELL, "%.*f", digits, table_cell_mean(cell));
}

static void describe(const experiment *e, const result_table *t, char *text, size_t size)
{
    snprintf(
        text, size,
        "%s Means and standard errors over %lld seeds; %lld records; a unit of training is "
        "%lld steps. %.2f CPU hours, at most %.0f MB.",
        t->what, (long long)e->seeds, (long long)e->records, (long long)e->unit,
        e->cpu_seconds / 3600, (double)e->peak_bytes / 1e6);
}

static void write_markdown(FILE *out, const experiment *e, const result_table *t)
{
    char text[1024], cell[CELL];

    describe(e, t, text, sizeof text);
    fprintf(out, "# %s: %s\n\n%s\n\n|", t->experiment, t->summary, text);
    for (int c = 0; c < t->columns; c++) fprintf(out, " | %s", t->column[c]);
    fprintf(out, " |\n|%s", " --- ");
    for (int c = 0; c < t->columns; c++) fprintf(out, "| --- ");
    fprintf(out, "|\n");
    for (int r = 0; r < t->rows; r++) {
        fprintf(out, "| %s", t->row[r].label);
        for (int c = 0; c < t->columns; c++) {
            cell_text(&t->row[r].cell[c], t->digits - t->fewer[c], cell);
            fprintf(out, " | %s", cell);
        }
        fprintf(out, " |\n");
    }
}

static void add_table(page *p, const result_table *t, bool differences)
{
    static char text[TABLE_ROWS][TABLE_COLUMNS][CELL];
    const char *cell[TABLE_ROWS * (TABLE_COLUMNS + 1)], *head[TABLE_COLUMNS + 1] = {""};

    for (int c = 0; c < t->columns; c++) head[c + 1] = t->column[c];
    for (int r = 0; r < t->rows; r++) {
        cell[r * (t->columns + 1)] = t->row[r].label;
        for (int c = 0; c < t->columns; c++) {
            const table_cell *own = &t->row[r].cell[c];
            const table_cell less = table_cell_less(own, &t->row[0].cell[c]);
            cell_text(differences ? &less : own, t->digits - t->fewer[c], text[r][c]);
            cell[r * (t->columns + 1) + c + 1] = text[r][c];
        }
    }
    page_table(p, differences ? "Less the first row, seed by seed." : t->summary,
               t->columns + 1, head, t->rows, cell, PAGE_NUMBERS);
}

/* Losses against bits, up to six arms a chart. */
static void add_chart(page *p, const result_table *t, int from, int to)
{
    enum { MOST = 6 };
    double x[MOST][TABLE_COLUMNS], y[MOST][TABLE_COLUMNS];
    chart_series series[MOST];

    for (int r = from; r < to; r++) {
        int count = 0;
        for (int c = 0; c < t->charted; c++) {
            if (!t->row[r].cell[c].count) continue;
            x[r - from][count] = t->x[c];
            y[r - from][count++] = table_cell_mean(&t->row[r].cell[c]);
        }
        series[r - from] = (chart_series){t->row[r].label, CHART_POINTS, r - from + 1, count,
                                          x[r - from],     y[r - from],  NULL};
    }
    const chart c = {.title = t->summary,
                     .x_label = t->x_label,
                     .y_label = t->y_label,
                     .series_count = to - from,
                     .series = series};
    page_chart(p, &c);
}

/* The last column against the one before it: a series for each name. */
static void add_front(page *p, const result_table *t)
{
    double x[TABLE_ROWS], y[TABLE_ROWS];
    chart_series series[TABLE_ROWS];
    int count = 0;

    for (int r = 0; r < t->rows; r++) {
        const table_row *row = &t->row[r];
        x[r] = table_cell_mean(&row->cell[t->columns - 2]);
        y[r] = table_cell_mean(&row->cell[t->columns - 1]);
        if (r == 0 || strcmp(row->name, row[-1].name) != 0) {
            series[count] =
                (chart_series){row->name, CHART_POINTS, count + 1, 0, &x[r], &y[r], NULL};
            count++;
        }
        series[count - 1].count++;
    }
    const chart c = {.title = t->summary,
                     .x_label = t->x_label,
                     .y_label = t->y_label,
                     .series_count = count,
                     .series = series};
    page_chart(p, &c);
}

static qf_status save_page(const experiment *e, const result_table *t, const char *path)
{
    char text[1024];
    page p;

    describe(e, t, text, sizeof text);
    QF_TRY(page_start(&p, t->experiment, t->summary));
    page_paragraph(&p, text);
    add_table(&p, t, false);
    for (int r = 0; t->charted && r < t->rows; r += 6)
        add_chart(&p, t, r, r + 6 < t->rows ? r + 6 : t->rows);
    if (t->front) add_front(&p, t);
    if (t->differences) {
        page_heading(&p, "Differences");
        add_table(&p, t, true);
    }
    return page_finish(&p, path);
}

static qf_status save_text(const char *path, const experiment *e, const result_table *t)
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

static qf_status save_json(const char *path, const experiment *e, const result_table *t)
{
    json_t *json = table_json(e, t);
    char *text = json ? json_dumps(json, JSON_INDENT(1) | JSON_REAL_PRECISION(9)) : NULL;

    json_decref(json);
    if (!text) return qf_fail(QF_MEMORY, "out of memory for %s", path);
    const qf_status status = qf_file_write(path, text, strlen(text));
    free(text);
    return status;
}

qf_status result_table_save(const experiment *e, const result_table *t)
{
    char path[EXPERIMENT_PATH];

    snprintf(path, sizeof path, "%.4000s/%s.json", e->directory, t->experiment);
    QF_TRY(save_json(path, e, t));
    snprintf(path, sizeof path, "%.4000s/%s.md", e->directory, t->experiment);
    QF_TRY(save_text(path, e, t));
    snprintf(path, sizeof path, "%.4000s/%s.html", e->directory, t->experiment);
    return save_page(e, t, path);
}
