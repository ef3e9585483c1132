/* report_tuning.c -- qforge report tuning: how the searches went and who won, as one page. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "machine.h"
#include "options.h"
#include "page.h"
#include "places.h"
#include "qforge/codegen.h"
#include "qforge/memory.h"
#include "qforge/pack.h"
#include "report.h"
#include "roofline.h"
#include "tie_set.h"
#include "tuning_history.h"

/* Dots of a chart: more are only ink. */
enum { DOTS_MOST = 800, STEPS_MOST = 200, CELL = CLI_TIES_TEXT };

typedef struct report {
    const char *ledger, *output;
    bool roofs;
    int64_t threads;
    tuning_history history;
    page page;
} report;

static double share_of(const tuning_problem *p, double ns)
{
    return 100 * p->fastest_ns / ns;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* ---- convergence ------------------------------------------------------------------------- */

/* Percent of the fastest after so many trials of it. */
static double reached(const tuning_history *h, const tuning_problem *p, int trials)
{
    double best = 0;

    for (int i = 0; i < trials && i < p->trials; i++) {
        const double ns = h->trial[p->first + i].ns;
        if (ns > 0 && (best == 0 || ns < best)) best = ns;
    }
    return best > 0 ? share_of(p, best) : 0;
}

static qf_status add_convergence(report *r)
{
    const tuning_history *h = &r->history;
    double x[STEPS_MOST], median[STEPS_MOST], low[STEPS_MOST];
    double *all = qf_alloc_array((size_t)h->problems + 1, sizeof *all);
    int longest = 0, steps = 0;

    if (!all) return QF_MEMORY;
    for (int i = 0; i < h->problems; i++)
        if (h->problem[i].trials > longest) longest = h->problem[i].trials;
    const int stride = (longest + STEPS_MOST - 1) / STEPS_MOST;
    for (int t = 1; t <= longest && steps < STEPS_MOST; t += stride) {
        int count = 0;
        for (int i = 0; i < h->problems; i++)
            if (h->problem[i].fastest_ns > 0) all[count++] = reached(h, &h->problem[i], t);
        if (count == 0) break;
        qsort(all, (size_t)count, sizeof *all, ascending);
        x[steps] = t;
        median[steps] = all[count / 2];
        low[steps++] = all[count / 10];
    }
    qf_free(all);
    const chart_series series[] = {
        {"median of the problems", CHART_LINE, 1, steps, x, median, NULL},
        {"what nine of ten reach", CHART_LINE, 2, steps, x, low, NULL}};
    const chart c = {.title = "How fast the fastest is found",
                     .x_label = "trials",
                     .y_label = "percent of the fastest",
                     .series_count = 2,
                     .series = series};
    page_heading(&r->page, "Convergence");
    page_chart(&r->page, &c);
    return QF_OK;
}

/* ---- coverage ------------------------------------------------------------------------------
 */

typedef struct parameter {
    const char *name, *title;
    int (*of)(const qf_kernel_id *kernel);
} parameter;

static int rows_of(const qf_kernel_id *k)
{
    return k->tile.mr;
}

static int panels_of(const qf_kernel_id *k)
{
    return k->tile.nr / qf_isa_panel(k->isa);
}

static int unroll_of(const qf_kernel_id *k)
{
    return k->tile.unroll;
}

static int depth_of(const qf_kernel_id *k)
{
    return k->tile.kc;
}

static int rows_kept(const qf_kernel_id *k)
{
    return k->tile.mc;
}

static int kib_ahead(const qf_kernel_id *k)
{
    return k->tile.prefetch;
}

static const parameter parameters[] = {{"mr: rows of a tile", "mr", rows_of},
                                       {"panels of a tile (nr)", "nr", panels_of},
                                       {"unroll", "unroll", unroll_of},
                                       {"kc: depth of a step, 0 none", "kc", depth_of},
                                       {"mc: rows in L2, 0 none", "mc", rows_kept},
                                       {"pf: KiB fetched ahead", "pf", kib_ahead}};
enum { PARAMETERS = sizeof parameters / sizeof *parameters, VALUES_MOST = 256 };

/* The best share with each value, in the order of the values. */
static int envelope(const double *x, const double *y, int count, double *value, double *best)
{
    int values = 0;

    for (int i = 0; i < count; i++) {
        int at = 0;
        while (at < values && value[at] < x[i]) at++;
        if (at < values && value[at] == x[i]) {
            best[at] = fmax(best[at], y[i]);
            continue;
        }
        if (values == VALUES_MOST) continue;
        memmove(value + at + 1, value + at, (size_t)(values - at) * sizeof *value);
        memmove(best + at + 1, best + at, (size_t)(values - at) * sizeof *best);
        value[at] = x[i], best[at] = y[i];
        values++;
    }
    return values;
}

static void add_parameter(report *r, const parameter *p, double *x, double *y)
{
    const tuning_history *h = &r->history;
    double value[VALUES_MOST], best[VALUES_MOST];
    int count = 0, dots = 0;

    for (int i = 0; i < h->problems; i++)
        for (int t = 0; t < h->problem[i].trials; t++) {
            const tuning_trial *trial = &h->trial[h->problem[i].first + t];
            if (trial->ns <= 0) continue;
            x[count] = p->of(&trial->kernel);
            y[count++] = share_of(&h->problem[i], trial->ns);
        }
    const int values = envelope(x, y, count, value, best);
    const int stride = count / DOTS_MOST + 1;
    for (int i = 0; i < count; i += stride, dots++) x[dots] = x[i], y[dots] = y[i];
    const chart_series series[] = {{"trials", CHART_POINTS, 6, dots, x, y, NULL},
                                   {"best with it", CHART_LINE, 2, values, value, best, NULL}};
    const chart c = {.title = p->title,
                     .x_label = p->name,
                     .y_label = "percent of the fastest",
                     .series_count = 2,
                     .series = series,
                     .narrow = true};
    page_chart(&r->page, &c);
}

static qf_status add_coverage(report *r)
{
    double *x = qf_alloc_array((size_t)r->history.trials + 1, sizeof *x);
    double *y = qf_alloc_array((size_t)r->history.trials + 1, sizeof *y);

    if (x && y) {
        page_heading(&r->page, "Coverage");
        page_paragraph(&r->page,
                       "Every trial that was timed, over the values of a parameter: where the "
                       "search was, and what each value can be worth.");
        for (int i = 0; i < PARAMETERS; i++) {
            if (i % 2 == 0) page_row_start(&r->page);
            add_parameter(r, &parameters[i], x, y);
            if (i % 2 || i + 1 == PARAMETERS) page_row_end(&r->page);
        }
    }
    const qf_status status = x && y ? QF_OK : QF_MEMORY;
    qf_free(x);
    qf_free(y);
    return status;
}

/* ---- roofs ----------------------------------------------------------------------------------
 */

static double weight_bytes(const qf_best *best)
{
    const qf_problem *p = &best->problem;
    const qf_layout layout = {.quant = p->quant,
                              .group = p->group,
                              .panel = qf_isa_panel(best->kernel.isa),
                              .params = qf_recipe_params(best->kernel.recipe)};
    return (double)qf_layout_bytes(&layout, p->n, p->k);
}

static double operations(const qf_problem *p)
{
    return 2.0 * (double)p->m * (double)p->n * (double)p->k;
}

typedef struct roof_line {
    double x[3], y[3];
} roof_line;

/* The slope of memory up to the peak, from the least to the largest intensity drawn. */
static roof_line line_of(double low, double high, double gbps, double gflops)
{
    const double ridge = fmin(fmax(log2(gflops / gbps), low), high);
    return (roof_line){{low, ridge, high},
                       {fmin(low + log2(gbps), log2(gflops)),
                        fmin(ridge + log2(gbps), log2(gflops)),
                        fmin(high + log2(gbps), log2(gflops))}};
}

/* Roofs of this machine; gflops 0: not to be had. */
static qf_status measure_roofs(const report *r, double *gflops, double *products, double *gbps)
{
    cli_machine machine = {0};
    cli_rate fma = {0}, dot = {0}, memory = {0};

    *gflops = 0;
    QF_TRY(cli_machine_open(r->threads, "none", &machine));
    bool here = false;
    for (int i = 0; i < r->history.problems; i++)
        here |= strcmp(r->history.problem[i].tune_key, machine.cpu.tune_key) == 0;
    qf_status status = QF_OK;
    if (here && qf_cpu_best_isa(&machine.cpu) != QF_ISA_C) {
        const cli_roofline line = {&machine.cpu, machine.jit, machine.pool, 0.2};
        status = cli_roof_measure(&line, CLI_ROOF_FMA, &fma);
        if (status == QF_OK) status = cli_roof_measure(&line, CLI_ROOF_DOT, &dot);
        if (status == QF_OK) status = cli_roof_measure(&line, CLI_ROOF_DRAM_4, &memory);
        *gflops = fma.median, *products = 2 * dot.median, *gbps = memory.median;
    }
    cli_machine_close(&machine);
    return status;
}

/* Champions of an accuracy class, by operations per byte of weights. */
static int collect(const tuning_history *h, qf_accuracy accuracy, double *x, double *y,
                   const char **label)
{
    int count = 0;

    for (int i = 0; i < h->problems; i++) {
        const qf_best *best = &h->problem[i].champion;
        if (best->ns <= 0 || best->problem.accuracy != accuracy) continue;
        x[count] = log2(operations(&best->problem) / weight_bytes(best));
        y[count] = log2(operations(&best->problem) / best->ns);
        label[count++] = h->problem[i].name;
    }
    return count;
}

static qf_status draw_roofs(report *r, double *x, double *y, const char **label)
{
    chart_series series[QF_ACCURACY_COUNT + 2];
    double gflops = 0, products = 0, gbps = 0, low = HUGE_VAL, high = -HUGE_VAL;
    roof_line line[2];
    int used = 0, many = 0;

    if (r->roofs) QF_TRY(measure_roofs(r, &gflops, &products, &gbps));
    for (int a = 0; a < QF_ACCURACY_COUNT; a++) {
        const int count =
            collect(&r->history, (qf_accuracy)a, x + used, y + used, label + used);
        if (count == 0) continue;
        series[many++] = (chart_series){qf_accuracy_name((qf_accuracy)a),
                                        CHART_POINTS,
                                        a + 1,
                                        count,
                                        x + used,
                                        y + used,
                                        label + used};
        used += count;
    }
    for (int i = 0; i < used; i++) low = fmin(low, x[i]), high = fmax(high, x[i]);
    if (gflops > 0 && used > 0) {
        line[0] = line_of(low, high, gbps, gflops);
        line[1] = line_of(low, high, gbps, products);
        series[many++] =
            (chart_series){"fp32 roof", CHART_LINE, 4, 3, line[0].x, line[0].y, NULL};
        series[many++] =
            (chart_series){"byte roof", CHART_LINE, 5, 3, line[1].x, line[1].y, NULL};
    }
    const chart c = {.title = "Champions under the roofs",
                     .x_label = "operations per byte of weights",
                     .y_label = "GFLOP/s",
                     .series_count = many,
                     .series = series,
                     .powers = true};
    page_heading(&r->page, "Roofs");
    page_paragraph(&r->page,
                   gflops > 0
                       ? "Roofs were measured when the page was made, on all its threads. "
                         "What fits a cache can be above the slope of memory."
                       : "Roofs are not drawn: this ledger is not of this machine, or "
                         "none were asked for.");
    page_chart(&r->page, &c);
    return QF_OK;
}

static qf_status add_roofs(report *r)
{
    const size_t room = (size_t)r->history.problems + 1;
    double *x = qf_alloc_array(room, sizeof *x), *y = qf_alloc_array(room, sizeof *y);
    const char **label = qf_alloc_array(room, sizeof *label);

    const qf_status status = x && y && label ? draw_roofs(r, x, y, label) : QF_MEMORY;
    qf_free(x);
    qf_free(y);
    qf_free(label);
    return status;
}

/* ---- tables
 * ----------------------------------------------------------------------------------- */

enum { COLUMNS = 8 };

static void fill_champion(const tuning_problem *p, char cell[COLUMNS][CELL])
{
    const qf_best *b = &p->champion;
    const time_t when = (time_t)(b->unix_us / 1000000);
    struct tm utc;

    gmtime_r(&when, &utc);
    snprintf(cell[0], CELL, "%s", p->name);
    qf_kernel_print(&b->kernel, cell[1]);
    snprintf(cell[2], CELL, "%.2f", b->ns / 1e3);
    snprintf(cell[3], CELL, "%.1f", operations(&p->problem) / b->ns);
    snprintf(cell[4], CELL, "%d", p->trials);
    snprintf(cell[5], CELL, "%s", b->settled ? "in pairs" : "not yet");
    strftime(cell[6], CELL, "%Y-%m-%d", &utc);
    cli_ties_text(&p->ties, cell[7]);
}

static qf_status add_champions(report *r)
{
    static const char *const head[COLUMNS] = {"problem", "kernel",  "us",  "GFLOP/s",
                                              "trials",  "elected", "day", "not told from it"};
    const tuning_history *h = &r->history;
    const size_t room = (size_t)h->problems * COLUMNS + 1;
    char(*text)[CELL] = qf_alloc_array(room, sizeof *text);
    const char **cell = qf_alloc_array(room, sizeof *cell);
    int rows = 0;

    if (text && cell) {
        for (int i = 0; i < h->problems; i++)
            if (h->problem[i].champion.ns > 0)
                fill_champion(&h->problem[i], &text[COLUMNS * rows++]);
        for (int i = 0; i < rows * COLUMNS; i++) cell[i] = text[i];
        page_heading(&r->page, "Champions");
        page_table(&r->page,
                   "What runs from now on, its time, and what pairs could not tell from it.",
                   COLUMNS, head, rows, cell, PAGE_CODE);
    }
    const qf_status status = text && cell ? QF_OK : QF_MEMORY;
    qf_free(text);
    qf_free(cell);
    return status;
}

static void add_verdicts(report *r)
{
    static const char *const head[] = {"verdict", "trials"};
    char text[QF_VERDICT_COUNT][24];
    const char *cell[2 * QF_VERDICT_COUNT];
    int rows = 0;

    for (int v = 0; v < QF_VERDICT_COUNT; v++) {
        if (r->history.verdicts[v] == 0) continue;
        snprintf(text[rows], sizeof text[rows], "%d", r->history.verdicts[v]);
        cell[2 * rows] = qf_verdict_name((qf_verdict)v);
        cell[2 * rows + 1] = text[rows];
        rows++;
    }
    page_heading(&r->page, "Verdicts");
    page_table(&r->page, "Kernels that were wrong, crashed or hung are never used.", 2, head,
               rows, cell, PAGE_NUMBERS);
}

/* ---- the page
 * ------------------------------------------------------------------------------------ */

static qf_status write_page(report *r)
{
    const tuning_history *h = &r->history;
    char subtitle[256];

    snprintf(subtitle, sizeof subtitle, "%d trials of %d products on %d %s. Ledger: %.120s",
             h->trials, h->problems, h->machines,
             h->machines == 1 ? "kind of machine" : "kinds of machines", r->ledger);
    QF_TRY(page_start(&r->page, "Tuning", subtitle));
    qf_status status = add_convergence(r);
    if (status == QF_OK) status = add_coverage(r);
    if (status == QF_OK) status = add_roofs(r);
    if (status == QF_OK) status = add_champions(r);
    if (status != QF_OK) {
        page_abandon(&r->page);
        return status;
    }
    add_verdicts(r);
    return page_finish(&r->page, r->output);
}

static qf_status read_ledger(report *r)
{
    char path[CLI_PATH_MAX];
    qf_store *store;

    QF_TRY(cli_ledger_path(r->ledger, path));
    const qf_status opened = qf_store_open(path, QF_STORE_READ, &store);
    if (opened == QF_NOT_FOUND) return qf_fail(QF_IO, "%s: no ledger there yet", path);
    QF_TRY(opened);
    qf_status status = tuning_history_read(store, &r->history);
    qf_store_close(store);
    if (status == QF_OK && r->history.trials == 0)
        status = qf_fail(QF_NO_CONFIG, "%s: nothing was tuned yet", path);
    if (status == QF_OK && !r->ledger) r->ledger = "the user's own";
    return status;
}

qf_status cli_report_tuning(int argc, char **argv)
{
    report r = {.output = "tuning.html"};
    bool plain = false, help;
    int rest;
    const cli_option options[] = {
        {"db", 0, CLI_TEXT, &r.ledger, "FILE", "the tuning ledger"},
        {"output", 'o', CLI_TEXT, &r.output, "FILE", "the page, tuning.html"},
        {"no-roofs", 0, CLI_FLAG, &plain, NULL, "do not measure this machine's roofs"},
        {"threads", 't', CLI_INT, &r.threads, "N", "of the roofs, 0 for all"},
        {0}};

    QF_TRY(cli_parse(argc, argv, "qforge report tuning [options]", options, &rest, &help));
    if (help) return QF_OK;
    QF_TRY(cli_no_operands(argc, argv, rest));
    r.roofs = !plain;
    qf_status status = read_ledger(&r);
    if (status == QF_OK) status = write_page(&r);
    if (status == QF_OK) printf("%s\n", r.output);
    tuning_history_release(&r.history);
    return status;
}
