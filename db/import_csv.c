/* import_csv.c -- results from a table of text (RFC 4180). */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "import.h"
#include "qforge/csv.h"
#include "results.h"

typedef struct table {
    const import *in;
    qf_csv csv;
    int place[RESULT_COLUMNS]; /* in a record, -1: not there */
} table;

static qf_status wrong(const table *t, const char *what, const char *value)
{
    return import_refuse("%s: line %d: %s '%.40s'", t->in->path, t->csv.line, what, value);
}

static qf_status read_header(table *t)
{
    static const struct {
        const char *name;
        bool need;
    } columns[] = {
#define RESULT_COLUMN(name, need) {#name, need},
#include "results.def"
#undef RESULT_COLUMN
    };
    const qf_status status = qf_csv_next(&t->csv);

    if (status == QF_NOT_FOUND) return qf_fail(QF_FORMAT, "%s: is empty", t->in->path);
    QF_TRY(status);
    for (int c = 0; c < RESULT_COLUMNS; c++) {
        t->place[c] = -1;
        for (int i = 0; i < t->csv.fields; i++)
            if (strcmp(t->csv.field[i], columns[c].name) == 0) t->place[c] = i;
        if (t->place[c] < 0 && columns[c].need)
            return qf_fail(QF_FORMAT,
                           "%s: is no JSON, and as CSV its first line lacks the column %s",
                           t->in->path, columns[c].name);
    }
    return QF_OK;
}

/* ---- values ------------------------------------------------------------------------- */

static const char *text_of(const table *t, result_column column)
{
    return t->place[column] < 0 ? "" : t->csv.field[t->place[column]];
}

/* What stands when the field is empty is left alone. */
static qf_status real_of(const table *t, result_column column, double *value)
{
    const char *text = text_of(t, column);
    char *end;

    if (!*text) return QF_OK;
    *value = strtod(text, &end);
    return *end || !isfinite(*value) ? wrong(t, "no number:", text) : QF_OK;
}

static qf_status int_of(const table *t, result_column column, int64_t least, int64_t most,
                        int64_t *value)
{
    const char *text = text_of(t, column);
    char *end;

    if (!*text) return QF_OK;
    errno = 0;
    *value = strtoll(text, &end, 10);
    return *end || errno || *value < least || *value > most ? wrong(t, "no number here:", text)
                                                            : QF_OK;
}

static qf_status times_of(const table *t, qf_timing *timing)
{
    int64_t samples = 1, calls = 1;

    QF_TRY(real_of(t, RESULT_median_ns, &timing->median_ns));
    timing->low_ns = timing->high_ns = timing->best_ns = timing->mean_ns = timing->median_ns;
    QF_TRY(real_of(t, RESULT_low_ns, &timing->low_ns));
    QF_TRY(real_of(t, RESULT_high_ns, &timing->high_ns));
    QF_TRY(real_of(t, RESULT_best_ns, &timing->best_ns));
    QF_TRY(real_of(t, RESULT_mean_ns, &timing->mean_ns));
    QF_TRY(int_of(t, RESULT_samples, 1, INT32_MAX, &samples));
    QF_TRY(int_of(t, RESULT_calls, 0, INT32_MAX, &calls));
    timing->samples = (int)samples;
    timing->calls = (int)calls;
    return QF_OK;
}

static qf_status question_of(const table *t, seed *s)
{
    const char *problem = text_of(t, RESULT_problem), *kernel = text_of(t, RESULT_kernel);

    if (qf_problem_parse(problem, &s->problem) != QF_OK)
        return wrong(t, "no problem this version knows:", problem);
    if (qf_kernel_parse(kernel, &s->kernel) != QF_OK)
        return wrong(t, "no kernel this version knows:", kernel);
    s->cache = qf_cache_mode_named(text_of(t, RESULT_cache));
    if (s->cache == QF_CACHE_MODE_COUNT)
        return wrong(t, "neither hot, warm nor cold:", text_of(t, RESULT_cache));
    s->verdict = import_verdict(text_of(t, RESULT_verdict));
    if (s->verdict == QF_VERDICT_COUNT)
        return wrong(t, "no verdict:", text_of(t, RESULT_verdict));
    return QF_OK;
}

static qf_status seed_of(const table *t, seed *s)
{
    *s = (seed){.cores = 1,
                .code_hash = text_of(t, RESULT_code_hash),
                .detail = text_of(t, RESULT_detail),
                .vendor = text_of(t, RESULT_vendor),
                .brand = text_of(t, RESULT_brand),
                .arch = text_of(t, RESULT_arch),
                .hypervisor = text_of(t, RESULT_hypervisor),
                .isa_key = text_of(t, RESULT_isa_key),
                .tune_key = text_of(t, RESULT_tune_key),
                .perf_key = text_of(t, RESULT_perf_key),
                .compiler = text_of(t, RESULT_compiler),
                .program = text_of(t, RESULT_program)};
    QF_TRY(question_of(t, s));
    QF_TRY(times_of(t, &s->timing));
    QF_TRY(int_of(t, RESULT_cores, 1, INT32_MAX, &s->cores));
    QF_TRY(int_of(t, RESULT_claimed_us, 0, INT64_MAX, &s->claimed_us));
    s->done_us = s->claimed_us;
    return int_of(t, RESULT_done_us, 0, INT64_MAX, &s->done_us);
}

qf_status import_csv(sql_db *sql, void *context)
{
    const import *in = context;
    table t = {.in = in, .csv = qf_csv_begin(in->path, in->text)};
    qf_status status;

    QF_TRY(read_header(&t));
    const int columns = t.csv.fields;
    for (; (status = qf_csv_next(&t.csv)) == QF_OK; in->result->rows++) {
        char where[4200];
        seed s;
        if (t.csv.fields != columns)
            return wrong(&t, "another number of fields, from", t.csv.field[0]);
        QF_TRY(seed_of(&t, &s));
        snprintf(where, sizeof where, "%s: line %d", in->path, t.csv.line);
        QF_TRY(seed_check(&s, where));
        QF_TRY(seed_put(sql, &s));
    }
    return status == QF_NOT_FOUND ? QF_OK : status;
}
