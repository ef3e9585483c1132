/* search_result.c -- tables, JSON and the front as a picture. */
#include "search_result.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "plot.h"
#include "qforge/file.h"
#include "qforge/memory.h"

/* ---- JSON ---- */

static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *row_json(const search_row *row)
{
    char digits[QF_SUBNET_MAX + 1];
    qf_subnet_print(&row->subnet, digits);
    return json_pack("{s:s, s:o, s:I, s:o, s:o, s:o}", "subnet", digits, "bits",
                     number(row->bits), "bytes", (json_int_t)row->bytes, "loss",
                     number(row->loss), "predicted_us", number(row->predicted_us),
                     "measured_us", number(row->measured_us));
}

static json_t *trial_json(const qf_candidate *trial)
{
    char digits[QF_SUBNET_MAX + 1];
    qf_subnet_print(&trial->subnet, digits);
    return json_pack("{s:s, s:o, s:I, s:o, s:o}", "subnet", digits, "bits",
                     number(trial->cost[QF_COST_BITS]), "bytes",
                     (json_int_t)trial->cost[QF_COST_BYTES], "loss", number(trial->loss),
                     "predicted_us", number(trial->cost[QF_COST_LATENCY]));
}

static json_t *budget_json(const qf_budget *budget)
{
    static const char *const name[QF_COSTS] = {"max_latency_us", "max_bytes", "max_bits"};
    json_t *o = json_object();
    for (int c = 0; c < QF_COSTS; c++)
        if (budget->limit[c] < INFINITY)
            json_object_set_new(o, name[c], number(budget->limit[c]));
    return o;
}

static json_t *best_json(const search_result *r, int b)
{
    json_t *o = row_json(&r->best[b]);
    json_object_set_new(o, "fits", json_boolean(r->best[b].fits));
    json_object_set_new(o, "budget", budget_json(&r->budget[b]));
    return o;
}

static json_t *front_json(const search_result *r)
{
    json_t *list = json_array();
    int *index = qf_alloc_array((size_t)r->search->trials, sizeof *index);
    const int count = index ? qf_search_front(r->search, r->axis, index) : 0;
    for (int i = 0; i < count; i++)
        json_array_append_new(list, trial_json(&r->search->trial[index[i]]));
    qf_free(index);
    return list;
}

static json_t *latency_json(const search_session *s)
{
    return json_pack("{s:f, s:f, s:i, s:f, s:f, s:f, s:f, s:i, s:i, s:i, s:i, s:i}",
                     "overhead_us", s->table.overhead_us, "scale", s->table.scale, "threads",
                     s->table.threads, "error_mean", s->fit.error_mean, "error_most",
                     s->fit.error_most, "within_5_percent", s->fit.within_5,
                     "within_10_percent", s->fit.within_10, "fitted", s->fit.fitted, "held_out",
                     s->fit.held_out, "rows_measured", s->table.measured, "rows_remembered",
                     s->table.remembered, "tokens", s->tokens);
}

/* The first budget's winner at the top, all of them below. */
static json_t *result_json(const search_result *r)
{
    json_t *o = best_json(r, 0), *results = json_array(), *uniform = json_array();
    for (int b = 0; b < r->budgets; b++) json_array_append_new(results, best_json(r, b));
    for (int u = 0; u < r->uniforms; u++)
        json_array_append_new(uniform, row_json(&r->uniform[u]));
    json_object_set_new(o, "results", results);
    json_object_set_new(o, "uniform", uniform);
    json_object_set_new(o, "front", front_json(r));
    json_object_set_new(o, "front_axis", json_string(qf_cost_name(r->axis)));
    json_object_set_new(o, "strategy", json_string(qf_search_strategy_name(r->strategy)));
    json_object_set_new(o, "evaluations", json_integer(r->search->trials));
    json_object_set_new(o, "records", json_integer(r->session->corpus.sequences));
    json_object_set_new(o, "accuracy", json_string(qf_accuracy_name(r->session->accuracy)));
    if (!r->session->timeless) json_object_set_new(o, "latency", latency_json(r->session));
    json_object_set_new(o, "seconds", number(r->seconds));
    return o;
}

static json_t *trials_json(const qf_search *search)
{
    json_t *list = json_array();
    for (int t = 0; t < search->trials; t++)
        json_array_append_new(list, trial_json(&search->trial[t]));
    return list;
}

/* ---- for people ---- */

static void print_time(double us)
{
    if (isfinite(us))
        printf("%11.1f ", us);
    else
        printf("%11s ", "-");
}

static void print_row(const char *what, const search_row *row)
{
    char digits[QF_SUBNET_MAX + 1];
    qf_subnet_print(&row->subnet, digits);
    printf("%-16s %6.3f %9.4f ", what, row->bits, row->loss);
    print_time(row->predicted_us);
    print_time(row->measured_us);
    printf("%12lld  %s\n", (long long)row->bytes, digits);
}

static void print_budget(const qf_budget *budget, char text[64])
{
    static const char *const unit[QF_COSTS] = {"us", "bytes", "bits"};
    size_t used = 0;
    text[0] = 0;
    for (int c = 0; c < QF_COSTS && used < 64; c++)
        if (budget->limit[c] < INFINITY)
            used += (size_t)snprintf(text + used, 64 - used, "%s%.6g %s",
                                     used ? ", " : "<= ", budget->limit[c], unit[c]);
}

static void print_table(const search_result *r)
{
    const search_session *s = r->session;
    printf("%d subnets on %d records (%s), %.0f s", r->search->trials, s->corpus.sequences,
           qf_search_strategy_name(r->strategy), r->seconds);
    if (!s->timeless)
        printf("; latency model off by %.1f %% (at most %.1f %%) on %d held-out subnets",
               100 * s->fit.error_mean, 100 * s->fit.error_most, s->fit.held_out);
    printf("\n\n");
    printf("%-16s %6s %9s %11s %11s %12s\n", "", "bits", "loss", "predicted", "measured us",
           "bytes");
    for (int u = 0; u < r->uniforms; u++) {
        char name[24];
        snprintf(name, sizeof name, "uniform %d", r->uniform[u].subnet.bits[0]);
        print_row(name, &r->uniform[u]);
    }
    for (int b = 0; b < r->budgets; b++) {
        char name[64];
        print_budget(&r->budget[b], name);
        print_row(name, &r->best[b]);
    }
}

qf_status search_result_print(const search_result *r, bool json)
{
    if (!json) {
        print_table(r);
        return QF_OK;
    }
    json_t *o = result_json(r);
    if (json_dumpf(o, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9)) == 0) putchar('\n');
    json_decref(o);
    return QF_OK;
}

/* ---- files ---- */

static qf_status save_json(const search_result *r, const char *path)
{
    json_t *o = result_json(r);
    json_object_set_new(o, "trials", trials_json(r->search));
    char *text = json_dumps(o, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
    json_decref(o);
    if (!text) return qf_fail(QF_MEMORY, "out of memory for %s", path);
    const qf_status status = qf_file_write(path, text, strlen(text));
    free(text);
    return status;
}

/* Room for the coordinates of every series. */
typedef struct points {
    double *x, *y;
    int count;
} points;

static void add_point(points *p, double x, double y)
{
    p->x[p->count] = x;
    p->y[p->count++] = y;
}

static double row_cost(const search_row *row, qf_cost axis)
{
    return axis == QF_COST_LATENCY ? row->predicted_us
           : axis == QF_COST_BYTES ? (double)row->bytes
                                   : row->bits;
}

static qf_status draw(const search_result *r, int *index, points *p, const char *svg,
                      const char *png)
{
    static const char *const axis[QF_COSTS] = {"predicted microseconds per token",
                                               "bytes of packed linears", "bits per weight"};
    const int front = qf_search_front(r->search, r->axis, index);
    chart_mark mark[CLI_LIST_MAX];
    int marks = 0;

    for (int t = 0; t < r->search->trials; t++)
        add_point(&p[0], r->search->trial[t].cost[r->axis], r->search->trial[t].loss);
    for (int i = 0; i < front; i++) add_point(&p[1], p[0].x[index[i]], p[0].y[index[i]]);
    for (int u = 0; u < r->uniforms; u++)
        add_point(&p[2], row_cost(&r->uniform[u], r->axis), r->uniform[u].loss);
    for (int b = 0; b < r->budgets; b++) {
        add_point(&p[3], row_cost(&r->best[b], r->axis), r->best[b].loss);
        if (r->budget[b].limit[r->axis] < INFINITY && marks < CLI_LIST_MAX)
            mark[marks++] = (chart_mark){r->budget[b].limit[r->axis], "budget"};
    }
    const chart_series series[] = {
        {"evaluated", CHART_POINTS, 6, p[0].count, p[0].x, p[0].y, NULL},
        {"front", CHART_STEPS, 1, p[1].count, p[1].x, p[1].y, NULL},
        {"uniform widths", CHART_POINTS, 2, p[2].count, p[2].x, p[2].y, NULL},
        {"chosen", CHART_POINTS, 3, p[3].count, p[3].x, p[3].y, NULL},
    };
    const chart c = {.title = "Loss against cost of subnets",
                     .x_label = axis[r->axis],
                     .y_label = "loss, nats per token",
                     .series_count = 4,
                     .series = series,
                     .marks = marks,
                     .mark = mark};
    return cli_plot(&c, svg, png);
}

static qf_status save_plot(const search_result *r, const char *svg, const char *png)
{
    const size_t room = (size_t)(r->search->trials + r->uniforms + r->budgets);
    double *values = qf_alloc_array(room, 8 * sizeof *values);
    int *index = qf_alloc_array(room, sizeof *index);
    points p[4];

    if (!values || !index) {
        qf_free(values);
        qf_free(index);
        return QF_MEMORY;
    }
    for (int i = 0; i < 4; i++)
        p[i] =
            (points){values + room * (size_t)(2 * i), values + room * (size_t)(2 * i + 1), 0};
    qf_status status = draw(r, index, p, svg, png);
    if (status == QF_NOT_FOUND) {
        fprintf(stderr, "qforge: no plot without gnuplot (apt-get install gnuplot-nox); its "
                        "data is in front.json\n");
        status = QF_OK;
    }
    qf_free(index);
    qf_free(values);
    return status;
}

qf_status search_result_save(const search_result *r, const char *directory)
{
    QF_TRY(qf_directory_make(directory));
    char *json = qf_path_join(directory, "front.json");
    char *svg = qf_path_join(directory, "front.svg");
    char *png = qf_path_join(directory, "front.png");
    qf_status status = json && svg && png ? save_json(r, json) : QF_MEMORY;
    if (status == QF_OK) status = save_plot(r, svg, png);
    qf_free(png);
    qf_free(svg);
    qf_free(json);
    return status;
}
