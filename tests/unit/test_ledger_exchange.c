/* test_ledger_exchange.c -- JSON comes back without loss, CSV and T4 as seeds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <jansson.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exported.h"
#include "ledger_fixture.h"
#include "qforge/random.h"

static qf_import import(const char *ledger, const char *file)
{
    qf_import result;
    if (qf_store_import(ledger, file, &result) != QF_OK) fail_msg("%s", qf_message());
    return result;
}

/* ---- JSON --------------------------------------------------------------------------- */

/* Outcomes of one ledger whose times are not to the last bit those of the other. */
static int differing_times(const char *one, const char *other)
{
    char text[400];
    sqlite3 *db;
    sqlite3_stmt *row;
    assert_int_equal(sqlite3_open(one, &db), SQLITE_OK);
    snprintf(text, sizeof text, "ATTACH '%s' AS other", other);
    assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(
        sqlite3_prepare_v2(
            db,
            "SELECT count(*) FROM (SELECT mean_ns, low_ns, predicted_ns FROM "
            "main.outcome JOIN main.trial t ON t.id = trial EXCEPT SELECT mean_ns, "
            "low_ns, predicted_ns FROM other.outcome JOIN other.trial t ON t.id = "
            "trial)",
            -1, &row, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_step(row), SQLITE_ROW);
    const int count = sqlite3_column_int(row, 0);
    sqlite3_finalize(row);
    sqlite3_close(db);
    return count;
}

static void json_comes_back_without_loss(void **state)
{
    (void)state;
    const char *a = check_place("a.db"), *b = check_place("b.db"),
               *file = check_place("a.json");
    check_ledger_fill(a, 1);
    char *text = check_exported(a, QF_EXCHANGE_JSON, NULL);
    check_place_text(file, text, strlen(text));
    qf_import result = import(b, file);
    assert_int_equal(result.format, QF_EXCHANGE_JSON);
    assert_int_equal(result.rows, 15);
    assert_int_equal(result.trials, 15);
    assert_int_equal(result.sessions, 3);
    char *again = check_exported(b, QF_EXCHANGE_JSON, NULL);
    assert_string_equal(again, text);
    assert_non_null(strstr(text, "\"worst_error\": \"inf\""));
    assert_int_equal(differing_times(a, b), 0);
    free(again);

    result = import(b, file);
    assert_int_equal(result.trials + result.sessions, 0);
    again = check_exported(b, QF_EXCHANGE_JSON, NULL);
    assert_string_equal(again, text);
    free(again);
    free(text);
    assert_int_not_equal(access(check_place("b.db.1.import"), F_OK), 0);
}

/* Importing an export is merging the ledger. */
static void importing_is_merging(void **state)
{
    (void)state;
    const char *a = check_place("a.db"), *b = check_place("b.db"), *c = check_place("c.db"),
               *file = check_place("f");
    qf_store *store;
    check_ledger_fill(a, 2);
    check_ledger_fill(b, 3);
    char *text = check_exported(a, QF_EXCHANGE_JSON, NULL);
    char *text_b = check_exported(b, QF_EXCHANGE_JSON, NULL);
    /* In another order: what they say decides, not when they said it here. */
    check_place_text(file, text, strlen(text));
    import(c, file);
    check_place_text(file, text_b, strlen(text_b));
    import(c, file);
    assert_int_equal(qf_store_open(b, QF_STORE_WRITE, &store), QF_OK);
    assert_int_equal(qf_store_merge(store, a), QF_OK);
    qf_store_close(store);
    char *merged = check_exported(b, QF_EXCHANGE_JSON, NULL);
    char *imported = check_exported(c, QF_EXCHANGE_JSON, NULL);
    assert_string_equal(imported, merged);
    free(text), free(text_b), free(merged), free(imported);
}

/* Before version 5 nobody looked at what the machine did. */
static void texts_of_older_versions_come_in(void **state)
{
    (void)state;
    const char *a = check_place("a.db"), *b = check_place("b.db"), *file = check_place("f");
    check_ledger_fill(a, 2);
    char *text = check_exported(a, QF_EXCHANGE_JSON, NULL);
    assert_non_null(strstr(text, "\"canary_ns\": 54321.5"));
    for (char *at = text; (at = strstr(at, ", \"canary_ns\""));)
        memmove(at, strchr(at, '}'), strlen(strchr(at, '}')) + 1);
    check_place_text(file, text, strlen(text));
    import(b, file);
    char *again = check_exported(b, QF_EXCHANGE_JSON, NULL);
    assert_non_null(strstr(again, "\"canary_ns\": null, \"drift\": null"));
    for (char *at = again; (at = strstr(at, ", \"canary_ns\""));)
        memmove(at, strchr(at, '}'), strlen(strchr(at, '}')) + 1);
    assert_string_equal(again, text);
    free(text), free(again);
}

/* A part of a ledger is a ledger: exported whole it is the same text. */
static void a_part_is_a_ledger(void **state)
{
    (void)state;
    const char *a = check_place("a.db"), *b = check_place("b.db"), *file = check_place("f");
    check_ledger_fill(a, 4);
    char *part = check_exported(a, QF_EXCHANGE_JSON, "*_1x128x*");
    check_place_text(file, part, strlen(part));
    const qf_import result = import(b, file);
    assert_in_range(result.trials, 1, 14);
    char *again = check_exported(b, QF_EXCHANGE_JSON, NULL);
    assert_string_equal(again, part);
    assert_null(strstr(part, "1x64x4096"));
    free(part), free(again);
    char *none = check_exported(a, QF_EXCHANGE_JSON, "no such problem");
    assert_non_null(strstr(none, "\"outcomes\": []"));
    assert_non_null(strstr(none, "\"machines\": []"));
    free(none);
}

/* Bytes that are no text in any language: valid JSON, and then lossless again. */
static void broken_text_is_replaced(void **state)
{
    (void)state;
    check_ledger_fill(check_ledger, 5);
    check_sql("INSERT INTO session SELECT NULL, machine, generator, strategy, "
              "CAST(x'61ff62c0af63eda08064f4908080e28265' AS TEXT), seed, budget_s, pid, born, "
              "boot_id, namespace, 77, 78, 'done' FROM session WHERE id = 1");
    char *text = check_exported(check_ledger, QF_EXCHANGE_JSON, NULL);
    json_error_t error;
    json_t *document = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (!document) fail_msg("%s", error.text);
    json_decref(document);
    const char *file = check_place("f");
    check_place_text(file, text, strlen(text));
    import(check_place("b.db"), file);
    char *again = check_exported(check_place("b.db"), QF_EXCHANGE_JSON, NULL);
    assert_string_equal(again, text);
    free(text), free(again);
}

/* ---- seeds -------------------------------------------------------------------------- */

static void answers_nothing(const char *ledger)
{
    qf_store *store;
    qf_best best;
    qf_outcome outcome;
    assert_int_equal(qf_store_open(ledger, QF_STORE_READ, &store), QF_OK);
    assert_int_equal(qf_store_best(store, &check_scope, &check_trial.problem, &best),
                     QF_NOT_FOUND);
    assert_int_equal(qf_store_nearest(store, &check_scope, &check_trial.problem, 1e9, &best),
                     QF_NOT_FOUND);
    assert_int_equal(qf_store_outcome(store, &check_scope, &check_trial, &outcome, NULL),
                     QF_NOT_FOUND);
    assert_int_equal(qf_store_check(store), QF_OK);
    qf_store_close(store);
}

static void results_become_seeds(qf_exchange format)
{
    const char *a = check_place("a.db"), *b = check_place("b.db"), *file = check_place("f");
    check_ledger_fill(a, 6);
    char *text = check_exported(a, format, NULL);
    check_place_text(file, text, strlen(text));
    qf_import result = import(b, file);
    assert_int_equal(result.format, format);
    assert_int_equal(result.rows, 15);
    assert_int_equal(result.trials, 15);
    assert_int_equal(result.foreign, 0);
    result = import(b, file);
    assert_int_equal(result.trials + result.sessions, 0);
    answers_nothing(b);
    /* And nothing of them is an answer when they are merged with what is. */
    qf_store *store;
    assert_int_equal(qf_store_open(a, QF_STORE_WRITE, &store), QF_OK);
    char *before = check_exported(a, QF_EXCHANGE_CSV, NULL);
    assert_int_equal(qf_store_merge(store, b), QF_OK);
    qf_store_close(store);
    char *after = check_exported(a, QF_EXCHANGE_CSV, NULL);
    for (char *line = strtok(before, "\n"); line; line = strtok(NULL, "\n"))
        assert_non_null(strstr(after, line));
    free(text), free(before), free(after);
}

static void csv_becomes_seeds(void **state)
{
    (void)state;
    results_become_seeds(QF_EXCHANGE_CSV);
}

static void t4_becomes_seeds(void **state)
{
    (void)state;
    results_become_seeds(QF_EXCHANGE_T4);
}

/* The parts of the schema (T4/1.0.0/results-schema.json) that its readers rely on. */
static void t4_is_as_its_schema_says(void **state)
{
    static const char *const invalidities[] = {"timeout",     "compile",     "runtime",
                                               "correctness", "constraints", "correct"};
    (void)state;
    check_ledger_fill(check_ledger, 7);
    char *text = check_exported(check_ledger, QF_EXCHANGE_T4, NULL);
    json_t *document = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(document);
    assert_string_equal(json_string_value(json_object_get(document, "schema_version")),
                        "1.0.0");
    const json_t *results = json_object_get(document, "results");
    assert_int_equal(json_array_size(results), 15);
    int timed = 0;
    for (size_t i = 0; i < json_array_size(results); i++) {
        const json_t *r = json_array_get(results, i);
        assert_true(json_is_string(json_object_get(r, "timestamp")));
        assert_true(json_is_object(json_object_get(r, "configuration")));
        assert_true(json_is_array(json_object_get(r, "objectives")));
        assert_true(json_is_array(json_object_get(json_object_get(r, "times"), "runtimes")));
        assert_true(json_is_number(json_object_get(r, "correctness")));
        const char *invalidity = json_string_value(json_object_get(r, "invalidity"));
        int known = 0;
        for (int k = 0; k < 6; k++) known += strcmp(invalidity, invalidities[k]) == 0;
        assert_int_equal(known, 1);
        const json_t *rows = json_object_get(r, "measurements");
        assert_true(json_is_array(rows));
        timed += strcmp(invalidity, "correct") == 0;
        assert_int_equal(json_array_size(rows) > 0, strcmp(invalidity, "correct") == 0);
        for (size_t m = 0; m < json_array_size(rows); m++) {
            assert_true(json_is_string(json_object_get(json_array_get(rows, m), "name")));
            assert_true(json_is_number(json_object_get(json_array_get(rows, m), "value")));
            assert_true(json_is_string(json_object_get(json_array_get(rows, m), "unit")));
        }
    }
    assert_in_range(timed, 1, 14);
    json_decref(document);
    free(text);
}

/* As Kernel Tuner writes it, of a kernel that is not ours. */
static void other_tuners_results_are_left_alone(void **state)
{
    static const char text[] =
        "{\"results\": [{\"timestamp\": \"2023-12-21 10:44:42.236642+00:00\", "
        "\"configuration\": "
        "{\"block_size_x\": 16, \"use_cmem\": 1}, \"times\": {\"compilation_time\": 661.5, "
        "\"runtimes\": [12.2, 12.3]}, \"invalidity\": \"correct\", \"correctness\": 1, "
        "\"measurements\": [{\"name\": \"time\", \"value\": 12.26, \"unit\": \"\"}], "
        "\"objectives\": [\"time\"]}], \"schema_version\": \"1.0.0\"}";
    (void)state;
    check_place_text(check_place("f"), text, sizeof text - 1);
    const qf_import result = import(check_ledger, check_place("f"));
    assert_int_equal(result.rows, 1);
    assert_int_equal(result.foreign, 1);
    assert_int_equal(result.trials, 0);
}

/* From a spreadsheet: a mark of byte order, CRLF, quotes, other columns in another order. */
static void csv_of_a_spreadsheet(void **state)
{
    static const char text[] =
        "\xef\xbb\xbfmedian_ns,\"cache\",colour,problem,kernel,verdict,detail\r\n"
        "123.5,cold,\"red, or "
        "\"\"rot\"\"\",fast_q4g64_1x64x4096_t2,gemm_q4g64_dot_avx2_1x32_u2,"
        "ok,\"two\r\nlines\"\r\n"
        "\r\n"
        ",warm,,fast_q4g64_1x64x4096_t2,gemm_q4g64_dot_avx2_1x32_u2,wrong,";
    (void)state;
    check_place_text(check_place("f"), text, sizeof text - 1);
    const qf_import result = import(check_ledger, check_place("f"));
    assert_int_equal(result.rows, 2);
    assert_int_equal(result.trials, 2);
    assert_int_equal(
        check_sql_number("SELECT count(*) FROM outcome WHERE median_ns = 123.5 AND "
                         "samples = 1 AND detail = 'two' || char(13, 10) || 'lines'"),
        1);
}

/* ---- sinks -------------------------------------------------------------------------- */

static qf_status full(void *context, const char *text, size_t size)
{
    (void)text;
    return (*(int64_t *)context -= (int64_t)size) < 0 ? qf_fail(QF_IO, "full") : QF_OK;
}

static void a_full_sink_ends_an_export(void **state)
{
    (void)state;
    check_ledger_fill(check_ledger, 10);
    for (int format = 0; format < QF_EXCHANGE_COUNT; format++) {
        qf_store *store = check_ledger_open(QF_STORE_READ);
        int64_t room = 100;
        assert_int_equal(qf_store_export(store, (qf_exchange)format, NULL, full, &room), QF_IO);
        assert_string_equal(qf_message(), "full");
        room = 1 << 20;
        assert_int_equal(qf_store_export(store, (qf_exchange)format, NULL, full, &room), QF_OK);
        qf_store_close(store);
    }
}

int main(void)
{
#define EXCHANGE_TEST(name)                                                                    \
    cmocka_unit_test_setup_teardown(name, check_ledger_fresh, check_ledger_clean)
    const struct CMUnitTest tests[] = {
        EXCHANGE_TEST(json_comes_back_without_loss),
        EXCHANGE_TEST(importing_is_merging),
        EXCHANGE_TEST(texts_of_older_versions_come_in),
        EXCHANGE_TEST(a_part_is_a_ledger),
        EXCHANGE_TEST(broken_text_is_replaced),
        EXCHANGE_TEST(csv_becomes_seeds),
        EXCHANGE_TEST(t4_becomes_seeds),
        EXCHANGE_TEST(t4_is_as_its_schema_says),
        EXCHANGE_TEST(other_tuners_results_are_left_alone),
        EXCHANGE_TEST(csv_of_a_spreadsheet),
        EXCHANGE_TEST(a_full_sink_ends_an_export),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
