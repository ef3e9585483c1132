/* report_demo.c -- qforge report demo: the demo's table, and everything as one page. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "demo_results.h"
#include "options.h"
#include "page.h"
#include "qforge/file.h"
#include "qforge/memory.h"
#include "qforge/model.h"
#include "report.h"

enum { COLUMNS = 7, CELL = 48 };

static const char *const head[COLUMNS] = {
    "", "bits", "loss", "accuracy", "predicted us", "measured us", "bytes"};

/* ---- the table ---- */

static void print_number(char cell[CELL], const char *format, double value)
{
    if (isfinite(value))
        snprintf(cell, CELL, format, value);
    else
        snprintf(cell, CELL, "%s", "");
}

/* cell [COLUMNS] of one row. */
static void fill_row(const demo_row *row, char cell[COLUMNS][CELL])
{
    snprintf(cell[0], CELL, "%.47s", row->label);
    print_number(cell[1], "%.2f", row->bits);
    print_number(cell[2], "%.4f", row->loss);
    print_number(cell[3], "%.1f %%", 100 * row->accuracy);
    print_number(cell[4], "%.1f", row->predicted_us);
    print_number(cell[5], "%.1f", row->measured_us);
    print_number(cell[6], "%.0f", row->bytes);
}

static void print_table(const demo_results *r)
{
    char cell[COLUMNS][CELL];

    printf("\n%-24s", head[0]);
    for (int c = 1; c < COLUMNS; c++) printf("%14s", head[c]);
    printf("\n");
    for (int i = 0; i < r->rows; i++) {
        fill_row(&r->row[i], cell);
        printf("%-24s", cell[0]);
        for (int c = 1; c < COLUMNS; c++) printf("%14s", cell[c]);
        printf("\n");
    }
    printf("\naccuracy: four-choice questions, chance %.0f %%\n", 100 * r->chance);
}

static void add_table(page *p, const demo_results *r)
{
    char text[DEMO_ROWS][COLUMNS][CELL], caption[160];
    const char *cell[DEMO_ROWS * COLUMNS];

    for (int i = 0; i < r->rows; i++) {
        fill_row(&r->row[i], text[i]);
        for (int c = 0; c < COLUMNS; c++) cell[i * COLUMNS + c] = text[i][c];
    }
    snprintf(caption, sizeof caption,
             "On stories never trained, calibrated or searched on. Loss in nats per token, "
             "accuracy on four-choice questions (chance %.0f %%).",
             100 * r->chance);
    page_table(p, caption, COLUMNS, head, r->rows, cell, PAGE_NUMBERS);
}

/* ---- loss curves ---- */

/* Means of at most `most` stretches of the curve, in place of its own points. */
static demo_curve smooth(const demo_curve *curve, int most, double *room)
{
    demo_curve s = {0, room, room + most};
    for (int i = 0; i < most; i++) {
        const int from = (int)((int64_t)curve->count * i / most);
        const int to = (int)((int64_t)curve->count * (i + 1) / most);
        double step = 0, loss = 0;
        for (int j = from; j < to; j++) step += curve->step[j], loss += curve->loss[j];
        if (to == from) continue;
        s.step[s.count] = step / (to - from);
        s.loss[s.count++] = loss / (to - from);
    }
    return s;
}

static void add_curve(page *p, const demo_curve *curve, const char *title, int colour)
{
    enum { POINTS = 120 };
    double room[2 * POINTS];
    const demo_curve s = smooth(curve, POINTS, room);
    const chart_series series = {"training loss", CHART_LINE, colour, s.count,
                                 s.step,          s.loss,     NULL};
    const chart c = {title, "step", "nats per token", 1, 0, &series, NULL, true, false};
    page_chart(p, &c);
}

/* ---- the front ---- */

typedef struct cloud {
    int count;
    double *x, *y;
    const char **label;
} cloud;

/* Points (predicted_us, loss) of a list of subnets. */
static qf_status cloud_of(const json_t *list, const char *x, cloud *c)
{
    size_t i;
    const json_t *entry;
    const size_t room = json_array_size(list) + 1;

    memset(c, 0, sizeof *c);
    c->x = qf_alloc_array(room, 2 * sizeof *c->x);
    c->label = qf_alloc_array(room, sizeof *c->label);
    if (!c->x || !c->label) return QF_MEMORY;
    c->y = c->x + room;
    json_array_foreach(list, i, entry)
    {
        const char *digits = json_string_value(json_object_get(entry, "subnet"));
        c->x[c->count] = json_number_value(json_object_get(entry, x));
        c->y[c->count] = json_number_value(json_object_get(entry, "loss"));
        c->label[c->count++] = digits ? digits : "";
    }
    return QF_OK;
}

static void cloud_release(cloud *c)
{
    qf_free(c->label);
    qf_free(c->x);
}

static void draw_front(page *p, const demo_results *r, const cloud *c)
{
    const chart_series series[] = {
        {"evaluated", CHART_POINTS, 6, c[0].count, c[0].x, c[0].y, c[0].label},
        {"front", CHART_STEPS, 1, c[1].count, c[1].x, c[1].y, c[1].label},
        {"uniform widths", CHART_POINTS, 2, c[2].count, c[2].x, c[2].y, c[2].label},
        {"chosen", CHART_POINTS, 3, c[3].count, c[3].x, c[3].y, c[3].label},
        {"chosen, measured", CHART_POINTS, 4, c[4].count, c[4].x, c[4].y, c[4].label},
    };
    chart_mark mark[DEMO_ROWS];
    int marks = 0;
    size_t i;
    const json_t *entry;
    json_array_foreach(json_object_get(r->front, "results"), i, entry)
    {
        const json_t *budget = json_object_get(entry, "budget");
        const double x = json_number_value(json_object_get(budget, "max_latency_us"));
        if (x > 0 && marks < DEMO_ROWS) mark[marks++] = (chart_mark){x, "budget"};
    }
    const chart drawing = {"Subnets: loss against time",
                           "microseconds per token, predicted",
                           "loss, nats per token",
                           5,
                           marks,
                           series,
                           mark,
                           false,
                           false};
    page_chart(p, &drawing);
}

static qf_status add_front(page *p, const demo_results *r)
{
    static const struct {
        const char *list, *x;
    } part[5] = {{"trials", "predicted_us"},
                 {"front", "predicted_us"},
                 {"uniform", "predicted_us"},
                 {"results", "predicted_us"},
                 {"results", "measured_us"}};
    cloud c[5] = {0};
    qf_status status = QF_OK;

    for (int i = 0; status == QF_OK && i < 5; i++)
        status = cloud_of(json_object_get(r->front, part[i].list), part[i].x, &c[i]);
    if (status == QF_OK) draw_front(p, r, c);
    for (int i = 0; i < 5; i++) cloud_release(&c[i]);
    return status;
}

/* ---- bits per linear ---- */

static void add_grid(page *p, const json_t *result)
{
    static const char *const column[QF_LINEARS] = {"q", "k", "v", "o", "gate", "up", "down"};
    const char *digits = json_string_value(json_object_get(result, "subnet"));
    const json_t *budget = json_object_get(result, "budget");
    int value[1100];
    char title[80];

    const int count = digits ? (int)strlen(digits) : 0;
    if (count == 0 || count % QF_LINEARS || count > 1100) return;
    for (int i = 0; i < count; i++) value[i] = digits[i] - '0';
    snprintf(title, sizeof title, "%.4g us: %.2f bits on average",
             json_number_value(json_object_get(budget, "max_latency_us")),
             json_number_value(json_object_get(result, "bits")));
    const chart_grid grid = {title, "block", count / QF_LINEARS, QF_LINEARS, column, value,
                             2,     4};
    page_grid(p, &grid);
}

static void add_grids(page *p, const demo_results *r)
{
    size_t i;
    const json_t *entry;
    page_row_start(p);
    json_array_foreach(json_object_get(r->front, "results"), i, entry) add_grid(p, entry);
    page_row_end(p);
}

/* ---- tuning, stages, machine ---- */

static void add_tuning(page *p, const demo_results *r)
{
    enum { MOST = 64, FIELDS = 5 };
    static const char *const title[FIELDS] = {"product", "us", "95 % interval", "measured",
                                              "kernel"};
    static char text[MOST][3][CELL];
    const char *cell[MOST * FIELDS];
    int rows = 0;
    size_t i;
    const json_t *entry;

    json_array_foreach(json_object_get(r->tune, "problems"), i, entry)
    {
        if (rows == MOST) break;
        const double us = json_number_value(json_object_get(entry, "median_us"));
        snprintf(text[rows][0], CELL, "%.2f", us);
        snprintf(text[rows][1], CELL, "%.2f to %.2f",
                 json_number_value(json_object_get(entry, "low_us")),
                 json_number_value(json_object_get(entry, "high_us")));
        snprintf(text[rows][2], CELL, "%lld",
                 (long long)json_integer_value(json_object_get(entry, "measured")));
        const char **line = &cell[rows++ * FIELDS];
        line[0] = json_string_value(json_object_get(entry, "problem"));
        line[1] = text[rows - 1][0];
        line[2] = text[rows - 1][1];
        line[3] = text[rows - 1][2];
        line[4] = json_string_value(json_object_get(entry, "kernel"));
    }
    page_table(p, "The kernel that won each product, and how many were measured.", FIELDS,
               title, rows, cell, PAGE_CODE);
}

static void add_stages(page *p, const demo_results *r)
{
    static const char *const title[2] = {"stage", "seconds"};
    char text[DEMO_STAGES][CELL];
    const char *cell[DEMO_STAGES * 2];
    for (int i = 0; i < r->stages; i++) {
        snprintf(text[i], CELL, "%.1f", r->stage[i].seconds);
        cell[2 * i] = r->stage[i].name;
        cell[2 * i + 1] = text[i];
    }
    page_table(p, "Where the time went.", 2, title, r->stages, cell, PAGE_NUMBERS);
}

static void add_latency_words(page *p, const demo_results *r)
{
    const json_t *latency = json_object_get(r->front, "latency");
    char text[400];
    snprintf(text, sizeof text,
             "The search adds up measured times of single products. Fitted on %lld whole "
             "subnets, it predicted %lld others with an error of %.1f %% on average and "
             "%.1f %% at most; the subnets chosen were then measured end to end.",
             (long long)json_integer_value(json_object_get(latency, "fitted")),
             (long long)json_integer_value(json_object_get(latency, "held_out")),
             100 * json_number_value(json_object_get(latency, "error_mean")),
             100 * json_number_value(json_object_get(latency, "error_most")));
    page_paragraph(p, text);
}

static qf_status write_page(const demo_results *r, const char *path)
{
    const char *brand = json_string_value(json_object_get(r->cpu, "brand"));
    char subtitle[200];
    page p;

    snprintf(subtitle, sizeof subtitle,
             "One model, from text to a searched low-bit subnet, on %s",
             brand ? brand : "this machine");
    QF_TRY(page_start(&p, "qforge demo", subtitle));
    page_heading(&p, "Results");
    add_table(&p, r);
    page_heading(&p, "Search");
    add_latency_words(&p, r);
    qf_status status = add_front(&p, r);
    if (status != QF_OK) {
        page_abandon(&p);
        return status;
    }
    page_heading(&p, "Width of every linear");
    page_paragraph(&p, "What the search chose within each budget: darker is wider.");
    add_grids(&p, r);
    page_heading(&p, "Training");
    page_row_start(&p);
    add_curve(&p, &r->train, "From scratch, full precision", 1);
    add_curve(&p, &r->qfa, "Adapters (LLM-QFA), a random subnet per step", 2);
    page_row_end(&p);
    page_heading(&p, "Kernels");
    add_tuning(&p, r);
    page_heading(&p, "Time");
    add_stages(&p, r);
    return page_finish(&p, path);
}

qf_status cli_report_demo(int argc, char **argv)
{
    const cli_option options[] = {{0}};
    demo_results results;
    int rest;
    bool help;

    QF_TRY(cli_parse(argc, argv, "qforge report demo DIR", options, &rest, &help));
    if (help) return QF_OK;
    if (argc - rest != 1) return qf_fail(QF_USAGE, "report demo: wants one directory");
    QF_TRY(demo_results_load(argv[rest], &results));
    char *path = qf_path_join(argv[rest], "report.html");
    const qf_status status = path ? write_page(&results, path) : QF_MEMORY;
    if (status == QF_OK) {
        print_table(&results);
        printf("page: %s\n", path);
    }
    qf_free(path);
    demo_results_release(&results);
    return status;
}
