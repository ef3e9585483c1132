/* page.h -- one HTML file that needs nothing else: no network, no scripts; readable on
 * light and dark screens, on paper and to a screen reader. */
#ifndef QF_CLI_PAGE_H
#define QF_CLI_PAGE_H

#include "chart.h"
#include "qforge/status.h"

/* Written to memory; page_finish puts it in place whole. */
typedef struct page {
    FILE *out;
    char *text;
    size_t size;
} page;

QF_MUST_CHECK qf_status page_start(page *page, const char *title, const char *subtitle);
void page_heading(page *page, const char *text);
void page_paragraph(page *page, const char *text);
void page_chart(page *page, const chart *chart);
/* Grids stand side by side between these. */
void page_row_start(page *page);
void page_grid(page *page, const chart_grid *grid);
void page_row_end(page *page);

typedef enum page_cells {
    PAGE_NUMBERS, /* right-aligned */
    PAGE_CODE     /* small and monospaced */
} page_cells;
/* Cells are [rows][columns] texts; NULL is an empty cell.  The first column is the row's
 * heading. */
void page_table(page *page, const char *caption, int columns, const char *const *head, int rows,
                const char *const *cell, page_cells cells);

/* Closes and writes the file; the page is released either way. */
QF_MUST_CHECK qf_status page_finish(page *page, const char *path);
void page_abandon(page *page);

#endif
