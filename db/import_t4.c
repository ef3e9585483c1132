/* import_t4.c -- results in the T4 schema: ours come back, those of other tuners hold no
 * kernel of ours and are left alone. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "import.h"
#include "results.h"

typedef struct place {
    const import *in;
    size_t index;
} place;

static qf_status wrong(const place *p, const char *what)
{
    return qf_fail(QF_FORMAT, "%s: results[%zu]: %s", p->in->path, p->index, what);
}

/* ---- parts -------------------------------------------------------------------------- */

/* "2023-12-21 10:44:42.236642+00:00", as Python prints it; 0 when there is none. */
static qf_status time_of(const place *p, const json_t *result, int64_t *unix_us)
{
    const json_t *value = json_object_get(result, "timestamp");
    struct tm utc = {0};
    int us = 0, used = 0;

    *unix_us = 0;
    if (!value) return QF_OK;
    const char *text = json_string_value(value);
    const char *rest = text ? strptime(text, "%Y-%m-%d", &utc) : NULL;
    if (rest && (*rest == ' ' || *rest == 'T')) rest = strptime(rest + 1, "%H:%M:%S", &utc);
    if (!rest) return wrong(p, "timestamp: is no time");
    if (*rest == '.') {
        char digits[7] = "000000";
        used = (int)strspn(rest + 1, "0123456789");
        memcpy(digits, rest + 1, used < 6 ? (size_t)used : 6);
        sscanf(digits, "%6d", &us);
        rest += used + 1;
    }
    if (*rest && strcmp(rest, "+00:00") != 0 && strcmp(rest, "Z") != 0)
        return wrong(p, "timestamp: is not in UTC");
    *unix_us = (int64_t)timegm(&utc) * 1000000 + us;
    return QF_OK;
}

static double unit_ns(const char *unit)
{
    static const struct {
        const char *name;
        double ns;
    } units[] = {{"", 1e6}, {"ms", 1e6}, {"us", 1e3}, {"ns", 1}, {"s", 1e9}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strcmp(units[i].name, unit) == 0) return units[i].ns;
    return NAN;
}

/* Nanoseconds; `otherwise` when there is no such measurement, NAN when it is no number. */
static double measured(const json_t *result, const char *name, double otherwise)
{
    const json_t *rows = json_object_get(result, "measurements");

    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        if (strcmp(import_text(row, "name"), name) != 0) continue;
        const json_t *value = json_object_get(row, "value");
        if (!json_is_number(value)) return NAN;
        return json_number_value(value) * unit_ns(import_text(row, "unit"));
    }
    return otherwise;
}

static qf_timing timing_of(const json_t *result)
{
    const double median = measured(result, "time", 0);
    const double samples = measured(result, "samples", 1e6) / 1e6; /* it has no unit */

    return (qf_timing){.median_ns = median,
                       .low_ns = measured(result, "time_low", median),
                       .high_ns = measured(result, "time_high", median),
                       .best_ns = measured(result, "time_best", median),
                       .mean_ns = measured(result, "time_mean", median),
                       .samples = samples >= 1 && samples < 1e9 ? (int)samples : 0,
                       .calls = 0};
}

static qf_status verdict_of(const place *p, const json_t *result, qf_verdict *verdict)
{
    static const struct {
        const char *invalidity;
        int correctness; /* -1: any */
        qf_verdict verdict;
    } rows[] = {{"correct", -1, QF_VERDICT_OK},         {"timeout", 1, QF_VERDICT_SLOW},
                {"timeout", -1, QF_VERDICT_TIMEOUT},    {"compile", -1, QF_VERDICT_INVALID},
                {"runtime", -1, QF_VERDICT_CRASH},      {"correctness", -1, QF_VERDICT_WRONG},
                {"constraints", -1, QF_VERDICT_INVALID}};
    const char *invalidity = import_text(result, "invalidity");
    const json_t *correctness = json_object_get(result, "correctness");

    if (!json_is_number(correctness)) return wrong(p, "correctness: is no number");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(rows[i].invalidity, invalidity) != 0) continue;
        if (rows[i].correctness >= 0 && json_number_value(correctness) != rows[i].correctness)
            continue;
        *verdict = rows[i].verdict;
        return QF_OK;
    }
    return wrong(p, "invalidity: is none of the schema's");
}

/* ---- a result ----------------------------------------------------------------------- */

/* QF_NOT_FOUND for results of other tuners. */
static qf_status question_of(const place *p, const json_t *result, seed *s)
{
    const json_t *configuration = json_object_get(result, "configuration");

    if (!json_is_object(configuration)) return wrong(p, "configuration: is no object");
    const char *problem = import_text(configuration, "problem"),
               *kernel = import_text(configuration, "kernel");
    if (!*problem || !*kernel) return QF_NOT_FOUND;
    if (qf_problem_parse(problem, &s->problem) != QF_OK)
        return wrong(p, "configuration: no problem this version knows");
    if (qf_kernel_parse(kernel, &s->kernel) != QF_OK)
        return wrong(p, "configuration: no kernel this version knows");
    s->cache = qf_cache_mode_named(import_text(configuration, "cache"));
    return s->cache == QF_CACHE_MODE_COUNT
               ? wrong(p, "configuration: cache is neither hot, warm nor cold")
               : QF_OK;
}

static qf_status seed_of(const place *p, const json_t *result, seed *s)
{
    const json_t *e = json_object_get(result, "environment");

    *s = (seed){.cores = 1, .detail = import_text(e, "detail"), .hypervisor = ""};
    import_origin(e, s);
    if (!json_is_object(result)) return wrong(p, "is no object");
    if (!json_is_object(json_object_get(result, "times")))
        return wrong(p, "times: is no object");
    QF_TRY(verdict_of(p, result, &s->verdict));
    QF_TRY(question_of(p, result, s));
    QF_TRY(time_of(p, result, &s->claimed_us));
    s->done_us = s->claimed_us;
    s->timing = timing_of(result);
    return QF_OK;
}

qf_status import_t4(sql_db *sql, void *context)
{
    const import *in = context;
    const json_t *results = json_object_get(in->document, "results");
    place p = {.in = in};

    for (; p.index < json_array_size(results); p.index++, in->result->rows++) {
        char where[4200];
        seed s;
        const qf_status status = seed_of(&p, json_array_get(results, p.index), &s);
        in->result->foreign += status == QF_NOT_FOUND;
        if (status == QF_NOT_FOUND) continue;
        QF_TRY(status);
        snprintf(where, sizeof where, "%s: results[%zu]", in->path, p.index);
        QF_TRY(seed_check(&s, where));
        QF_TRY(seed_put(sql, &s));
    }
    return QF_OK;
}
