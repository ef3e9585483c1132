/* results.c -- outcomes for other programs, and outcomes from them. */
#include "results.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "qforge/clock.h"

static const char *const names[] = {
#define RESULT_COLUMN(name, need) #name,
#include "results.def"
#undef RESULT_COLUMN
};

static const char select_rows[] =
    "SELECT problem.name, kernel.name, trial.cache, verdict, median_ns, low_ns, high_ns, "
    "best_ns, "
    "mean_ns, samples, calls, trial.id IN (SELECT trial FROM best), code_hash, claimed_us, "
    "done_us, tune_key, isa_key, perf_key, vendor, brand, arch, hypervisor, cores, abi, "
    "compiler, "
    "program, strategy, detail "
    "FROM outcome JOIN at_trial t ON t.id = trial JOIN trial ON trial.id = t.id "
    "JOIN session ON session.id = trial.session JOIN machine ON machine.id = session.machine "
    "JOIN generator ON generator.id = session.generator "
    "JOIN problem ON problem.id = trial.problem JOIN kernel ON kernel.id = trial.kernel "
    "WHERE verdict <> 'lost' ORDER BY t.at";

/* ---- CSV ---------------------------------------------------------------------------- */

static bool is_real(int column)
{
    return column >= RESULT_median_ns && column <= RESULT_mean_ns;
}

static void put_line(text_out *out, sql_row *row)
{
    for (int i = 0; i < RESULT_COLUMNS; i++) {
        if (i) text_put(out, ",");
        if (is_real(i) && !sql_is_null(row, i))
            text_put_real(out, sql_get_real(row, i));
        else
            text_put_field(out, sql_get_text(row, i));
    }
    text_put(out, "\n");
}

static void put_header(text_out *out)
{
    for (int i = 0; i < RESULT_COLUMNS; i++) {
        if (i) text_put(out, ",");
        text_put(out, names[i]);
    }
    text_put(out, "\n");
}

/* ---- T4 ----------------------------------------------------------------------------- */

static void put_key(text_out *out, const char *before, const char *key)
{
    text_put(out, before);
    text_put_string(out, key);
    text_put(out, ": ");
}

static void put_named(text_out *out, const char *before, const char *key, const char *text)
{
    put_key(out, before, key);
    text_put_string(out, text);
}

/* What was chosen: the kernel's name says all of it, the numbers are for statistics. */
static void put_configuration(text_out *out, sql_row *row)
{
    qf_kernel_id id;
    const char *kernel = sql_get_text(row, RESULT_kernel);

    put_named(out, "\"configuration\": {", "problem", sql_get_text(row, RESULT_problem));
    put_named(out, ", ", "kernel", kernel);
    put_named(out, ", ", "cache", sql_get_text(row, RESULT_cache));
    if (qf_kernel_parse(kernel, &id) == QF_OK) {
        const struct {
            const char *name;
            int value;
        } numbers[] = {{"mr", id.tile.mr},
                       {"nr", id.tile.nr},
                       {"unroll", id.tile.unroll},
                       {"kc", id.tile.kc},
                       {"mc", id.tile.mc},
                       {"align", id.tile.align},
                       {"prefetch", id.tile.prefetch},
                       {"bits", qf_quant_of(id.quant)->bits},
                       {"group", id.group}};
        put_named(out, ", ", "recipe", qf_recipe_of(id.recipe)->name);
        put_named(out, ", ", "isa", qf_isa_of(id.isa)->name);
        for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
            put_key(out, ", ", numbers[i].name);
            text_put_int(out, numbers[i].value);
        }
    }
    qf_message_clear();
    text_put(out, "}");
}

static const struct {
    const char *verdict, *invalidity;
    int correctness;
} validities[] = {{"ok", "correct", 1},        {"slow", "timeout", 1},
                  {"wrong", "correctness", 0}, {"crash", "runtime", 0},
                  {"timeout", "timeout", 0},   {"invalid", "compile", 0}};

static void put_validity(text_out *out, const char *verdict)
{
    size_t i = 0;
    while (i < 5 && strcmp(validities[i].verdict, verdict) != 0) i++;
    put_named(out, ", ", "invalidity", validities[i].invalidity);
    put_key(out, ", ", "correctness");
    text_put_int(out, validities[i].correctness);
}

/* Milliseconds, as Kernel Tuner has them.  Samples are not kept, so there are no runtimes. */
static void put_measurements(text_out *out, sql_row *row)
{
    static const char *const times[] = {"time", "time_low", "time_high", "time_best",
                                        "time_mean"};

    text_put(out, ", \"times\": {\"runtimes\": []}, \"measurements\": [");
    for (int i = 0; i < 5 && !sql_is_null(row, RESULT_median_ns); i++) {
        put_named(out, i ? ", {" : "{", "name", times[i]);
        put_key(out, ", ", "value");
        text_put_real(out, sql_get_real(row, RESULT_median_ns + i) / 1e6);
        text_put(out, ", \"unit\": \"ms\"}");
    }
    if (!sql_is_null(row, RESULT_samples)) {
        text_put(out, ", {\"name\": \"samples\", \"value\": ");
        text_put_int(out, sql_get_int(row, RESULT_samples));
        text_put(out, ", \"unit\": \"\"}");
    }
    text_put(out, "], \"objectives\": [\"time\"]");
}

static void put_timestamp(text_out *out, int64_t unix_us)
{
    char day[32], text[48];
    const time_t seconds = (time_t)(unix_us / 1000000);
    struct tm utc;

    strftime(day, sizeof day, "%Y-%m-%d %H:%M:%S", gmtime_r(&seconds, &utc));
    snprintf(text, sizeof text, "%s.%06d+00:00", day, (int)(unix_us % 1000000));
    put_named(out, "{", "timestamp", text);
    text_put(out, ", ");
}

/* Beyond the schema, which allows it: where and by what it was made. */
static void put_environment(text_out *out, sql_row *row)
{
    static const result_column columns[] = {
        RESULT_tune_key, RESULT_isa_key,  RESULT_perf_key, RESULT_vendor,    RESULT_brand,
        RESULT_arch,     RESULT_compiler, RESULT_program,  RESULT_code_hash, RESULT_detail};
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        put_named(out, i ? ", " : ", \"environment\": {", names[columns[i]],
                  sql_get_text(row, (int)columns[i]));
    put_key(out, ", ", "abi");
    text_put_int(out, sql_get_int(row, RESULT_abi));
    text_put(out, "}}");
}

static void put_result(text_out *out, sql_row *row)
{
    put_timestamp(out, sql_get_int(row, RESULT_claimed_us));
    put_configuration(out, row);
    put_measurements(out, row);
    put_validity(out, sql_get_text(row, RESULT_verdict));
    put_environment(out, row);
}

qf_status results_put(sql_db *sql, text_out *out, qf_exchange format)
{
    const bool csv = format == QF_EXCHANGE_CSV;
    bool first = true;
    sql_row *row;

    if (csv) put_header(out);
    if (!csv) text_put(out, "{\"schema_version\": \"1.0.0\", \"results\": [");
    qf_status status = sql_find(sql, select_rows, SQL_NONE, &row);
    for (; status == QF_OK; status = sql_next(sql, row), first = false) {
        if (!csv) text_put(out, first ? "\n" : ",\n");
        (csv ? put_line : put_result)(out, row);
        if (out->status == QF_OK) continue;
        sql_done(row);
        return out->status;
    }
    if (!csv) text_put(out, "]}\n");
    return status == QF_NOT_FOUND ? out->status : status;
}
