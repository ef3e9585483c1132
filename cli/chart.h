/* chart.h -- a chart as data, and drawn as SVG inside a page.
 *
 * Colours are classes s1..s6 and the text colour of the page, so one drawing serves light
 * and dark pages.  plot.h draws the same data as files. */
#ifndef QF_CLI_CHART_H
#define QF_CLI_CHART_H

#include <stdbool.h>
#include <stdio.h>

typedef enum chart_style { CHART_LINE, CHART_POINTS, CHART_STEPS } chart_style;

/* Borrowed; values that are not finite are left out. */
typedef struct chart_series {
    const char *name;
    chart_style style;
    int colour; /* 1..6 */
    int count;
    const double *x, *y;
    const char *const *label; /* [count], shown when pointed at; NULL for none */
} chart_series;

/* A vertical line, as a budget is. */
typedef struct chart_mark {
    double x;
    const char *name;
} chart_mark;

typedef struct chart {
    const char *title, *x_label, *y_label;
    int series_count, marks;
    const chart_series *series;
    const chart_mark *mark;
    bool narrow; /* half a page wide: fewer ticks, text of the same size */
    bool powers; /* x and y are logarithms to base 2 of what the ticks say (SVG only) */
} chart;

/* An <svg> element; scales with its container. */
void chart_write_svg(FILE *out, const chart *chart);

/* A grid of small whole numbers, darker for larger: value [rows][columns]. */
typedef struct chart_grid {
    const char *title, *row_name; /* "block": rows are "block 0", "block 1" … */
    int rows, columns;
    const char *const *column;
    const int *value;
    int least, most; /* the range of colours */
} chart_grid;
void chart_write_grid(FILE *out, const chart_grid *grid);

/* Text with the characters HTML and SVG reserve escaped. */
void chart_write_text(FILE *out, const char *text);

/* Round numbers that cover [*low, *high] in at most about `most` steps; widens the range
 * to them and returns the step. */
double chart_ticks(double *low, double *high, int most);

#endif
