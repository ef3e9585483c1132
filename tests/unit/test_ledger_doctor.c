/* test_ledger_doctor.c -- every finding is provoked and found, repairs mend without losing a
 * row, and salvage brings home what a damaged file still holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ledger_fixture.h"
#include "qforge/random.h"
#include "qforge/store_care.h"

enum { TRIALS = 400 };

/* ---- a ledger, and what is found in it --------------------------------------------------- */

static void make_ledger(int trials)
{
    qf_store *store = check_ledger_open(QF_STORE_WRITE);
    const int64_t session = check_session(store);
    for (int i = 1; i <= trials; i++) {
        qf_trial trial = check_trial;
        trial.problem.n = i;
        check_tried(store, session, &trial, 100 + i);
        if (i % 10 == 0)
            assert_int_equal(
                qf_election_put(store, session, &trial.problem, trial.cache, &trial.kernel),
                QF_OK);
    }
    assert_int_equal(qf_session_end(store, session, QF_SESSION_DONE), QF_OK);
    qf_store_close(store);
}

static void take(void *context, const qf_finding *f)
{
    int64_t *counts = context;
    assert_true(*f->name && *f->text && *f->advice);
    counts[f->id] += f->count ? f->count : 1;
}

static void examine(int64_t counts[QF_FINDING_COUNT])
{
    qf_store *store = check_ledger_open(QF_STORE_READ);
    memset(counts, 0, QF_FINDING_COUNT * sizeof *counts);
    if (qf_store_examine(store, take, counts) != QF_OK) fail_msg("%s", qf_message());
    qf_store_close(store);
}

/* Exactly this is found, so often. */
static void found(qf_finding_id id, int64_t count)
{
    int64_t counts[QF_FINDING_COUNT];
    examine(counts);
    for (int i = 0; i < QF_FINDING_COUNT; i++) {
        const qf_finding f = qf_finding_of((qf_finding_id)i, 0, "");
        if (counts[i] != (i == (int)id ? count : 0))
            fail_msg("%lld times %s", (long long)counts[i], f.name);
    }
}

static void sound(void)
{
    found(QF_FINDING_COUNT, 0);
}

static void repaired(void)
{
    char backup[QF_STORE_PATH_MAX], expected[200];
    const int64_t before = check_sql_number("SELECT count(*) FROM trial NOT INDEXED");
    if (qf_store_repair(check_ledger, backup) != QF_OK) fail_msg("%s", qf_message());
    snprintf(expected, sizeof expected, "%s.repair", check_ledger);
    assert_int_equal(strncmp(backup, expected, strlen(expected)), 0);
    assert_int_equal(access(backup, R_OK), 0);
    assert_int_equal(check_sql_number("SELECT count(*) FROM trial NOT INDEXED"), before);
}

/* ---- findings ---------------------------------------------------------------------------- */

static void a_sound_ledger_has_none(void **state)
{
    (void)state;
    make_ledger(20);
    sound();
    repaired(); /* nothing to do */
    sound();
}

static void the_dead_are_found_and_buried(void **state)
{
    (void)state;
    int64_t id;
    qf_store *store = check_ledger_open(QF_STORE_WRITE);
    assert_int_equal(qf_trial_claim(store, check_session(store), &check_trial, &id), QF_OK);
    sound(); /* it lives */
    qf_store_close(store);
    check_sql("UPDATE session SET born = born - 1");
    found(QF_FINDING_DEAD_SESSIONS, 1);
    assert_int_equal(check_sql_number("SELECT count(*) FROM session WHERE state = 'dead'"), 0);
    repaired();
    sound();
    assert_int_equal(check_sql_number("SELECT count(*) FROM outcome WHERE verdict = 'lost'"),
                     1);
}

static void claims_left_behind_are_found(void **state)
{
    (void)state;
    int64_t id;
    qf_store *store = check_ledger_open(QF_STORE_WRITE);
    const int64_t session = check_session(store);
    assert_int_equal(qf_trial_claim(store, session, &check_trial, &id), QF_OK);
    assert_int_equal(qf_session_end(store, session, QF_SESSION_DONE), QF_OK);
    qf_store_close(store);
    found(QF_FINDING_LEFT_CLAIMS, 1);
    repaired();
    sound();
}

static void a_restless_machine_is_noted(void **state)
{
    (void)state;
    qf_store *store = check_ledger_open(QF_STORE_WRITE);
    const int64_t session = check_session(store);
    for (int i = 0; i < 4; i++) {
        qf_outcome outcome = check_timed(500);
        qf_trial trial = check_trial;
        int64_t id;
        trial.problem.n += 64 * i;
        outcome.conditions = (qf_conditions){.canary_ns = 100, .drift = 1, .spent_ms = 100};
        outcome.conditions.steal_ms = i == 1 ? 20 : 5;
        outcome.conditions.delay_ms = i == 2 ? 11 : 9;
        if (i == 3) outcome.conditions = (qf_conditions){0}; /* nobody looked */
        assert_int_equal(qf_trial_claim(store, session, &trial, &id), QF_OK);
        assert_int_equal(qf_trial_finish(store, id, &outcome), QF_OK);
    }
    qf_store_close(store);
    found(QF_FINDING_WAITED, 2);
    check_sql(
        "DROP TRIGGER outcome_fixed; UPDATE outcome SET steal_ms = 0, delay_ms = 0, drift "
        "= 0.9 WHERE trial = 1; UPDATE outcome SET steal_ms = 0, delay_ms = 0; CREATE "
        "TRIGGER outcome_fixed BEFORE UPDATE ON outcome\n    BEGIN SELECT raise(ABORT, "
        "'outcomes are never changed'); END");
    found(QF_FINDING_DRIFT, 1);
}

static void a_changed_schema_is_found(void **state)
{
    (void)state;
    make_ledger(20);
    check_sql("DROP TRIGGER trial_kept; DROP INDEX trial_session; DROP VIEW best; DROP VIEW "
              "open_trial; CREATE VIEW best AS SELECT 1");
    found(QF_FINDING_SCHEMA, 4);
    repaired();
    sound();
    check_sql("ALTER TABLE kernel ADD COLUMN colour TEXT");
    found(QF_FINDING_TABLES, 1);
    repaired();
    found(QF_FINDING_TABLES, 1);
}

static void wrong_references_are_found(void **state)
{
    (void)state;
    make_ledger(20);
    check_sql("PRAGMA foreign_keys = OFF; DELETE FROM kernel");
    int64_t counts[QF_FINDING_COUNT];
    examine(counts);
    assert_int_equal(counts[QF_FINDING_REFERENCES], 20);
}

static void wrong_elections_are_found(void **state)
{
    (void)state;
    make_ledger(20);
    check_sql("DROP TRIGGER election_fixed; UPDATE election SET problem = 3 WHERE id = 1;"
              "CREATE TRIGGER election_fixed BEFORE UPDATE ON election\n"
              "    BEGIN SELECT raise(ABORT, 'elections are never changed'); END");
    found(QF_FINDING_ELECTIONS, 1);
}

static void the_future_is_found(void **state)
{
    (void)state;
    make_ledger(3);
    check_sql(
        "DROP TRIGGER outcome_fixed; UPDATE outcome SET done_us = done_us + 1000000000000 "
        "WHERE trial = 2; CREATE TRIGGER outcome_fixed BEFORE UPDATE ON outcome\n"
        "    BEGIN SELECT raise(ABORT, 'outcomes are never changed'); END");
    found(QF_FINDING_FUTURE, 1);
}

static void what_answers_nothing_is_noted(void **state)
{
    (void)state;
    make_ledger(3);
    check_sql("UPDATE generator SET abi = abi + 1");
    found(QF_FINDING_STALE_ABI, 3);
    check_sql("UPDATE generator SET abi = abi - 1; UPDATE kernel SET name = 'gemm_retired'");
    found(QF_FINDING_NAMES, 1);
}

static void orphans_are_noted(void **state)
{
    (void)state;
    make_ledger(3);
    check_sql("INSERT INTO kernel (name) VALUES ('gemm_q4g64_dot_avx2_1x16_u1')");
    found(QF_FINDING_ORPHANS, 1);
}

static void quarantine_is_noted(void **state)
{
    (void)state;
    qf_store *store = check_ledger_open(QF_STORE_WRITE);
    const int64_t session = check_session(store);
    const qf_outcome lost = {.verdict = QF_VERDICT_LOST};
    for (int i = 0; i < 2; i++) {
        int64_t id;
        assert_int_equal(qf_trial_claim(store, session, &check_trial, &id), QF_OK);
        assert_int_equal(qf_trial_finish(store, id, &lost), QF_OK);
        found(QF_FINDING_QUARANTINE, i);
    }
    qf_store_close(store);
}

static void log_and_space_are_noted(void **state)
{
    (void)state;
    make_ledger(3);
    check_sql("PRAGMA journal_mode = DELETE");
    found(QF_FINDING_NO_LOG, 1);
    repaired();
    sound();
    check_sql(
        "CREATE TABLE t AS WITH c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT 900) "
        "SELECT n, randomblob(3000) FROM c; DROP TABLE t");
    int64_t counts[QF_FINDING_COUNT];
    examine(counts);
    assert_true(counts[QF_FINDING_FREE_PAGES] > 50);
}

static void shards_are_noted(void **state)
{
    (void)state;
    char path[128];
    make_ledger(3);
    snprintf(path, sizeof path, "%s/tuning.ant.db", check_directory);
    fclose(fopen(path, "w"));
    found(QF_FINDING_SHARDS, 1);
}

/* ---- damage ------------------------------------------------------------------------------ */

static void overwrite(long offset, const void *bytes, size_t size)
{
    FILE *file = fopen(check_ledger, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, offset, SEEK_SET), 0);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

static int64_t page_size(void)
{
    return check_sql_number("PRAGMA page_size");
}

static void damage_page(int64_t page)
{
    char junk[512];
    memset(junk, 0xff, sizeof junk);
    overwrite((long)((page - 1) * page_size()), junk, sizeof junk);
}

/* An index emptied behind SQLite's back. */
static void a_broken_index_is_found_and_made_again(void **state)
{
    (void)state;
    make_ledger(TRIALS);
    const int64_t page =
        check_sql_number("SELECT rootpage FROM sqlite_schema WHERE name = 'election_problem'");
    static const unsigned char empty[8] = {0x0a, 0, 0, 0, 0, 0x10, 0, 0};
    assert_int_equal(page_size(), 4096);
    overwrite((long)((page - 1) * 4096), empty, sizeof empty);
    int64_t counts[QF_FINDING_COUNT];
    examine(counts);
    assert_true(counts[QF_FINDING_INDEXES] > 0);
    assert_int_equal(counts[QF_FINDING_PAGES], 0);
    repaired();
    sound();
}

static qf_salvage salvage(char out[128])
{
    qf_salvage result;
    snprintf(out, 128, "%s/salvaged.db", check_directory);
    if (qf_store_salvage(check_ledger, out, &result) != QF_OK) fail_msg("%s", qf_message());
    return result;
}

/* The salvaged ledger is sound; how many of its rows the query counts. */
static int64_t number_of(const char *out, const char *text)
{
    char kept[sizeof check_ledger];
    qf_store *store;
    assert_int_equal(qf_store_open(out, QF_STORE_READ, &store), QF_OK);
    if (qf_store_check(store) != QF_OK) fail_msg("%s", qf_message());
    qf_store_close(store);
    memcpy(kept, check_ledger, sizeof kept);
    snprintf(check_ledger, sizeof check_ledger, "%.*s", (int)sizeof check_ledger - 1, out);
    const int64_t number = check_sql_number(text);
    memcpy(check_ledger, kept, sizeof kept);
    return number;
}

static void a_sound_ledger_is_salvaged_whole(void **state)
{
    (void)state;
    char out[128];
    make_ledger(TRIALS);
    const qf_salvage result = salvage(out);
    /* machine, generator, session, kernel; problem, trial and outcome; elections */
    assert_int_equal(result.kept, 4 + 3 * TRIALS + TRIALS / 10);
    assert_int_equal(result.refused + result.unreadable, 0);
    assert_int_equal(number_of(out, "SELECT count(*) FROM best"), TRIALS);
}

/* Each page of the file in turn but the first: never more lost than what hung on it. */
static void any_damaged_page_costs_little(void **state)
{
    (void)state;
    char out[128], copy[160], command[400];
    make_ledger(TRIALS);
    const int64_t pages = check_sql_number("PRAGMA page_count");
    snprintf(copy, sizeof copy, "%s/whole", check_directory);
    snprintf(command, sizeof command, "cp %s %s", check_ledger, copy);
    assert_int_equal(system(command), 0);
    int64_t worst = 1 << 30, whole = 0, hopeless = 0;
    for (int64_t page = 2; page <= pages; page += 1 + page / 20) {
        snprintf(command, sizeof command, "cp %s %s; rm -f %s/salvaged.db*", copy, check_ledger,
                 check_directory);
        assert_int_equal(system(command), 0);
        damage_page(page);
        qf_salvage result;
        snprintf(out, sizeof out, "%s/salvaged.db", check_directory);
        if (qf_store_salvage(check_ledger, out, &result) != QF_OK) {
            assert_non_null(strstr(qf_message(), "list of tables"));
            hopeless++;
            continue;
        }
        const int64_t outcomes = number_of(out, "SELECT count(*) FROM outcome");
        if (outcomes < worst) worst = outcomes;
        whole += outcomes == TRIALS;
        if (outcomes < TRIALS) assert_true(result.unreadable + result.refused > 0);
    }
    assert_true(hopeless <= 2); /* pages of the schema */
    assert_true(whole > 3);     /* of indexes and of elections */
    assert_true(worst == 0);    /* the root of a table that all rows refer to */
}

static void a_damaged_leaf_costs_its_rows(void **state)
{
    (void)state;
    char out[128];
    make_ledger(TRIALS);
    /* The second leaf of the outcomes, by the pointer in their root: 12 bytes of header, then
     * offsets of cells, each beginning with the number of a page. */
    const int64_t root =
        check_sql_number("SELECT rootpage FROM sqlite_schema WHERE name = 'outcome'");
    unsigned char bytes[4096];
    FILE *file = fopen(check_ledger, "rb");
    fseek(file, (long)((root - 1) * 4096), SEEK_SET);
    assert_int_equal(fread(bytes, 1, sizeof bytes, file), sizeof bytes);
    fclose(file);
    assert_int_equal(bytes[0], 5); /* an inner page */
    const unsigned char *cell = bytes + (bytes[14] << 8 | bytes[15]);
    damage_page(cell[0] << 24 | cell[1] << 16 | cell[2] << 8 | cell[3]);
    const qf_salvage result = salvage(out);
    assert_int_equal(result.unreadable, 1);
    const int64_t outcomes = number_of(out, "SELECT count(*) FROM outcome");
    assert_in_range(outcomes, TRIALS - 100, TRIALS - 10);
    assert_int_equal(number_of(out, "SELECT count(*) FROM trial"), TRIALS);
    assert_int_equal(number_of(out, "SELECT count(*) FROM outcome WHERE trial IN (1, 400)"), 2);
}

static void a_cut_file_gives_what_is_left(void **state)
{
    (void)state;
    char out[128];
    qf_store *store;
    make_ledger(TRIALS);
    const int64_t pages = check_sql_number("PRAGMA page_count");
    assert_int_equal(truncate(check_ledger, (off_t)(pages * 4 / 5 * 4096)), 0);
    assert_int_equal(qf_store_open(check_ledger, QF_STORE_READ, &store), QF_DATABASE);
    assert_non_null(strstr(qf_message(), "damaged"));
    assert_true(qf_store_salvageable(check_ledger));
    const qf_salvage result = salvage(out);
    assert_true(result.kept > TRIALS / 4);
    assert_true(number_of(out, "SELECT count(*) FROM outcome") > TRIALS / 10);
}

static void nothing_is_salvaged_from_nothing(void **state)
{
    (void)state;
    qf_salvage result;
    char out[128];
    snprintf(out, sizeof out, "%s/salvaged.db", check_directory);
    assert_int_equal(qf_store_salvage(check_ledger, out, &result), QF_NOT_FOUND);
    FILE *file = fopen(check_ledger, "w");
    for (int i = 0; i < 900; i++) fputs("no ledger ", file);
    fclose(file);
    assert_false(qf_store_salvageable(check_ledger));
    assert_int_equal(qf_store_salvage(check_ledger, out, &result), QF_DATABASE);
    assert_non_null(strstr(qf_message(), check_ledger));
    assert_int_not_equal(access(out, F_OK), 0);

    unlink(check_ledger);
    make_ledger(3);
    assert_int_equal(qf_store_salvage(check_ledger, check_ledger, &result), QF_USAGE);
    assert_non_null(strstr(qf_message(), "is there already"));
    sound();
}

int main(void)
{
#define DOCTOR_TEST(name)                                                                      \
    cmocka_unit_test_setup_teardown(name, check_ledger_fresh, check_ledger_clean)
    const struct CMUnitTest tests[] = {
        DOCTOR_TEST(a_sound_ledger_has_none),
        DOCTOR_TEST(the_dead_are_found_and_buried),
        DOCTOR_TEST(claims_left_behind_are_found),
        DOCTOR_TEST(a_restless_machine_is_noted),
        DOCTOR_TEST(a_changed_schema_is_found),
        DOCTOR_TEST(wrong_references_are_found),
        DOCTOR_TEST(wrong_elections_are_found),
        DOCTOR_TEST(the_future_is_found),
        DOCTOR_TEST(what_answers_nothing_is_noted),
        DOCTOR_TEST(orphans_are_noted),
        DOCTOR_TEST(quarantine_is_noted),
        DOCTOR_TEST(log_and_space_are_noted),
        DOCTOR_TEST(shards_are_noted),
        DOCTOR_TEST(a_broken_index_is_found_and_made_again),
        DOCTOR_TEST(a_sound_ledger_is_salvaged_whole),
        DOCTOR_TEST(any_damaged_page_costs_little),
        DOCTOR_TEST(a_damaged_leaf_costs_its_rows),
        DOCTOR_TEST(a_cut_file_gives_what_is_left),
        DOCTOR_TEST(nothing_is_salvaged_from_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
