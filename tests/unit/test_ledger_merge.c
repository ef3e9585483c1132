/* test_ledger_merge.c -- ledgers come together: nothing twice, nothing lost, in any order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exported.h"
#include "ledger_fixture.h"
#include "qforge/random.h"
#include "qforge/store.h"
#include "qforge/store_care.h"

enum { SHARDS = 100 };

static void path_of(const char *name, int number, char path[128])
{
    snprintf(path, 128, "%s/%s%d.db", check_directory, name, number);
}

static qf_store *open_file(const char *path)
{
    qf_store *store;
    if (qf_store_open(path, QF_STORE_WRITE, &store) != QF_OK) fail_msg("%s", qf_message());
    return store;
}

static void merge(const char *into, const char *from)
{
    qf_store *store = open_file(into);
    if (qf_store_merge(store, from) != QF_OK) fail_msg("%s", qf_message());
    qf_store_close(store);
}

/* A session of a few trials, some failed, with comparisons and perhaps an election. */
static void fill(const char *path, qf_random *random)
{
    static const int units[] = {1, 2, 4};
    qf_store *store = open_file(path);
    const int64_t session = check_session(store);
    qf_trial trial = check_trial, last = check_trial;

    for (int i = 0; i < 4; i++) {
        trial.problem.n = 64 << qf_random_u32(random) % 3;
        trial.kernel.tile.unroll = units[qf_random_u32(random) % 3];
        if (qf_random_u32(random) % 4 == 0) {
            const qf_outcome wrong = {.verdict = QF_VERDICT_WRONG,
                                      .code_hash = "00000000000000ff"};
            int64_t id;
            assert_int_equal(qf_trial_claim(store, session, &trial, &id), QF_OK);
            assert_int_equal(qf_trial_finish(store, id, &wrong), QF_OK);
            continue;
        }
        check_tried(store, session, &trial, 100 + qf_random_u32(random) % 900);
        last = trial;
        if (qf_random_u32(random) % 2)
            assert_int_equal(
                qf_election_put(store, session, &last.problem, last.cache, &last.kernel),
                QF_OK);
    }
    const qf_comparison duel = {.ratio = 1.1, .ratio_low = 1, .ratio_high = 1.2, .pairs = 9};
    assert_int_equal(qf_comparison_put(store, session, &trial.problem, trial.cache,
                                       &trial.kernel, &last.kernel, &duel, &check_conditions),
                     QF_OK);
    const qf_validation right = {.verdict = QF_VERDICT_OK, .cases = 5, .worst_error = 0.5};
    assert_int_equal(qf_validation_put(store, session, "00000000deadbeef", &right), QF_OK);
    assert_int_equal(qf_session_end(store, session, QF_SESSION_DONE), QF_OK);
    qf_store_close(store);
}

/* What the file says, without ids: every row in words, in an order of their own. */
static uint64_t digest(const char *path, int *rows)
{
    static const char text[] =
        "SELECT 'trial', s.started_us, p.name, k.name, t.cache, t.claimed_us, o.verdict, "
        "       o.median_ns, s.state, m.tune_key "
        "  FROM trial t JOIN session s ON s.id = t.session JOIN problem p ON p.id = t.problem "
        "  JOIN kernel k ON k.id = t.kernel JOIN machine m ON m.id = s.machine "
        "  JOIN outcome o ON o.trial = t.id "
        "UNION ALL SELECT 'election', s.started_us, p.name, k.name, e.cache, e.done_us, '', "
        "       t.claimed_us, '', '' "
        "  FROM election e JOIN session s ON s.id = e.session JOIN problem p ON p.id = "
        "e.problem "
        "  JOIN trial t ON t.id = e.trial JOIN kernel k ON k.id = t.kernel "
        "UNION ALL SELECT 'comparison', s.started_us, p.name, a.name, b.name, c.done_us, '', "
        "       c.ratio, '', '' "
        "  FROM comparison c JOIN session s ON s.id = c.session "
        "  JOIN problem p ON p.id = c.problem JOIN kernel a ON a.id = c.a "
        "  JOIN kernel b ON b.id = c.b "
        "UNION ALL SELECT 'validation', s.started_us, v.code_hash, v.isa_key, v.verdict, "
        "       v.done_us, '', v.worst_error, '', '' "
        "  FROM validation v JOIN session s ON s.id = v.session "
        "UNION ALL SELECT 'best', 0, p.name, k.name, b.cache, b.done_us, b.code_hash, "
        "       b.median_ns, b.elected, b.settled "
        "  FROM best b JOIN problem p ON p.id = b.problem JOIN kernel k ON k.id = b.kernel "
        "ORDER BY 1, 2, 3, 4, 5, 6, 7, 8";
    uint64_t hash = 14695981039346656037u;
    sqlite3 *db;
    sqlite3_stmt *row;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, text, -1, &row, NULL), SQLITE_OK);
    for (*rows = 0; sqlite3_step(row) == SQLITE_ROW; ++*rows)
        for (int c = 0; c < 10; c++) {
            const unsigned char *at = sqlite3_column_text(row, c);
            for (; at && *at; at++) hash = (hash ^ *at) * 1099511628211u;
            hash = (hash ^ 1) * 1099511628211u;
        }
    sqlite3_finalize(row);
    sqlite3_close(db);
    return hash;
}

static int64_t check_number(const char *path, const char *text)
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

static void shuffle(int *order, qf_random *random)
{
    for (int i = SHARDS - 1; i > 0; i--) {
        const int j = (int)(qf_random_u32(random) % (unsigned)(i + 1)), kept = order[i];
        order[i] = order[j], order[j] = kept;
    }
}

static void order_and_grouping_do_not_matter(void **state)
{
    (void)state;
    qf_random random = qf_random_init(7, 0);
    char into[128], from[128], whole[128];
    int order[SHARDS], rows, more;

    for (int i = 0; i < SHARDS; i++) {
        order[i] = i;
        path_of("shard", i, from);
        fill(from, &random);
    }
    path_of("line", 0, whole);
    for (int i = 0; i < SHARDS; i++) {
        path_of("shard", i, from);
        merge(whole, from);
    }
    const uint64_t expected = digest(whole, &rows);
    assert_true(rows > 5 * SHARDS);

    /* Any order, with repetitions. */
    shuffle(order, &random);
    path_of("line", 1, into);
    for (int i = 0; i < SHARDS; i++) {
        path_of("shard", order[i], from);
        merge(into, from);
        path_of("shard", order[i / 2], from);
        if (i % 5 == 0) merge(into, from);
    }
    assert_true(digest(into, &more) == expected && more == rows);

    /* Any grouping: groups of ten first, then these, one with another on top. */
    shuffle(order, &random);
    for (int i = 0; i < SHARDS; i++) {
        path_of("group", i % 10, into);
        path_of("shard", order[i], from);
        merge(into, from);
    }
    for (int i = 9; i > 0; i--) {
        path_of("group", (i - 1) / 2, into);
        path_of("group", i, from);
        merge(into, from);
    }
    path_of("group", 0, into);
    assert_true(digest(into, &more) == expected && more == rows);

    /* With itself, and with everything once more. */
    merge(into, into);
    merge(into, whole);
    assert_true(digest(into, &more) == expected && more == rows);
}

/* ---- an algebra ---------------------------------------------------------------------------
 *
 * Shards that overlap and disagree: copies of ledgers at moments of their tuning, of which some
 * were opened elsewhere, where their tuner seemed dead.  What they say is compared as text. */

enum { LIVES = 10, MOMENTS = SHARDS / LIVES, TRIPLES = 15 };

static void at_path(const char *path, const char *text)
{
    sqlite3 *db;
    char *error = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, text, NULL, NULL, &error) != SQLITE_OK) fail_msg("%s", error);
    sqlite3_close(db);
}

static void copy(const char *from, const char *to)
{
    char command[400];
    snprintf(command, sizeof command, "rm -f %s*; cp %s %s", to, from, to);
    assert_int_equal(system(command), 0);
}

/* What another host makes of a copy: it sees no such process. */
static void presume_dead(const char *path, int64_t when)
{
    char text[400];
    snprintf(
        text, sizeof text,
        "INSERT INTO outcome (trial, verdict, detail, code_hash, done_us) SELECT id, 'lost', "
        "'', '', %lld FROM open_trial; UPDATE session SET state = 'dead', ended_us = %lld "
        "WHERE state = 'running'",
        (long long)when, (long long)when);
    at_path(path, text);
}

static void live_on(qf_store *store, int64_t session, int64_t *open, qf_random *random)
{
    qf_trial trial = check_trial;
    const qf_outcome outcome = check_timed(100 + qf_random_u32(random) % 900);
    const qf_latency latency = {.kernel = trial.kernel,
                                .ns = 5,
                                .low_ns = 4,
                                .high_ns = 6,
                                .samples = 1 + (int)qf_random_below(random, 9)};

    if (*open) assert_int_equal(qf_trial_finish(store, *open, &outcome), QF_OK);
    trial.problem.n = 64 << qf_random_u32(random) % 3;
    trial.kernel.tile.mr = 1 + (int)(qf_random_u32(random) % 3);
    if (*open && qf_random_u32(random) % 3 == 0)
        assert_int_equal(qf_latency_put(store, &check_cpu, &trial.problem, QF_WARM, &latency),
                         QF_OK);
    assert_int_equal(qf_trial_claim(store, session, &trial, open), QF_OK);
}

/* One ledger's life, with a copy of each moment: `life`0, `life`1, … */
static void lead_a_life(int number, qf_random *random)
{
    char live[128], moment[128];
    int64_t session, open = 0;

    path_of("live", number, live);
    qf_store *store = open_file(live);
    session = check_session(store);
    for (int i = 0; i < MOMENTS; i++) {
        live_on(store, session, &open, random);
        if (qf_random_u32(random) % 3 == 0) {
            const qf_outcome outcome = check_timed(50);
            if (qf_random_u32(random) % 2) {
                assert_int_equal(qf_trial_finish(store, open, &outcome), QF_OK);
                assert_int_equal(qf_session_end(store, session, QF_SESSION_DONE), QF_OK);
            }
            session = check_session(store);
            open = 0;
        }
        qf_store_close(store); /* the log is empty, the process goes on */
        path_of("moment", number * MOMENTS + i, moment);
        copy(live, moment);
        if (qf_random_u32(random) % 2) presume_dead(moment, 5 + qf_random_below(random, 3));
        store = open_file(live);
    }
    qf_store_close(store);
}

static void join(const char *into, int count, const char *const *from)
{
    copy(from[0], into);
    qf_store *store = open_file(into);
    for (int i = 1; i < count; i++)
        if (qf_store_merge(store, from[i]) != QF_OK) fail_msg("%s", qf_message());
    qf_store_close(store);
}

static void says_the_same(const char *one, const char *other)
{
    char *a = check_exported(one, QF_EXCHANGE_JSON, NULL);
    char *b = check_exported(other, QF_EXCHANGE_JSON, NULL);
    size_t i = 0;
    while (a[i] && a[i] == b[i]) i++;
    if (a[i] || b[i])
        fail_msg("%.200s\nor\n%.200s", a + (i > 80 ? i - 80 : 0), b + (i > 80 ? i - 80 : 0));
    free(a), free(b);
}

static void merging_is_commutative_associative_idempotent(void **state)
{
    (void)state;
    qf_random random = qf_random_init(53, 0);
    char shard[3][128], x[128], y[128], z[128];

    for (int i = 0; i < LIVES; i++) lead_a_life(i, &random);
    path_of("x", 0, x), path_of("y", 0, y), path_of("z", 0, z);
    for (int i = 0; i < TRIPLES; i++) {
        /* Two of one life as a rule, so that they have much to disagree about. */
        const int life = (int)qf_random_below(&random, LIVES);
        for (int s = 0; s < 3; s++)
            path_of("moment",
                    (s < 2 ? life * MOMENTS : 0) +
                        (int)qf_random_below(&random, s < 2 ? MOMENTS : SHARDS),
                    shard[s]);
        const char *const a = shard[0], *const b = shard[1], *const c = shard[2];
        join(x, 2, (const char *const[]){a, b});
        join(y, 2, (const char *const[]){b, a});
        says_the_same(x, y); /* a b = b a */
        join(z, 2, (const char *const[]){x, c});
        join(y, 2, (const char *const[]){b, c});
        join(x, 2, (const char *const[]){a, y});
        says_the_same(z, x); /* (a b) c = a (b c) */
        copy(a, x);
        join(y, 2, (const char *const[]){a, x});
        says_the_same(a, y); /* a a = a */
        join(y, 4, (const char *const[]){z, a, b, z});
        says_the_same(z, y);
    }
    /* And all of them, forward, and backward each twice. */
    const char *all[SHARDS], *back[2 * SHARDS];
    for (int i = 0; i < SHARDS; i++) {
        char *path = malloc(128);
        path_of("moment", i, path);
        all[i] = back[2 * (SHARDS - 1 - i)] = back[2 * (SHARDS - 1 - i) + 1] = path;
    }
    join(x, SHARDS, all);
    join(y, 2 * SHARDS, back);
    says_the_same(x, y);
    for (int i = 0; i < SHARDS; i++) free((char *)all[i]);
    assert_int_equal(check_number(x, "SELECT count(DISTINCT state) FROM session"), 2);
    assert_true(check_number(x, "SELECT count(*) FROM outcome WHERE verdict = 'lost'") > 5);
    assert_true(check_number(x, "SELECT count(*) FROM outcome WHERE verdict = 'ok'") > 30);
}

/* Merging puts back the triggers it lifts. */
static void complain(void *context, const qf_finding *f)
{
    if (f->severity != QF_SEVERITY_NOTE)
        print_error("%s: %s\n", f->name, f->detail), ++*(int *)context;
}

static void a_merged_ledger_is_sound(void **state)
{
    (void)state;
    qf_random random = qf_random_init(59, 0);
    char one[128], other[128];
    int grave = 0;
    path_of("one", 0, one), path_of("other", 0, other);
    fill(one, &random), fill(other, &random);
    merge(one, other);
    qf_store *store = open_file(one);
    assert_int_equal(qf_store_examine(store, complain, &grave), QF_OK);
    assert_int_equal(grave, 0);
    qf_store_close(store);
}

/* A copy taken while a tuner ran calls its trial lost; the tuner's own word wins, whichever
 * way they are merged. */
static void check_presumption(const qf_outcome *told, int64_t presumed_us)
{
    char live[128], copy[128], command[400];
    int64_t id;
    qf_outcome outcome;

    path_of("live", 0, live);
    path_of("copy", 0, copy);
    qf_store *store = open_file(live);
    const int64_t session = check_session(store);
    assert_int_equal(qf_trial_claim(store, session, &check_trial, &id), QF_OK);
    qf_store_close(store);
    snprintf(command, sizeof command, "cp %s %s", live, copy);
    assert_int_equal(system(command), 0);
    sqlite3 *db; /* the copy is opened after another boot: its sessions are dead */
    assert_int_equal(sqlite3_open(copy, &db), SQLITE_OK);
    char presume[256];
    snprintf(presume, sizeof presume,
             "INSERT INTO outcome (trial, verdict, detail, code_hash, done_us) SELECT id, "
             "'lost', '', '', %lld FROM open_trial; UPDATE session SET state = 'dead', "
             "ended_us = 5",
             (long long)presumed_us);
    assert_int_equal(sqlite3_exec(db, presume, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    store = open_file(live);
    assert_int_equal(qf_trial_finish(store, id, told), QF_OK);
    assert_int_equal(qf_session_end(store, session, QF_SESSION_DONE), QF_OK);
    qf_store_close(store);

    merge(live, copy);
    merge(copy, live);
    int rows, more;
    assert_true(digest(live, &rows) == digest(copy, &more));
    store = open_file(copy);
    int lost = -1;
    assert_int_equal(qf_store_outcome(store, &check_scope, &check_trial, &outcome, &lost),
                     told->verdict == QF_VERDICT_OK ? QF_OK : QF_NOT_FOUND);
    assert_int_equal(lost, 0);
    qf_store_close(store);
    check_ledger_clean(NULL);
    check_ledger_fresh(NULL);
}

static void a_presumed_loss_gives_way(void **state)
{
    const qf_outcome timed = check_timed(300);
    const qf_outcome killed = {.verdict = QF_VERDICT_LOST, .code_hash = "0000000000000001"};

    (void)state;
    check_presumption(&timed, 5);
    check_presumption(&killed, 5);
    check_presumption(&killed, INT64_MAX);
}

static void claims_stay_with_their_process(void **state)
{
    (void)state;
    char live[128], into[128];
    int64_t id;
    path_of("live", 0, live);
    path_of("into", 0, into);
    qf_store *store = open_file(live);
    assert_int_equal(qf_trial_claim(store, check_session(store), &check_trial, &id), QF_OK);
    merge(into, live);
    qf_store_close(store);

    store = open_file(into);
    qf_store_counts counts;
    assert_int_equal(qf_store_count(store, &counts), QF_OK);
    assert_int_equal(counts.sessions, 1);
    assert_int_equal(counts.trials, 0);
    qf_store_close(store);
}

/* A tuner that writes the source is not waited for, nor made to wait. */
static void a_source_is_only_read(void **state)
{
    (void)state;
    qf_random random = qf_random_init(11, 0);
    char source[128], into[128];
    sqlite3 *writer;

    path_of("source %3f #?", 0, source);
    path_of("into", 0, into);
    fill(source, &random);
    assert_int_equal(sqlite3_open(source, &writer), SQLITE_OK);
    assert_int_equal(sqlite3_exec(writer, "BEGIN IMMEDIATE; UPDATE session SET budget_s = 1",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    merge(into, source);
    assert_int_equal(sqlite3_exec(writer, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(writer);
    int rows, more;
    assert_true(digest(into, &rows) == digest(source, &more) && rows > 5);
}

static void bad_sources_change_nothing(void **state)
{
    (void)state;
    qf_random random = qf_random_init(9, 0);
    char good[128], text[128];
    int before, after;
    path_of("good", 0, good);
    path_of("text", 0, text);
    fill(good, &random);
    const uint64_t expected = digest(good, &before);
    FILE *file = fopen(text, "w");
    for (int i = 0; i < 900; i++) fputs("no ledger ", file);
    fclose(file);

    qf_store *store = open_file(good);
    assert_int_equal(qf_store_merge(store, "/nowhere/at/all.db"), QF_NOT_FOUND);
    assert_non_null(strstr(qf_message(), "/nowhere/at/all.db"));
    assert_int_equal(qf_store_merge(store, text), QF_DATABASE);
    assert_non_null(strstr(qf_message(), text));
    qf_store_close(store);
    assert_true(digest(good, &after) == expected && after == before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(order_and_grouping_do_not_matter, check_ledger_fresh,
                                        check_ledger_clean),
        cmocka_unit_test_setup_teardown(merging_is_commutative_associative_idempotent,
                                        check_ledger_fresh, check_ledger_clean),
        cmocka_unit_test_setup_teardown(a_merged_ledger_is_sound, check_ledger_fresh,
                                        check_ledger_clean),
        cmocka_unit_test_setup_teardown(a_presumed_loss_gives_way, check_ledger_fresh,
                                        check_ledger_clean),
        cmocka_unit_test_setup_teardown(claims_stay_with_their_process, check_ledger_fresh,
                                        check_ledger_clean),
        cmocka_unit_test_setup_teardown(a_source_is_only_read, check_ledger_fresh,
                                        check_ledger_clean),
        cmocka_unit_test_setup_teardown(bad_sources_change_nothing, check_ledger_fresh,
                                        check_ledger_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
