/* test_ledger_site.c -- ledgers on file systems that several hosts see: each writes its own
 * shard, readers see what was gathered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "db/ledger.h"
#include "ledger_fixture.h"
#include "qforge/store.h"

/* ---- which file systems ------------------------------------------------------------- */

static void network_file_systems_are_known(void **state)
{
    (void)state;
    assert_string_equal(site_network(0x6969, ""), "NFS");
    assert_string_equal(site_network((long)(int32_t)0xFF534D42, ""), "CIFS");
    assert_string_equal(site_network(0xFF534D42, "cifs"), "CIFS");
    assert_string_equal(site_network(0x01021997, "9p"), "9p");
    assert_string_equal(site_network(0x0BD00BD0, ""), "Lustre");
    assert_null(site_network(0xEF53, "ext4"));
    assert_null(site_network(0x01021994, "tmpfs"));
    assert_null(site_network(0x794C7630, "overlay"));
}

/* One f_type for all of FUSE: known to be local, or taken for remote. */
static void fuse_is_told_by_its_mount(void **state)
{
    (void)state;
    assert_string_equal(site_network(0x65735546, "fuse.sshfs"), "FUSE");
    assert_string_equal(site_network(0x65735546, "fuse.rclone"), "FUSE");
    assert_string_equal(site_network(0x65735546, ""), "FUSE");
    assert_null(site_network(0x65735546, "fuseblk"));
    assert_null(site_network(0x65735546, "fuse.fuse-overlayfs"));
}

static void mounts_are_found_by_device(void **state)
{
    static const char text[] =
        "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
        "garbage\n"
        "30 22 0:47 / /data rw,nosuid - fuse.sshfs me@host: rw,user_id=0\n"
        "31 22 0:48 / /with\\040space rw - fuseblk /dev/sdb1 rw\n";
    const struct {
        unsigned major, minor;
        const char *type;
    } rows[] = {{8, 1, "ext4"}, {0, 47, "fuse.sshfs"}, {0, 48, "fuseblk"}, {0, 49, ""}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char type[32];
        FILE *mounts = fmemopen((void *)text, sizeof text - 1, "r");
        site_mount_type(mounts, rows[i].major, rows[i].minor, type, sizeof type);
        assert_string_equal(type, rows[i].type);
        fclose(mounts);
    }
}

/* The directory tests run in is a local one, and this process can tell. */
static void this_directory_has_a_site(void **state)
{
    ledger_site site;
    (void)state;
    assert_int_equal(site_of(check_ledger, &site), QF_OK);
    assert_true(*site.host);
    assert_null(strchr(site.host, '/'));
    assert_int_equal(site_of("/nowhere/at/all/tuning.db", &site), QF_NOT_FOUND);
}

static void shards_have_the_hosts_name(void **state)
{
    static const struct {
        const char *path, *host, *shard;
    } rows[] = {
        {"/n/tuning.db", "ant", "/n/tuning.ant.db"},
        {"/n/tuning.ant.db", "ant", "/n/tuning.ant.db"}, /* its own */
        {"/n/tuning.ant.db", "bee", "/n/tuning.ant.bee.db"},
        {"tuning", "ant.local", "tuning.ant.local.db"},
        {"tuning.ant.local.db", "ant.local", "tuning.ant.local.db"},
        {"/n.db/t", "ant", "/n.db/t.ant.db"},
        {"/n/ant.db", "ant", "/n/ant.ant.db"},
    };
    char shard[SITE_PATH_MAX], longest[SITE_PATH_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(site_shard(rows[i].path, rows[i].host, shard), QF_OK);
        assert_string_equal(shard, rows[i].shard);
    }
    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 3] = 0;
    assert_int_equal(site_shard(longest, "ant", shard), QF_DATABASE);
    assert_non_null(strstr(qf_message(), "too long"));
}

/* ---- ledgers on them ---------------------------------------------------------------- */

static const ledger_site ant = {"NFS", "ant"}, bee = {"NFS", "bee"};

static qf_store *open_at(const ledger_site *site, qf_store_mode mode)
{
    qf_store *store;
    if (ledger_open(check_ledger, mode, site, &store) != QF_OK) fail_msg("%s", qf_message());
    return store;
}

static void try_at(const ledger_site *site, int n, double ns)
{
    qf_store *store = open_at(site, QF_STORE_WRITE);
    qf_trial trial = check_trial;
    trial.problem.n = n;
    const int64_t session = check_session(store);
    check_tried(store, session, &trial, ns);
    assert_int_equal(qf_session_end(store, session, QF_SESSION_DONE), QF_OK);
    qf_store_close(store);
}

static bool knows(const ledger_site *site, int n)
{
    qf_store *store = open_at(site, QF_STORE_READ);
    qf_problem problem = check_trial.problem;
    qf_best best;
    problem.n = n;
    const qf_status status = qf_store_best(store, &check_scope, &problem, &best);
    qf_store_close(store);
    assert_true(status == QF_OK || status == QF_NOT_FOUND);
    return status == QF_OK;
}

static bool is_there(const char *ending)
{
    char path[160];
    snprintf(path, sizeof path, "%s/%s", check_directory, ending);
    return access(path, F_OK) == 0;
}

static void gather_all(const ledger_site *site)
{
    qf_shards shards;
    qf_store *store = open_at(site, QF_STORE_GATHER);
    assert_int_equal(qf_shards_find(check_ledger, &shards), QF_OK);
    for (int i = 0; i < shards.count; i++)
        if (qf_store_merge(store, shards.path[i]) != QF_OK) fail_msg("%s", qf_message());
    qf_shards_release(&shards);
    if (qf_store_publish(store) != QF_OK) fail_msg("%s", qf_message());
    qf_store_close(store);
}

static void each_host_writes_its_own_file(void **state)
{
    qf_store *store;
    (void)state;
    assert_int_equal(ledger_open(check_ledger, QF_STORE_READ, &ant, &store), QF_NOT_FOUND);
    try_at(&ant, 64, 100);
    assert_true(is_there("tuning.ant.db"));
    assert_false(is_there("tuning.db"));
    assert_true(knows(&ant, 64)); /* nothing was gathered: its own */
    assert_int_equal(ledger_open(check_ledger, QF_STORE_READ, &bee, &store), QF_NOT_FOUND);
    try_at(&bee, 128, 100);
    assert_false(knows(&ant, 128));

    gather_all(&bee);
    assert_true(is_there("tuning.db"));
    assert_true(knows(&ant, 64) && knows(&ant, 128) && knows(&bee, 64));

    /* What comes later is seen when it is gathered again. */
    try_at(&ant, 256, 100);
    assert_false(knows(&bee, 256));
    gather_all(&ant);
    assert_true(knows(&bee, 256) && knows(&bee, 128));
    assert_int_equal(check_sql_number("SELECT count(*) FROM trial"), 3);
    assert_int_equal(check_sql_number("SELECT count(*) FROM session WHERE state = 'done'"), 3);
}

/* No log anywhere: its index would be in the memory of one host. */
static void no_log_on_a_network(void **state)
{
    (void)state;
    qf_store *store = open_at(&ant, QF_STORE_WRITE);
    check_session(store);
    assert_false(is_there("tuning.ant.db-wal"));
    assert_false(is_there("tuning.ant.db-shm"));
    assert_non_null(strstr(qf_store_notice(store), "tuning.ant.db beside it"));
    assert_non_null(strstr(qf_store_notice(store), "lies on NFS"));
    assert_non_null(strstr(qf_store_notice(store), "db merge --db"));
    qf_store_close(store);
    gather_all(&ant);
    assert_int_equal(check_sql_number("SELECT journal_mode = 'delete' FROM "
                                      "pragma_journal_mode"),
                     1);
    store = open_at(&ant, QF_STORE_READ);
    assert_string_equal(qf_store_notice(store), "");
    qf_store_close(store);
    assert_false(is_there("tuning.db-shm"));
}

/* A ledger of a local disk that was copied to a network keeps its log's mark. */
static void a_copied_ledger_is_read_as_it_lies(void **state)
{
    (void)state;
    qf_store *store = check_ledger_open(QF_STORE_WRITE);
    check_tried(store, check_session(store), &check_trial, 500);
    qf_store_close(store);
    assert_true(knows(&ant, (int)check_trial.problem.n));
    assert_false(is_there("tuning.db-shm"));
    try_at(&ant, 64, 100);
    gather_all(&ant);
    assert_true(knows(&bee, 64) && knows(&bee, (int)check_trial.problem.n));

    char log[160];
    snprintf(log, sizeof log, "%s-wal", check_ledger);
    check_sql("PRAGMA journal_mode = WAL");
    FILE *file = fopen(log, "w");
    fputs("frames", file);
    fclose(file);
    assert_int_equal(ledger_open(check_ledger, QF_STORE_READ, &ant, &store), QF_DATABASE);
    assert_non_null(strstr(qf_message(), "copied with a write-ahead log"));
}

/* Two hosts gather at once: the second to end says so, and nothing of the first is lost. */
static void gatherings_do_not_overwrite_each_other(void **state)
{
    char shard[160];
    (void)state;
    try_at(&ant, 64, 100);
    gather_all(&ant);
    qf_store *slow = open_at(&bee, QF_STORE_GATHER);
    snprintf(shard, sizeof shard, "%s/tuning.ant.db", check_directory);
    assert_int_equal(qf_store_merge(slow, shard), QF_OK);
    try_at(&ant, 128, 100);
    gather_all(&ant);
    assert_int_equal(qf_store_publish(slow), QF_DATABASE);
    assert_non_null(strstr(qf_message(), "gathered meanwhile"));
    qf_store_close(slow);
    assert_true(knows(&bee, 128));

    /* What is not published leaves nothing behind. */
    qf_store_close(open_at(&bee, QF_STORE_GATHER));
    char command[200];
    snprintf(command, sizeof command, "! ls %s | grep -q part", check_directory);
    assert_int_equal(system(command), 0);
}

static void a_local_gathering_is_a_writer(void **state)
{
    const ledger_site local = {NULL, "ant"};
    (void)state;
    qf_store *store = open_at(&local, QF_STORE_GATHER);
    check_tried(store, check_session(store), &check_trial, 500);
    assert_int_equal(qf_store_publish(store), QF_OK);
    qf_store_close(store);
    assert_int_equal(check_sql_number("SELECT count(*) FROM outcome"), 1);
}

int main(void)
{
#define SITE_TEST(name)                                                                        \
    cmocka_unit_test_setup_teardown(name, check_ledger_fresh, check_ledger_clean)
    const struct CMUnitTest tests[] = {
        SITE_TEST(network_file_systems_are_known),
        SITE_TEST(fuse_is_told_by_its_mount),
        SITE_TEST(mounts_are_found_by_device),
        SITE_TEST(this_directory_has_a_site),
        SITE_TEST(shards_have_the_hosts_name),
        SITE_TEST(each_host_writes_its_own_file),
        SITE_TEST(no_log_on_a_network),
        SITE_TEST(a_copied_ledger_is_read_as_it_lies),
        SITE_TEST(gatherings_do_not_overwrite_each_other),
        SITE_TEST(a_local_gathering_is_a_writer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
