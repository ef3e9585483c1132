/* ledger_fixture.c -- a ledger in a check_directory of its own. */
#include "ledger_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qforge/codegen.h"

char check_directory[64], check_ledger[96];

const qf_cpu check_cpu = {.vendor = "AuthenticAMD",
                          .brand = "test",
                          .arch = "x86_64",
                          .cores = 2,
                          .isa_key = "1111",
                          .tune_key = "2222",
                          .perf_key = "3333"};
const qf_session_info check_info = {
    &check_cpu, QF_CODE_ABI, "LLVM 19.1.7", "random", "qforge tune", 7, 0};
const qf_scope check_scope = {"2222", QF_CODE_ABI};
const qf_trial check_trial = {
    .problem = {QF_FAST, QF_FORWARD, QF_Q4, 64, 1, 4096, 4096, 2},
    .kernel = {QF_RECIPE_DOT, QF_Q4, 64, QF_ISA_AVX2, {1, 32, 2, 0, 0, 0}},
    .cache = QF_COLD,
    .predicted_ns = 1000,
};

int check_ledger_fresh(void **state)
{
    (void)state;
    strcpy(check_directory, "/tmp/qforge-store-XXXXXX");
    if (!mkdtemp(check_directory)) return -1;
    snprintf(check_ledger, sizeof check_ledger, "%s/tuning.db", check_directory);
    return 0;
}

int check_ledger_clean(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", check_directory);
    return system(command);
}

qf_store *check_ledger_open(qf_store_mode mode)
{
    qf_store *store;
    const qf_status status = qf_store_open(check_ledger, mode, &store);
    if (status != QF_OK) fail_msg("%s", qf_message());
    return store;
}

void check_sql(const char *text)
{
    sqlite3 *db;
    char *error = NULL;
    assert_int_equal(sqlite3_open(check_ledger, &db), SQLITE_OK);
    if (sqlite3_exec(db, text, NULL, NULL, &error) != SQLITE_OK) fail_msg("%s", error);
    sqlite3_close(db);
}

int64_t check_sql_number(const char *text)
{
    sqlite3 *db;
    sqlite3_stmt *statement;
    assert_int_equal(sqlite3_open(check_ledger, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, text, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    const int64_t value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return value;
}

const qf_conditions check_conditions = {.canary_ns = 54321.5,
                                        .drift = 1,
                                        .repeats = 2,
                                        .spent_ms = 31.25,
                                        .steal_ms = 1,
                                        .delay_ms = 1.0 / 3,
                                        .switches = 4,
                                        .moves = 1};

qf_outcome check_timed(double ns)
{
    return (qf_outcome){.verdict = QF_VERDICT_OK,
                        .code_hash = "00000000deadbeef",
                        .timing = {.median_ns = ns,
                                   .low_ns = ns * 0.99,
                                   .high_ns = ns * 1.01,
                                   .best_ns = ns * 0.98,
                                   .mean_ns = ns,
                                   .samples = 9,
                                   .calls = 3},
                        .conditions = check_conditions};
}

void check_tried(qf_store *store, int64_t session, const qf_trial *trial, double ns)
{
    int64_t id;
    const qf_outcome outcome = check_timed(ns);
    assert_int_equal(qf_trial_claim(store, session, trial, &id), QF_OK);
    assert_int_equal(qf_trial_finish(store, id, &outcome), QF_OK);
}

int64_t check_session(qf_store *store)
{
    int64_t session;
    assert_int_equal(qf_session_begin(store, &check_info, &session), QF_OK);
    return session;
}
