/* test_cache_modes.c -- hot, warm and cold weights: how many copies each takes, and a ledger in
 * which what was found in another mode than a problem's own hides nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exported.h"
#include "ledger_fixture.h"
#include "qforge/champion_table.h"
#include "qforge/memory.h"
#include "qforge/ranker.h"
#include "qforge/store_care.h"
#include "qforge/tune.h"

/* ---- copies ---------------------------------------------------------------------------- */

static const qf_cpu machine = {.cache = {{.level = 2, .kind = 'u', .bytes = 1 << 20},
                                         {.level = 3, .kind = 'u', .bytes = 32 << 20}},
                               .caches = 2,
                               .memory_bytes = INT64_C(64) << 30};

static void names_are_read_back(void **state)
{
    (void)state;
    for (int i = 0; i < QF_CACHE_MODE_COUNT; i++)
        assert_int_equal(qf_cache_mode_named(qf_cache_mode_name((qf_cache_mode)i)), i);
    assert_string_equal(qf_cache_mode_name(QF_HOT), "hot");
    assert_string_equal(qf_cache_mode_name(QF_WARM), "warm");
    assert_string_equal(qf_cache_mode_name(QF_COLD), "cold");
    assert_int_equal(qf_cache_mode_named("tepid"), QF_CACHE_MODE_COUNT);
}

static int warm(int64_t bytes, int threads)
{
    return qf_cache_copies(&machine, QF_WARM, bytes, threads);
}

static void copies_are_as_many_as_the_mode_wants(void **state)
{
    (void)state;
    for (int64_t bytes = 1; bytes < INT64_C(1) << 30; bytes = 3 * bytes + 1) {
        assert_int_equal(qf_cache_copies(&machine, QF_HOT, bytes, 2), 1);
        assert_int_equal(qf_cache_copies(&machine, QF_COLD, bytes, 2),
                         qf_cpu_cold_copies(&machine, bytes));
        const int copies = warm(bytes, 1);
        if (bytes > 2 << 20) assert_int_equal(copies, 1);
        if (bytes <= 2 << 20 && bytes > (2 << 20) / 4096) {
            assert_true(copies * bytes > 2 << 20 && (copies - 1) * bytes <= 2 << 20);
            assert_true(copies * bytes <= 16 << 20);
        }
    }
    assert_int_equal(warm(2 << 20, 1), 2); /* not larger than twice L2 */
    assert_int_equal(warm(1, 1), 4096);
    /* Each of two threads reads half of every copy into an L2 of its own. */
    assert_int_equal(warm(2 << 20, 2), 3);
    assert_int_equal(warm((4 << 20) + 1, 2), 1);
    /* No more than half of the last cache, and never none. */
    assert_int_equal(warm(1 << 20, 64), 16);
    assert_int_equal(warm(15 << 20, 64), 1);
    assert_int_equal(warm(20 << 20, 64), 1);
}

/* ---- an older ledger -------------------------------------------------------------------- */

extern const char qf_schema_sql[], qf_upgrade_2_sql[], qf_upgrade_3_sql[], qf_upgrade_4_sql[],
    qf_upgrade_5_sql[], qf_upgrade_6_sql[];

/* As the program that knew schema 6 left it, with a row of every kind. */
static void make_version_6(void)
{
    const char *const steps[] = {qf_schema_sql,    qf_upgrade_2_sql, qf_upgrade_3_sql,
                                 qf_upgrade_4_sql, qf_upgrade_5_sql, qf_upgrade_6_sql};
    check_sql("PRAGMA journal_mode = WAL");
    for (int i = 0; i < 6; i++) {
        char text[64];
        check_sql(steps[i]);
        snprintf(text, sizeof text, "INSERT INTO migration VALUES (%d, 1, 'qforge')", i + 1);
        check_sql(text);
    }
    check_sql("PRAGMA application_id = 0x51464C44; PRAGMA user_version = 6");
    check_sql(
        "INSERT INTO machine VALUES (1, 'v', 'b', 'x86_64', '', 2, '1111', '2222', '3333');"
        "INSERT INTO session VALUES (1, 1, 1, 'guided', 'qforge tune', 1, 0.0, 1, 1, 'b', 'n', "
        "  1, 2, 'done');"
        "INSERT INTO problem VALUES (1, 'fast_q4g64_1x4096x4096_t2', 'fast', 'forward', 'q4', "
        "  64, 1, 4096, 4096, 2), (2, 'fast_q4g64_16x64x64_t2', 'fast', 'forward', 'q4', 64, "
        "  16, 64, 64, 2);"
        "INSERT INTO kernel VALUES (1, 'gemm_q4g64_dot_avx2_1x32_u2');"
        "INSERT INTO trial VALUES (1, 1, 1, 1, 'cold', 1.0, 1), (2, 1, 2, 1, 'warm', 1.0, 1);"
        "INSERT INTO outcome (trial, verdict, detail, code_hash, median_ns, low_ns, high_ns, "
        "  best_ns, mean_ns, samples, calls, done_us) SELECT id, 'ok', '', 'abc', 100.0, 99.0, "
        "  101.0, 98.0, 100.0, 9, 9, 2 FROM trial;"
        "INSERT INTO comparison (session, problem, cache, a, b, ratio, ratio_low, ratio_high, "
        "  pairs, done_us) SELECT 1, problem, cache, 1, 1, 1.0, 1.0, 1.0, 9, 3 FROM trial;"
        "INSERT INTO election SELECT id, 1, problem, cache, id, 4 FROM trial;"
        "INSERT INTO latency SELECT id, '3333', 1, problem, cache, 1, 9.0, 8.0, 10.0, 9, 5 "
        "FROM "
        "  trial;"
        "INSERT INTO validation VALUES (1, 1, '1111', 'abc', 'ok', '', 9, 1, 0.5, 2)");
    char text[160];
    snprintf(text, sizeof text, "INSERT INTO generator VALUES (1, %d, 'LLVM', '0.1')",
             check_scope.code_abi);
    check_sql(text);
}

/* Every row of every table that is not about the schema itself, in words. */
static char *told(void)
{
    static const char *const tables[] = {"machine", "generator",  "session", "problem",
                                         "kernel",  "trial",      "outcome", "validation",
                                         "latency", "comparison", "election"};
    char *text = calloc(1, 1 << 16), *at = text;
    sqlite3 *db;
    sqlite3_stmt *row;

    assert_int_equal(sqlite3_open(check_ledger, &db), SQLITE_OK);
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        char query[64];
        snprintf(query, sizeof query, "SELECT * FROM %s ORDER BY 1", tables[i]);
        assert_int_equal(sqlite3_prepare_v2(db, query, -1, &row, NULL), SQLITE_OK);
        while (sqlite3_step(row) == SQLITE_ROW)
            for (int c = 0; c < sqlite3_column_count(row); c++)
                at += sprintf(at, "%s|", (const char *)sqlite3_column_text(row, c));
        sqlite3_finalize(row);
    }
    sqlite3_close(db);
    assert_true(at - text > 500);
    return text;
}

static bool takes(const char *text)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(check_ledger, &db), SQLITE_OK);
    const int code = sqlite3_exec(db, text, NULL, NULL, NULL);
    sqlite3_close(db);
    return code == SQLITE_OK;
}

static void count_findings(void *context, const qf_finding *f)
{
    if (f->severity != QF_SEVERITY_NOTE) print_error("%s: %s\n", f->name, f->detail);
    *(int *)context += f->severity != QF_SEVERITY_NOTE;
}

static void an_older_ledger_learns_hot_and_keeps_its_rows(void **state)
{
    static const char *const rows[] = {
        "INSERT INTO trial VALUES (NULL, 1, 1, 1, '%s', 1.0, 1)",
        "INSERT INTO comparison (session, problem, cache, a, b, ratio, ratio_low, ratio_high, "
        "pairs, done_us) VALUES (1, 1, '%s', 1, 1, 1.0, 1.0, 1.0, 9, 3)",
        "INSERT INTO election VALUES (NULL, 1, 1, '%s', 1, 1)",
        "INSERT INTO latency VALUES (NULL, '3333', 1, 1, '%s', 1, 9.0, 8.0, 10.0, 9, 5)"};
    char text[256], backup[128];
    int findings = 0;
    qf_best best;

    (void)state;
    make_version_6();
    assert_false(takes("INSERT INTO trial VALUES (NULL, 1, 1, 1, 'hot', 1.0, 1)"));
    char *before = told();
    sqlite3 *early; /* open before, and not told */
    assert_int_equal(sqlite3_open(check_ledger, &early), SQLITE_OK);
    assert_int_equal(sqlite3_exec(early, "SELECT * FROM best", NULL, NULL, NULL), SQLITE_OK);

    qf_store *store = check_ledger_open(QF_STORE_WRITE);
    char *after = told();
    assert_string_equal(before, after);
    free(before);
    free(after);
    /* Tables, indices, views and triggers are those of a new ledger, and the rows are sound. */
    assert_int_equal(qf_store_examine(store, count_findings, &findings), QF_OK);
    assert_int_equal(findings, 0);
    assert_int_equal(qf_store_best(store, &check_scope, &check_trial.problem, &best), QF_OK);
    assert_true(best.cache == QF_COLD && best.settled);
    qf_store_close(store);
    assert_int_equal(check_sql_number("SELECT count(*) FROM best WHERE elected"), 2);
    snprintf(backup, sizeof backup, "%s.v6.bak", check_ledger);
    assert_int_equal(access(backup, F_OK), 0);

    snprintf(text, sizeof text, rows[0], "hot");
    assert_int_equal(sqlite3_exec(early, text, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(early);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(text, sizeof text, rows[i], "hot");
        assert_true(takes(text));
        snprintf(text, sizeof text, rows[i], "tepid");
        assert_false(takes(text));
    }
    assert_false(takes("DELETE FROM trial"));
    assert_false(takes("UPDATE latency SET cache = 'hot'"));
}

/* ---- another mode ----------------------------------------------------------------------- */

static qf_trial in_mode(qf_cache_mode cache)
{
    qf_trial trial = check_trial;
    trial.cache = cache;
    trial.kernel.tile.unroll = 1 << cache; /* another winner in each */
    return trial;
}

/* Elected cold, which is the problem's own; then, faster, warm and hot. */
static int64_t elect_in_all(qf_store *store)
{
    const int64_t session = check_session(store);
    for (int mode = QF_CACHE_MODE_COUNT - 1; mode >= 0; mode--) {
        const qf_trial trial = in_mode((qf_cache_mode)mode);
        check_tried(store, session, &trial, 100 * (mode + 1));
        assert_int_equal(
            qf_election_put(store, session, &trial.problem, trial.cache, &trial.kernel), QF_OK);
    }
    return session;
}

static bool count_cold(void *context, const char *tune_key, int code_abi, const qf_best *best)
{
    (void)tune_key, (void)code_abi;
    assert_int_equal(best->cache, QF_COLD);
    ++*(int *)context;
    return true;
}

static bool count_all(void *context, const char *tune_key, int code_abi, const qf_best *best)
{
    (void)tune_key, (void)code_abi, (void)best;
    ++*(int *)context;
    return true;
}

static void the_problems_own_mode_answers(void **state)
{
    const qf_problem *problem = &check_trial.problem;
    const qf_kernel_id own = in_mode(QF_COLD).kernel;
    qf_problem larger = *problem;
    qf_best best;
    int count = 0, seeds = 0;

    (void)state;
    qf_store *store = check_ledger_open(QF_STORE_WRITE);
    assert_int_equal(qf_session_end(store, elect_in_all(store), QF_SESSION_DONE), QF_OK);
    assert_int_equal(qf_store_best(store, &check_scope, problem, &best), QF_OK);
    assert_true(qf_kernel_equal(&best.kernel, &own) && best.cache == QF_COLD);
    assert_true(best.elected && best.settled && best.ns == 300);
    larger.n *= 2;
    assert_int_equal(qf_store_nearest(store, &check_scope, &larger, 4, &best), QF_OK);
    assert_true(qf_kernel_equal(&best.kernel, &own));
    assert_int_equal(qf_store_each_best(store, NULL, count_cold, &count), QF_OK);
    assert_int_equal(count, 1);

    qf_champion_table *table;
    assert_int_equal(qf_champion_table_open(store, &table), QF_OK);
    assert_non_null(table);
    assert_int_equal(qf_champion_table_count(table), 1);
    assert_true(qf_champion_table_find(table, &check_scope, problem, &best));
    assert_true(qf_kernel_equal(&best.kernel, &own) && best.cache == QF_COLD);
    qf_champion_table_close(table);

    qf_experience *trials;
    assert_int_equal(
        qf_experience_of_store(store, &check_scope, QF_ISA_AVX2, NULL, &trials, &count), QF_OK);
    assert_int_equal(count, 1);
    assert_true(qf_kernel_equal(&trials[0].kernel, &own));
    qf_free(trials);
    assert_int_equal(qf_store_each_seed(store, problem, count_all, &seeds), QF_OK);
    assert_int_equal(seeds, QF_CACHE_MODE_COUNT);
    qf_store_close(store);

    char *text = check_exported(check_ledger, QF_EXCHANGE_CHAMPIONS, NULL);
    assert_non_null(strstr(text, "\"cache\": \"cold\""));
    assert_null(strstr(text, "hot"));
    assert_null(strstr(text, "warm"));
    free(text);
}

static void every_mode_remembers_its_own(void **state)
{
    (void)state;
    qf_store *store = check_ledger_open(QF_STORE_WRITE);
    const int64_t session = elect_in_all(store);
    qf_pace pace;

    for (int mode = 0; mode < QF_CACHE_MODE_COUNT; mode++) {
        const qf_trial trial = in_mode((qf_cache_mode)mode);
        qf_best best;
        assert_int_equal(
            qf_store_best_of_mode(store, &check_scope, &trial.problem, trial.cache, &best),
            QF_OK);
        assert_true(qf_kernel_equal(&best.kernel, &trial.kernel));
        assert_true(best.cache == trial.cache && best.settled && best.ns == 100 * (mode + 1));
    }
    /* A trial in one mode unsettles that one alone, and has its pace alone. */
    qf_trial more = in_mode(QF_HOT);
    qf_best best;
    more.kernel.tile.mr = 2;
    check_tried(store, session, &more, 50);
    assert_int_equal(qf_store_best_of_mode(store, &check_scope, &more.problem, QF_HOT, &best),
                     QF_OK);
    assert_false(best.settled);
    assert_int_equal(qf_store_best(store, &check_scope, &more.problem, &best), QF_OK);
    assert_true(best.settled);
    const qf_comparison duel = {.ratio = 1.1, .ratio_low = 1, .ratio_high = 1.2, .pairs = 9};
    qf_conditions slow = check_conditions;
    slow.canary_ns *= 10;
    assert_int_equal(qf_comparison_put(store, session, &more.problem, QF_HOT, &more.kernel,
                                       &more.kernel, &duel, &slow),
                     QF_OK);
    assert_int_equal(qf_store_pace(store, &check_scope, &more.problem, QF_HOT, &pace), QF_OK);
    assert_true(pace.ns == slow.canary_ns);
    assert_int_equal(qf_store_pace(store, &check_scope, &more.problem, QF_COLD, &pace), QF_OK);
    assert_true(pace.ns == check_conditions.canary_ns);
    /* Nor has a later election in another mode a pace for this one. */
    const int64_t later = check_session(store);
    assert_int_equal(qf_election_put(store, later, &more.problem, QF_HOT, &more.kernel), QF_OK);
    assert_int_equal(qf_store_pace(store, &check_scope, &more.problem, QF_HOT, &pace),
                     QF_NOT_FOUND);
    assert_int_equal(qf_store_pace(store, &check_scope, &more.problem, QF_COLD, &pace), QF_OK);
    assert_true(pace.ns == check_conditions.canary_ns);
    qf_store_close(store);
}

/* The rule stands in the ledger's view and in the tuner. */
static void the_ledger_and_the_tuner_agree(void **state)
{
    (void)state;
    qf_store *store = check_ledger_open(QF_STORE_WRITE);
    const int64_t session = check_session(store);

    for (int m = 1; m <= 20; m++) {
        qf_best best;
        for (int mode = 0; mode < QF_CACHE_MODE_COUNT; mode++) {
            qf_trial trial = in_mode((qf_cache_mode)mode);
            trial.problem.m = m;
            assert_true(mode > 0 || qf_store_best(store, &check_scope, &trial.problem, &best) ==
                                        QF_NOT_FOUND);
            check_tried(store, session, &trial, 100);
        }
        qf_problem problem = check_trial.problem;
        problem.m = m;
        assert_int_equal(qf_store_best(store, &check_scope, &problem, &best), QF_OK);
        assert_int_equal(best.cache, qf_tune_cache_mode(&problem));
    }
    qf_store_close(store);
}

static void hot_rows_travel(void **state)
{
    qf_import result;
    (void)state;
    qf_store *store = check_ledger_open(QF_STORE_WRITE);
    assert_int_equal(qf_session_end(store, elect_in_all(store), QF_SESSION_DONE), QF_OK);
    qf_store_close(store);

    char *text = check_exported(check_ledger, QF_EXCHANGE_JSON, NULL);
    const char *file = check_place("text.json"), *copy = check_place("copy.db");
    check_place_text(file, text, strlen(text));
    if (qf_store_import(copy, file, &result) != QF_OK) fail_msg("%s", qf_message());
    char *again = check_exported(copy, QF_EXCHANGE_JSON, NULL);
    assert_non_null(strstr(text, "\"cache\": \"hot\""));
    assert_string_equal(text, again);
    free(text);
    free(again);
    text = check_exported(check_ledger, QF_EXCHANGE_CSV, NULL);
    file = check_place("text.csv");
    check_place_text(file, text, strlen(text));
    if (qf_store_import(check_place("seeds.db"), file, &result) != QF_OK)
        fail_msg("%s", qf_message());
    assert_int_equal(result.trials, QF_CACHE_MODE_COUNT);
    free(text);
}

int main(void)
{
#define LEDGER_TEST(name)                                                                      \
    cmocka_unit_test_setup_teardown(name, check_ledger_fresh, check_ledger_clean)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_read_back),
        cmocka_unit_test(copies_are_as_many_as_the_mode_wants),
        LEDGER_TEST(an_older_ledger_learns_hot_and_keeps_its_rows),
        LEDGER_TEST(the_problems_own_mode_answers),
        LEDGER_TEST(every_mode_remembers_its_own),
        LEDGER_TEST(the_ledger_and_the_tuner_agree),
        LEDGER_TEST(hot_rows_travel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
