/* test_champion_table.c -- the packed table says what the ledger says, and nothing once the
 * ledger, the program or the file is another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ledger_fixture.h"
#include "qforge/champion_table.h"
#include "qforge/file.h"
#include "qforge/memory.h"

enum { PROBLEMS = 40 };

static char path[128];

static int fresh(void **state)
{
    const int code = check_ledger_fresh(state);
    snprintf(path, sizeof path, "%s-champions", check_ledger);
    return code;
}

/* Each is told from some other by every length of its own. */
static qf_trial numbered(int i)
{
    qf_trial trial = check_trial;
    trial.problem.m += i % 4;
    trial.problem.threads = 1 + i / 4 % 2;
    trial.problem.n += 64 * (i / 8 % 3);
    trial.problem.k += 64 * (i / 24);
    return trial;
}

/* All timed, every third one not elected. */
static void fill(qf_store *store, int64_t session)
{
    for (int i = 0; i < PROBLEMS; i++) {
        const qf_trial trial = numbered(i);
        check_tried(store, session, &trial, 500 + i);
        if (i % 3)
            assert_int_equal(
                qf_election_put(store, session, &trial.problem, trial.cache, &trial.kernel),
                QF_OK);
    }
}

static qf_champion_table *opened(qf_store *store)
{
    qf_champion_table *table;
    assert_int_equal(qf_champion_table_open(store, &table), QF_OK);
    return table;
}

static void it_says_what_the_ledger_says(void **state)
{
    (void)state;
    qf_store *store = check_ledger_open(QF_STORE_WRITE);
    const int64_t session = check_session(store);
    assert_null(opened(store));
    fill(store, session);
    assert_int_equal(qf_session_end(store, session, QF_SESSION_DONE), QF_OK);
    qf_champion_table *table = opened(store);
    assert_non_null(table);
    assert_int_equal(qf_champion_table_count(table), PROBLEMS - (PROBLEMS + 2) / 3);
    for (int i = 0; i < PROBLEMS; i++) {
        const qf_problem problem = numbered(i).problem;
        const qf_scope others[] = {{"another machine", check_scope.code_abi},
                                   {check_scope.tune_key, check_scope.code_abi + 1}};
        qf_best best, asked;
        assert_int_equal(qf_store_best(store, &check_scope, &problem, &asked), QF_OK);
        const bool found = qf_champion_table_find(table, &check_scope, &problem, &best);
        assert_int_equal(found, i % 3 != 0);
        if (found) {
            assert_true(qf_problem_equal(&best.problem, &problem));
            assert_true(qf_kernel_equal(&best.kernel, &asked.kernel));
            assert_true(best.ns == asked.ns && best.low_ns == asked.low_ns &&
                        best.high_ns == asked.high_ns && best.unix_us == asked.unix_us);
            assert_true(best.settled && best.elected && best.cache == asked.cache);
            assert_string_equal(best.code_hash, asked.code_hash);
        }
        for (int other = 0; other < 2; other++)
            assert_false(qf_champion_table_find(table, &others[other], &problem, &best));
    }
    qf_champion_table_close(table);
    qf_store_close(store);
}

/* A tuner that is killed leaves the table behind. */
static void an_old_one_is_not_believed(void **state)
{
    (void)state;
    qf_store *store = check_ledger_open(QF_STORE_WRITE);
    const int64_t session = check_session(store);
    const qf_trial trial = numbered(1);
    fill(store, session);
    qf_champion_table_renew(store);
    qf_champion_table *table = opened(store);
    assert_non_null(table);
    qf_champion_table_close(table);
    /* A new trial, a new election, a new ledger with as many rows. */
    check_tried(store, session, &trial, 100);
    assert_null(opened(store));
    qf_champion_table_renew(store);
    table = opened(store);
    assert_non_null(table);
    qf_champion_table_close(table);
    assert_int_equal(
        qf_election_put(store, session, &trial.problem, trial.cache, &trial.kernel), QF_OK);
    assert_null(opened(store));
    qf_champion_table_renew(store);
    qf_store_close(store);
    char *kept;
    size_t size;
    assert_int_equal(qf_file_read(path, 1 << 20, &kept, &size), QF_OK);
    unlink(check_ledger);
    usleep(2000);
    store = check_ledger_open(QF_STORE_WRITE);
    const int64_t again = check_session(store);
    fill(store, again);
    check_tried(store, again, &trial, 100);
    assert_int_equal(qf_election_put(store, again, &trial.problem, trial.cache, &trial.kernel),
                     QF_OK);
    assert_int_equal(qf_file_write(path, kept, size), QF_OK);
    assert_null(opened(store));
    qf_free(kept);
    qf_store_close(store);
}

/* Whatever byte is another, and wherever it ends, it is no table; nothing is told. */
static void a_damaged_one_is_none(void **state)
{
    (void)state;
    qf_store *store = check_ledger_open(QF_STORE_WRITE);
    fill(store, check_session(store));
    qf_champion_table_renew(store);
    char *whole;
    size_t size;
    assert_int_equal(qf_file_read(path, 1 << 20, &whole, &size), QF_OK);
    for (size_t at = 0; at < size; at += at < 256 ? 1 : 97) {
        whole[at] ^= 0x10;
        assert_int_equal(qf_file_write(path, whole, size), QF_OK);
        assert_null(opened(store));
        whole[at] ^= 0x10;
        if (at % 8) continue;
        assert_int_equal(qf_file_write(path, whole, at), QF_OK);
        assert_null(opened(store));
    }
    assert_int_equal(qf_file_write(path, whole, size), QF_OK);
    qf_champion_table *table = opened(store);
    assert_non_null(table);
    qf_champion_table_close(table);
    qf_free(whole);
    unlink(path);
    assert_int_equal(symlink("/dev/zero", path), 0);
    assert_null(opened(store));
    qf_store_close(store);
}

/* Where it cannot be written the ledger answers, as before. */
static void where_it_cannot_be_all_goes_on(void **state)
{
    (void)state;
    qf_store *store = check_ledger_open(QF_STORE_WRITE);
    const int64_t session = check_session(store);
    char inside[160];
    fill(store, session);
    snprintf(inside, sizeof inside, "%s/inside", path);
    assert_int_equal(qf_directory_make(inside), QF_OK);
    assert_int_equal(qf_session_end(store, session, QF_SESSION_DONE), QF_OK);
    assert_null(opened(store));
    rmdir(inside);
    rmdir(path);
    qf_store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_says_what_the_ledger_says, fresh,
                                        check_ledger_clean),
        cmocka_unit_test_setup_teardown(an_old_one_is_not_believed, fresh, check_ledger_clean),
        cmocka_unit_test_setup_teardown(a_damaged_one_is_none, fresh, check_ledger_clean),
        cmocka_unit_test_setup_teardown(where_it_cannot_be_all_goes_on, fresh,
                                        check_ledger_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
