/* demo_results.c -- reads the files of a demo. */
#include "demo_results.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qforge/file.h"
#include "qforge/memory.h"

enum { FILE_LIMIT = 1 << 28 };

static qf_status read_text(const char *directory, const char *name, char **text)
{
    char *path = qf_path_join(directory, name);
    if (!path) return QF_MEMORY;
    const qf_status status = qf_file_read(path, FILE_LIMIT, text, NULL);
    qf_free(path);
    return status;
}

static qf_status read_json(const char *directory, const char *name, json_t **json)
{
    char *text;
    json_error_t error;

    QF_TRY(read_text(directory, name, &text));
    *json = json_loads(text, 0, &error);
    qf_free(text);
    if (!*json)
        return qf_fail(QF_FORMAT, "%s/%s:%d: %s", directory, name, error.line, error.text);
    return QF_OK;
}

/* A member that is a number, else NAN. */
static double number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

/* The text of the next line, NUL-terminated; NULL at the end. */
static char *next_line(char **at)
{
    char *line = *at;
    if (!*line) return NULL;
    char *end = strchr(line, '\n');
    *at = end ? end + 1 : line + strlen(line);
    if (end) *end = 0;
    return line;
}

/* ---- rows ---- */

/* The entry of a list of subnets whose digits are those of the row: one digit stands for
 * all linears. */
static const json_t *find_subnet(const json_t *list, const char *subnet)
{
    size_t i;
    const json_t *entry;
    json_array_foreach(list, i, entry)
    {
        const char *digits = json_string_value(json_object_get(entry, "subnet"));
        if (!digits) continue;
        if (strcmp(digits, subnet) == 0) return entry;
        if (strlen(subnet) == 1 && strspn(digits, subnet) == strlen(digits)) return entry;
    }
    return NULL;
}

static void add_prediction(const demo_results *results, demo_row *row)
{
    const json_t *found = find_subnet(json_object_get(results->front, "uniform"), row->subnet);
    if (!found) found = find_subnet(json_object_get(results->front, "results"), row->subnet);
    if (!found) return;
    row->bits = number(found, "bits");
    row->bytes = number(found, "bytes");
    row->predicted_us = number(found, "predicted_us");
}

static qf_status load_row(const char *directory, demo_results *results, demo_row *row)
{
    char name[64];
    json_t *json;

    row->bits = row->bytes = row->predicted_us = NAN;
    snprintf(name, sizeof name, "eval-%s.json", row->key);
    QF_TRY(read_json(directory, name, &json));
    row->loss = number(json, "nll_per_token");
    row->accuracy = number(json, "accuracy");
    results->chance = number(json, "chance");
    json_decref(json);
    snprintf(name, sizeof name, "token-%s.json", row->key);
    QF_TRY(read_json(directory, name, &json));
    row->measured_us = number(json, "us_per_token");
    if (strcmp(row->subnet, "-") == 0) {
        row->bits = 32;
        row->bytes = number(json, "bytes");
    } else {
        add_prediction(results, row);
    }
    json_decref(json);
    return QF_OK;
}

static qf_status load_rows(const char *directory, demo_results *results)
{
    char *text, *line;
    qf_status status = QF_OK;

    QF_TRY(read_text(directory, "rows.tsv", &text));
    for (char *at = text; status == QF_OK && (line = next_line(&at)) != NULL;) {
        demo_row *row = &results->row[results->rows];
        if (results->rows == DEMO_ROWS ||
            sscanf(line, "%63[^\t]\t%31[^\t/]\t%1099s", row->label, row->key, row->subnet) != 3)
            status = qf_fail(QF_FORMAT, "%s/rows.tsv: line %d is not label, key, subnet",
                             directory, results->rows + 1);
        else
            status = load_row(directory, results, row);
        results->rows += status == QF_OK;
    }
    qf_free(text);
    return status;
}

/* ---- curves and stages ---- */

static qf_status load_curve(const char *directory, const char *name, demo_curve *curve)
{
    char *text, *line;
    int lines = 0;

    QF_TRY(read_text(directory, name, &text));
    for (const char *c = text; *c; c++) lines += *c == '\n';
    curve->step = qf_alloc_array((size_t)lines + 1, 2 * sizeof *curve->step);
    if (!curve->step) {
        qf_free(text);
        return QF_MEMORY;
    }
    curve->loss = curve->step + lines + 1;
    for (char *at = text; (line = next_line(&at)) != NULL;)
        if (sscanf(line, "%lf %lf", &curve->step[curve->count], &curve->loss[curve->count]) ==
            2)
            curve->count++;
    qf_free(text);
    return QF_OK;
}

static qf_status load_stages(const char *directory, demo_results *results)
{
    char *text, *line;

    QF_TRY(read_text(directory, "stages.tsv", &text));
    for (char *at = text; (line = next_line(&at)) != NULL && results->stages < DEMO_STAGES;) {
        demo_stage *stage = &results->stage[results->stages];
        results->stages += sscanf(line, "%47[^\t]\t%lf", stage->name, &stage->seconds) == 2;
    }
    qf_free(text);
    return QF_OK;
}

static qf_status load_all(const char *directory, demo_results *results)
{
    QF_TRY(read_json(directory, "front/front.json", &results->front));
    QF_TRY(read_json(directory, "tune.json", &results->tune));
    QF_TRY(read_json(directory, "cpu.json", &results->cpu));
    QF_TRY(load_rows(directory, results));
    QF_TRY(load_curve(directory, "train.tsv", &results->train));
    QF_TRY(load_curve(directory, "qfa.tsv", &results->qfa));
    return load_stages(directory, results);
}

qf_status demo_results_load(const char *directory, demo_results *results)
{
    memset(results, 0, sizeof *results);
    const qf_status status = load_all(directory, results);
    if (status != QF_OK) demo_results_release(results);
    return status;
}

void demo_results_release(demo_results *results)
{
    json_decref(results->front);
    json_decref(results->tune);
    json_decref(results->cpu);
    qf_free(results->train.step);
    qf_free(results->qfa.step);
    memset(results, 0, sizeof *results);
}
