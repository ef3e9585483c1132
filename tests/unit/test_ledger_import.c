/* test_ledger_import.c -- bad files change nothing, and say where they are bad. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exported.h"
#include "ledger_fixture.h"
#include "qforge/random.h"

/* Refused in one line that names the file and says `because`; nothing is made or changed.
 */
static void refused(const char *text, size_t size, const char *because)
{
    qf_import result;
    const char *file = check_place("bad");
    check_place_text(file, text, size);
    qf_message_clear();
    const qf_status status = qf_store_import(check_ledger, file, &result);
    if (status == QF_OK || !strstr(qf_message(), because) || !strstr(qf_message(), file) ||
        strchr(qf_message(), '\n'))
        fail_msg("%d '%s' does not say '%s'", status, qf_message(), because);
    assert_int_not_equal(access(check_ledger, F_OK), 0);
    char command[200];
    snprintf(command, sizeof command, "! ls %s | grep -q import", check_directory);
    assert_int_equal(system(command), 0);
}

/* The text with its first `from` replaced. */
static void refused_with(const char *text, const char *from, const char *to,
                         const char *because)
{
    const char *at = strstr(text, from);
    if (!at) fail_msg("there is no %s", from);
    const size_t head = (size_t)(at - text), size = strlen(text) + strlen(to) - strlen(from);
    char *bad = malloc(size + 1);
    memcpy(bad, text, head);
    strcpy(bad + head, to);
    strcat(bad, at + strlen(from));
    refused(bad, size, because);
    free(bad);
}

static void bad_json_changes_nothing(void **state)
{
    static const struct {
        const char *from, *to, *because;
    } rows[] = {
        {"\"cores\": 2", "\"cores\": \"2\"", "machines[0].cores: is no integer"},
        {"\"cores\": 2", "\"cores\": 2.0", "machines[0].cores: is no integer"},
        {"\"cores\": 2", "\"cores\": 0", "machines[0]: CHECK constraint"},
        {"\"cores\": 2", "\"cores\": 99999999999999999999", "too big integer"},
        {"\"cores\": 2", "\"cores\": 2, \"cores\": 2", "duplicate"},
        {"\"cores\": 2", "\"cores\": 2, \"more\": 2", "machines[0]: has keys unknown here"},
        {"\"cores\": 2", "\"kerns\": 2", "machines[0].cores: is missing"},
        {"\"predicted_ns\": ", "\"predicted_ns\": NaN", "line"},
        {"\"predicted_ns\": ", "\"predicted_ns\": 1e999, \"x\": ", "real number overflow"},
        {"\"predicted_ns\": ", "\"predicted_ns\": -1e300, \"x\": ", "trials[0]"},
        {"\"predicted_ns\": ", "\"predicted_ns\": \"inf\", \"x\": ", "is no number"},
        {"\"predicted_ns\": ", "\"predicted_ns\": null, \"x\": ", "is no number"},
        {"\"session\": 0", "\"session\": 3", "names a row that is not there"},
        {"\"session\": 0", "\"session\": -1", "names a row that is not there"},
        {"\"verdict\": \"ok\"", "\"verdict\": \"good\"", "CHECK constraint"},
        {"\"ratio\": ", "\"ratio\": -", "comparisons[0]: CHECK constraint"},
        {"\"claimed_us\": ", "\"claimed_us\": 99",
         "trials[0].claimed_us: is not from the past"},
        {"\"claimed_us\": ", "\"claimed_us\": -", "is not from the past"},
        {"\"name\": \"fast_q4g64_1x", "\"name\": \"fast_q4g64_2x", "another problem's"},
        {"\"name\": \"gemm", "\"name\": \"\\u0000gemm", "line"},
        {"\"name\": \"gemm", "\"name\": \"\xff", "line"},
        {"\"kernels\": [", "\"kernels\": 7, \"x\": [", "tables"},
        {"\"kernels\": [", "\"colonels\": [", "kernels is no array"},
        {"qforge-ledger/1", "qforge-ledger/2", "is not qforge-ledger/1"},
        {"\"schema\": \"qforge-ledger/1\"", "\"schemas\": 1", "is neither a ledger"},
        {"\"elections\": [\n{", "\"elections\": [\n[], {", "elections[0]: is no object"},
    };
    (void)state;
    check_ledger_fill(check_place("a.db"), 8);
    char *text = check_exported(check_place("a.db"), QF_EXCHANGE_JSON, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        refused_with(text, rows[i].from, rows[i].to, rows[i].because);
    const size_t size = strlen(text);
    for (size_t cut = 1; cut < size - 2; cut += 97) refused(text, cut, "bad: ");
    refused("", 0, "is empty");
    refused("{", 1, "line 1");
    refused("[1, 2]", 6, "is neither");
    refused("{\"results\": [", 13, "line 1");
    refused("\0\0\0\0", 4, "is ");
    free(text);
}

/* Nested deeper than any parser's stack. */
static void deep_json_is_refused(void **state)
{
    (void)state;
    char *deep = malloc(1 << 20);
    memset(deep, '[', 1 << 20);
    refused(deep, 1 << 20, "line 1");
    free(deep);
}

static void bad_csv_changes_nothing(void **state)
{
    static const char header[] = "problem,kernel,cache,verdict,median_ns,claimed_us,cores\n";
    static const char good[] = "fast_q4g64_1x64x4096_t2,gemm_q4g64_dot_avx2_1x32_u2,cold,ok,";
    static const struct {
        const char *line, *because;
    } rows[] = {
        {"nan,,", "line 2: no number: 'nan'"},
        {"inf,,", "line 2: no number: 'inf'"},
        {"1e999,,", "line 2: no number"},
        {"1e30,,", "line 2: these are no times"},
        {"-5,,", "line 2: these are no times"},
        {",,", "line 2: these are no times"},
        {"5 apples,,", "line 2: no number: '5 apples'"},
        {"5,12345678901234567890,", "line 2: no number here"},
        {"5,9000000000000000000,", "line 2: it is not from the past"},
        {"5,-1,", "line 2: no number here"},
        {"5,1,0", "line 2: no number here: '0'"},
        {"5,1,1000000000", "line 2: no machine has so many cores"},
        {"5,1", "line 2: another number of fields"},
        {"5,1,2,3", "line 2: another number of fields"},
        {"5,1,\"2", "line 2: a quote is never closed"},
        {"5,1,\"2\"3", "line 2: text behind a closing quote"},
    };
    char text[400];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(text, sizeof text, "%s%s%s\n", header, good, rows[i].line);
        refused(text, strlen(text), rows[i].because);
    }
    snprintf(text, sizeof text, "%s%s5,1,1\nx,gemm_q4g64_dot_avx2_1x32_u2,cold,ok,5,1,1\n",
             header, good);
    refused(text, strlen(text), "line 3: no problem this version knows: 'x'");
    snprintf(text, sizeof text, "%s%s5,1,1\n", "problem,kernel,cash,verdict,median_ns,a,b\n",
             good);
    refused(text, strlen(text), "lacks the column cache");
    refused("dear diary,\n", 12, "lacks the column problem");
}

static void bad_t4_changes_nothing(void **state)
{
    static const struct {
        const char *from, *to, *because;
    } rows[] = {
        {"\"value\": ", "\"value\": \"fast\", \"x\": ", "results[0]: these are no times"},
        {"\"value\": ", "\"value\": 1e300, \"x\": ", "results[0]: these are no times"},
        {"\"value\": ", "\"value\": -1, \"x\": ", "results[0]: these are no times"},
        {"\"unit\": \"ms\"", "\"unit\": \"days\"", "these are no times"},
        {"\"invalidity\": \"correct\"", "\"invalidity\": 1", "invalidity: is none"},
        {"\"correctness\": 1", "\"correctness\": \"yes\"", "correctness: is no number"},
        {"\"timestamp\": \"", "\"timestamp\": \"on Monday ", "timestamp: is no time"},
        {"\"timestamp\": \"2", "\"timestamp\": \"9", "is not from the past"},
        {"+00:00", "+05:00", "timestamp: is not in UTC"},
        {"\"configuration\": {", "\"configuration\": 7, \"x\": {",
         "configuration: is no object"},
        {"\"problem\": \"fast", "\"problem\": \"fastest", "no problem this version knows"},
        {"\"cache\": \"cold", "\"cache\": \"lukewarm", "cache is neither"},
        {"\"times\": {", "\"time\": {", "times: is no object"},
        {"\"results\": [\n{", "\"results\": [\n7, {", "results[0]: is no object"},
    };
    (void)state;
    qf_store *store;
    assert_int_equal(qf_store_open(check_place("a.db"), QF_STORE_WRITE, &store), QF_OK);
    check_tried(store, check_session(store), &check_trial, 500);
    qf_store_close(store);
    char *text = check_exported(check_place("a.db"), QF_EXCHANGE_T4, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        refused_with(text, rows[i].from, rows[i].to, rows[i].because);
    free(text);
}

/* Random damage: taken whole, or refused in a sentence; never half of it. */
static void damage_is_refused_or_harmless(void **state)
{
    enum { TIMES = 150 };
    qf_random random = qf_random_init(41, 0);
    (void)state;
    check_ledger_fill(check_place("a.db"), 9);
    for (int format = 0; format < QF_EXCHANGE_COUNT; format++) {
        char *text = check_exported(check_place("a.db"), (qf_exchange)format, NULL);
        const size_t size = strlen(text);
        int bad = 0;
        for (int i = 0; i < TIMES; i++) {
            char *copy = malloc(size);
            memcpy(copy, text, size);
            for (int n = 1 + (int)qf_random_below(&random, 3); n > 0; n--)
                copy[qf_random_below(&random, (uint32_t)size)] =
                    qf_random_below(&random, 2)
                        ? (char)qf_random_u32(&random)
                        : "0129-.e\",\n{}[]"[qf_random_below(&random, 14)];
            check_place_text(check_place("f"), copy, size);
            free(copy);
            qf_import result;
            const char *ledger = check_place("b.db");
            const qf_status status = qf_store_import(ledger, check_place("f"), &result);
            bad += status != QF_OK;
            assert_int_equal(access(ledger, F_OK) == 0, status == QF_OK);
            if (status == QF_OK) {
                qf_store *store;
                assert_int_equal(qf_store_open(ledger, QF_STORE_READ, &store), QF_OK);
                assert_int_equal(qf_store_check(store), QF_OK);
                qf_store_close(store);
                char command[200];
                snprintf(command, sizeof command, "rm -f %s*", ledger);
                assert_int_equal(system(command), 0);
            } else {
                assert_int_equal(status, QF_FORMAT);
                assert_null(strchr(qf_message(), '\n'));
            }
        }
        assert_in_range(bad, TIMES / 10, TIMES);
        free(text);
    }
}

int main(void)
{
#define IMPORT_TEST(name)                                                                      \
    cmocka_unit_test_setup_teardown(name, check_ledger_fresh, check_ledger_clean)
    const struct CMUnitTest tests[] = {
        IMPORT_TEST(bad_json_changes_nothing),      IMPORT_TEST(deep_json_is_refused),
        IMPORT_TEST(bad_csv_changes_nothing),       IMPORT_TEST(bad_t4_changes_nothing),
        IMPORT_TEST(damage_is_refused_or_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
