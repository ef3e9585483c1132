/* test_store_files.c -- the ledger as a file: made, upgraded, shared, and refused untouched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "db/sql.h"
#include "ledger_fixture.h"
#include "qforge/codegen.h"
#include "qforge/store.h"

/* ---- opening --------------------------------------------------------------------------- */

static void reading_creates_nothing(void **state)
{
    (void)state;
    qf_store *store;
    assert_int_equal(qf_store_open(check_ledger, QF_STORE_READ, &store), QF_NOT_FOUND);
    assert_null(store);
    assert_int_not_equal(access(check_ledger, F_OK), 0);
}

/* As a process leaves it that is killed while it makes one. */
static void an_empty_file_is_no_ledger_yet(void **state)
{
    (void)state;
    qf_store *store;
    fclose(fopen(check_ledger, "w"));
    assert_int_equal(qf_store_open(check_ledger, QF_STORE_READ, &store), QF_NOT_FOUND);
    check_sql("PRAGMA journal_mode = WAL; CREATE TABLE t (a); DROP TABLE t");
    assert_int_equal(qf_store_open(check_ledger, QF_STORE_READ, &store), QF_NOT_FOUND);
    qf_store_close(check_ledger_open(QF_STORE_WRITE));
    qf_store_close(check_ledger_open(QF_STORE_READ));
}

static void a_new_file_has_stamp_log_and_views(void **state)
{
    (void)state;
    qf_store_close(check_ledger_open(QF_STORE_WRITE));
    assert_int_equal(check_sql_number("PRAGMA application_id"), 0x51464C44);
    assert_int_equal(check_sql_number("PRAGMA user_version"), 7);
    assert_int_equal(check_sql_number("SELECT count(*) FROM migration"), 7);
    assert_int_equal(check_sql_number("SELECT journal_mode = 'wal' FROM pragma_journal_mode"),
                     1);
    assert_int_equal(check_sql_number("SELECT count(*) FROM best"), 0);
    /* Accuracy classes are not the file's business. */
    assert_int_equal(check_sql_number("SELECT count(*) FROM sqlite_schema WHERE "
                                      "name = 'problem' AND sql LIKE '%''fast''%'"),
                     0);
    assert_int_equal(check_sql_number("SELECT count(*) FROM sqlite_schema WHERE type = 'table' "
                                      "AND sql NOT LIKE '%STRICT%'"),
                     0);
}

static void make_older(void)
{
    qf_store *store = check_ledger_open(QF_STORE_WRITE);
    check_tried(store, check_session(store), &check_trial, 500);
    qf_store_close(store);
    static const char *const columns[] = {"canary_ns", "drift",    "repeats",  "spent_ms",
                                          "steal_ms",  "delay_ms", "switches", "moves"};
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        char text[128];
        snprintf(text, sizeof text,
                 "ALTER TABLE outcome DROP COLUMN %s; ALTER TABLE comparison DROP COLUMN %s",
                 columns[i], columns[i]);
        check_sql(text);
    }
    check_sql("DROP VIEW best_of_mode; DROP INDEX session_identity; DROP TABLE latency; DELETE "
              "FROM migration WHERE "
              "version > 1; PRAGMA user_version = 1");
}

static void an_old_file_is_upgraded_with_its_rows(void **state)
{
    (void)state;
    qf_store *store;
    make_older();
    assert_int_equal(qf_store_open(check_ledger, QF_STORE_READ, &store), QF_DATABASE);
    assert_non_null(strstr(qf_message(), "older schema 1"));

    store = check_ledger_open(QF_STORE_WRITE);
    qf_best best;
    assert_int_equal(qf_store_best(store, &check_scope, &check_trial.problem, &best), QF_OK);
    qf_latency latency;
    assert_int_equal(qf_latency_get(store, &check_cpu, &check_trial.problem, QF_COLD, &latency),
                     QF_NOT_FOUND);
    qf_store_close(store);
    assert_int_equal(check_sql_number("SELECT count(*) FROM migration"), 7);
}

static uint64_t digest_of(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint64_t digest = 1469598103934665603u;
    assert_non_null(file);
    for (int c; (c = fgetc(file)) != EOF;) digest = (digest ^ (unsigned)c) * 1099511628211u;
    fclose(file);
    return digest;
}

static uint64_t file_digest(void)
{
    return digest_of(check_ledger);
}

static int64_t number_in(const char *path, const char *text)
{
    sqlite3 *db;
    sqlite3_stmt *row;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, text, -1, &row, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(row), SQLITE_ROW);
    const int64_t number = sqlite3_column_int64(row, 0);
    sqlite3_finalize(row);
    sqlite3_close(db);
    return number;
}

static void an_upgrade_keeps_the_old_file(void **state)
{
    (void)state;
    char first[128], second[128], third[128];
    snprintf(first, sizeof first, "%s.v1.bak", check_ledger);
    snprintf(second, sizeof second, "%s.v1.2.bak", check_ledger);
    snprintf(third, sizeof third, "%s.v1.3.bak", check_ledger);
    make_older();
    assert_int_not_equal(access(first, F_OK), 0);
    qf_store_close(check_ledger_open(QF_STORE_WRITE));
    assert_int_equal(number_in(first, "PRAGMA user_version"), 1);
    assert_int_equal(number_in(first, "SELECT count(*) FROM outcome"), 1);
    assert_int_equal(number_in(first, "SELECT count(*) FROM sqlite_schema WHERE name = "
                                      "'latency'"),
                     0);
    const uint64_t digest = digest_of(first);

    /* An older file that says something else does not take its place. */
    make_older();
    qf_store_close(check_ledger_open(QF_STORE_WRITE));
    assert_int_equal(access(second, F_OK), 0);
    assert_int_equal(number_in(second, "SELECT count(*) FROM outcome"), 2);
    assert_true(digest_of(first) == digest);

    /* What was kept already is not kept twice. */
    char command[400];
    snprintf(command, sizeof command, "cp %s %s", second, check_ledger);
    assert_int_equal(system(command), 0);
    qf_store_close(check_ledger_open(QF_STORE_WRITE));
    assert_int_equal(check_sql_number("PRAGMA user_version"), 7);
    assert_int_not_equal(access(third, F_OK), 0);
    snprintf(command, sizeof command, "! ls %s | grep -q part", check_directory);
    assert_int_equal(system(command), 0);
}

static void no_backup_no_upgrade(void **state)
{
    (void)state;
    char command[400];
    qf_store *store;
    make_older();
    snprintf(command, sizeof command,
             "mkdir %s.v1.bak && for i in $(seq 2 999); do : >%s.v1.$i.bak; done", check_ledger,
             check_ledger);
    assert_int_equal(system(command), 0); /* every name is taken */
    assert_int_equal(qf_store_open(check_ledger, QF_STORE_WRITE, &store), QF_DATABASE);
    assert_non_null(
        strstr(qf_message(), "tuning.db.v1.999.bak: cannot be written as a backup"));
    assert_int_equal(check_sql_number("PRAGMA user_version"), 1);
}

/* Neither mode may open the file; both say why in one line and leave it alone. */
static void refused(const char *because)
{
    const uint64_t before = file_digest();
    for (int mode = QF_STORE_READ; mode <= QF_STORE_WRITE; mode++) {
        qf_store *store;
        qf_message_clear();
        assert_int_equal(qf_store_open(check_ledger, (qf_store_mode)mode, &store), QF_DATABASE);
        assert_null(store);
        if (!strstr(qf_message(), because) || !strstr(qf_message(), check_ledger))
            fail_msg("'%s' does not say '%s'", qf_message(), because);
        assert_null(strchr(qf_message(), '\n'));
        assert_true(file_digest() == before);
    }
    assert_int_equal(qf_status_exit_code(QF_DATABASE), 15);
}

static void write_bytes(const void *bytes, size_t size, long offset)
{
    FILE *file = fopen(check_ledger, offset ? "r+b" : "wb");
    assert_non_null(file);
    fseek(file, offset, SEEK_SET);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

static void a_newer_file_is_refused(void **state)
{
    (void)state;
    qf_store_close(check_ledger_open(QF_STORE_WRITE));
    check_sql("PRAGMA user_version = 99");
    refused("newer qforge (schema 99");
}

static void another_programs_file_is_refused(void **state)
{
    (void)state;
    check_sql("CREATE TABLE recipes (name TEXT)");
    refused("another program");
}

static void a_text_file_is_refused(void **state)
{
    char text[8192];
    (void)state;
    memset(text, 'x', sizeof text);
    write_bytes(text, sizeof text, 0);
    refused("no SQLite file");
}

static void a_damaged_schema_is_refused(void **state)
{
    char junk[2000];
    (void)state;
    qf_store_close(check_ledger_open(QF_STORE_WRITE));
    memset(junk, 0x5a, sizeof junk);
    write_bytes(junk, sizeof junk, 100); /* the first page's tree */
    refused("damaged");
}

static void a_directory_is_refused(void **state)
{
    qf_store *store;
    (void)state;
    assert_int_equal(qf_store_open(check_directory, QF_STORE_WRITE, &store), QF_DATABASE);
    assert_non_null(strstr(qf_message(), "not a file"));
    snprintf(check_ledger, sizeof check_ledger, "%s/none/tuning.db", check_directory);
    assert_int_equal(qf_store_open(check_ledger, QF_STORE_WRITE, &store), QF_DATABASE);
    assert_non_null(strstr(qf_message(), "No such file"));
}

/* A page deep inside: found by the check, and by whoever reads it. */
static void a_damaged_page_is_found(void **state)
{
    (void)state;
    qf_store *store = check_ledger_open(QF_STORE_WRITE);
    const int64_t session = check_session(store);
    for (int i = 1; i < 200; i++) {
        qf_trial trial = check_trial;
        trial.problem.n = i;
        check_tried(store, session, &trial, 100 + i);
    }
    qf_store_close(store);
    const int64_t page =
        check_sql_number("SELECT rootpage FROM sqlite_schema WHERE name = 'outcome'");
    const int64_t size = check_sql_number("PRAGMA page_size");
    char junk[512];
    memset(junk, 0xff, sizeof junk);
    write_bytes(junk, sizeof junk, (long)((page - 1) * size));

    assert_int_equal(qf_store_open(check_ledger, QF_STORE_READ, &store), QF_OK);
    assert_int_equal(qf_store_check(store), QF_DATABASE);
    assert_non_null(strstr(qf_message(), "damaged"));
    qf_problem asked = check_trial.problem;
    qf_best best;
    asked.n = 7;
    assert_int_equal(qf_store_best(store, &check_scope, &asked, &best), QF_DATABASE);
    qf_store_close(store);
}

/* As an ordinary user, to whom modes of files apply. */
static void in_child_as_nobody(void (*body)(void))
{
    const pid_t child = fork();
    if (child == 0) {
        if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) _exit(3);
        body();
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status)) fail_msg("the child gave up at step %d", WEXITSTATUS(status));
}

static void use_read_only(void)
{
    qf_store *store;
    qf_best best;
    if (qf_store_open(check_ledger, QF_STORE_WRITE, &store) != QF_DATABASE) _exit(10);
    if (!strstr(qf_message(), "read-only")) _exit(11);
    if (qf_store_open(check_ledger, QF_STORE_READ, &store) != QF_OK) _exit(12);
    if (qf_store_best(store, &check_scope, &check_trial.problem, &best) != QF_OK) _exit(13);
    qf_store_close(store);
}

static void a_read_only_file_is_read_not_written(void **state)
{
    (void)state;
    qf_store *store = check_ledger_open(QF_STORE_WRITE);
    check_tried(store, check_session(store), &check_trial, 500);
    qf_store_close(store);
    const uint64_t before = file_digest();
    chmod(check_ledger, 0444);
    chmod(check_directory, 0555);
    in_child_as_nobody(use_read_only);
    chmod(check_directory, 0755);
    assert_true(file_digest() == before);
}

static void a_locked_file_is_refused_after_waiting(void **state)
{
    sqlite3 *other;
    qf_store *store;
    (void)state;
    qf_store_close(check_ledger_open(QF_STORE_WRITE));
    assert_int_equal(sqlite3_open(check_ledger, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    store = check_ledger_open(QF_STORE_WRITE); /* nothing to write yet */
    int64_t session;
    assert_int_equal(qf_session_begin(store, &check_info, &session), QF_DATABASE);
    assert_non_null(strstr(qf_message(), "locked by another process"));
    sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL);
    assert_int_equal(qf_session_begin(store, &check_info, &session), QF_OK);
    sqlite3_close(other);
    qf_store_close(store);
}

/* max_page_count makes SQLite answer as a full disk does. */
static void a_full_disk_loses_nothing(void **state)
{
    (void)state;
    qf_store *store = check_ledger_open(QF_STORE_WRITE);
    const int64_t session = check_session(store);
    check_tried(store, session, &check_trial, 500);
    struct sql_db *const *inside = (struct sql_db *const *)(const void *)store;
    char limit[64];
    snprintf(limit, sizeof limit, "PRAGMA max_page_count = %lld",
             (long long)check_sql_number("PRAGMA page_count"));
    assert_int_equal(sql_script(*inside, limit), QF_OK);

    qf_status status = QF_OK;
    int64_t id = 0;
    for (int i = 1; i < 5000 && status == QF_OK; i++) {
        qf_trial trial = check_trial;
        trial.problem.n = i;
        status = qf_trial_claim(store, session, &trial, &id);
    }
    assert_int_equal(status, QF_DATABASE);
    assert_non_null(strstr(qf_message(), "disk is full"));
    qf_store_close(store);
    store = check_ledger_open(QF_STORE_READ);
    assert_int_equal(qf_store_check(store), QF_OK);
    qf_best best;
    assert_int_equal(qf_store_best(store, &check_scope, &check_trial.problem, &best), QF_OK);
    qf_store_close(store);
}

/* ---- several at once -------------------------------------------------------------------- */

enum { WRITERS = 4, TRIALS = 40 };

static void write_many(int writer)
{
    qf_store *store;
    int64_t session;
    if (qf_store_open(check_ledger, QF_STORE_WRITE, &store) != QF_OK) _exit(1);
    if (qf_session_begin(store, &check_info, &session) != QF_OK) _exit(2);
    for (int i = 0; i < TRIALS; i++) {
        qf_trial trial = check_trial;
        int64_t id;
        trial.problem.n = 16 * (1 + i);
        trial.kernel.tile.mr = 1 + writer;
        const qf_outcome outcome = check_timed(100 + writer);
        if (qf_trial_claim(store, session, &trial, &id) != QF_OK) _exit(3);
        if (qf_trial_finish(store, id, &outcome) != QF_OK) _exit(4);
    }
    if (qf_session_end(store, session, QF_SESSION_DONE) != QF_OK) _exit(5);
    qf_store_close(store);
    _exit(0);
}

static void many_writers_share_a_file(void **state)
{
    pid_t child[WRITERS];
    (void)state;
    for (int i = 0; i < WRITERS; i++) /* the file does not exist yet: they race for it */
        if ((child[i] = fork()) == 0) write_many(i);
    for (int i = 0; i < WRITERS; i++) {
        int status;
        waitpid(child[i], &status, 0);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
    }
    qf_store *store = check_ledger_open(QF_STORE_READ);
    qf_store_counts counts;
    assert_int_equal(qf_store_count(store, &counts), QF_OK);
    assert_int_equal(counts.trials, WRITERS * TRIALS);
    assert_int_equal(counts.ok, WRITERS * TRIALS);
    assert_int_equal(counts.problems, TRIALS);
    assert_int_equal(counts.machines, 1);
    assert_int_equal(counts.open, 0);
    assert_int_equal(qf_store_check(store), QF_OK);
    qf_store_close(store);
}

int main(void)
{
#define LEDGER_TEST(name)                                                                      \
    cmocka_unit_test_setup_teardown(name, check_ledger_fresh, check_ledger_clean)
    const struct CMUnitTest tests[] = {
        LEDGER_TEST(reading_creates_nothing),
        LEDGER_TEST(an_empty_file_is_no_ledger_yet),
        LEDGER_TEST(a_new_file_has_stamp_log_and_views),
        LEDGER_TEST(an_old_file_is_upgraded_with_its_rows),
        LEDGER_TEST(an_upgrade_keeps_the_old_file),
        LEDGER_TEST(no_backup_no_upgrade),
        LEDGER_TEST(a_newer_file_is_refused),
        LEDGER_TEST(another_programs_file_is_refused),
        LEDGER_TEST(a_text_file_is_refused),
        LEDGER_TEST(a_damaged_schema_is_refused),
        LEDGER_TEST(a_directory_is_refused),
        LEDGER_TEST(a_damaged_page_is_found),
        LEDGER_TEST(a_read_only_file_is_read_not_written),
        LEDGER_TEST(a_locked_file_is_refused_after_waiting),
        LEDGER_TEST(a_full_disk_loses_nothing),
        LEDGER_TEST(many_writers_share_a_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
