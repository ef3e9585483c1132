/* exported.c -- exports in memory, and ledgers worth exporting. */
#include "exported.h"

#include <setjmp.h>
#include <stdarg.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "ledger_fixture.h"
#include "qforge/random.h"

typedef struct memory {
    char *bytes;
    size_t size;
} memory;

static qf_status append(void *context, const char *piece, size_t size)
{
    memory *all = context;
    all->bytes = realloc(all->bytes, all->size + size + 1);
    memcpy(all->bytes + all->size, piece, size);
    all->size += size;
    all->bytes[all->size] = 0;
    return QF_OK;
}

char *check_exported(const char *path, qf_exchange format, const char *problems)
{
    memory all = {0};
    qf_store *store;

    if (qf_store_open(path, QF_STORE_READ, &store) != QF_OK) fail_msg("%s", qf_message());
    if (qf_store_export(store, format, problems, append, &all) != QF_OK)
        fail_msg("%s", qf_message());
    qf_store_close(store);
    return all.bytes;
}

const char *check_place(const char *name)
{
    static char paths[8][128];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, 128, "%s/%s", check_directory, name);
    return path;
}

void check_place_text(const char *path, const char *text, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size, file), size);
    fclose(file);
}

/* ---- ledgers ------------------------------------------------------------------------ */

static void try_one(qf_store *store, int64_t session, qf_random *random)
{
    qf_trial trial = check_trial;
    qf_outcome outcome = check_timed(1 + 1e9 * qf_random_unit(random));
    int64_t id;

    trial.problem.n = 64 << qf_random_below(random, 3);
    trial.kernel.tile.mr = 1 + (int)qf_random_below(random, 3);
    trial.predicted_ns = 1e3 / 3.0 * qf_random_unit(random);
    if (qf_random_below(random, 3) == 0) {
        outcome = (qf_outcome){.verdict = QF_VERDICT_CRASH, .code_hash = "00000000000000aa"};
        strcpy(outcome.detail, "died: \"signal\\11\",\n\tat \x01 \xc3\xa9\xe2\x82\xac, line 3");
    }
    assert_int_equal(qf_trial_claim(store, session, &trial, &id), QF_OK);
    assert_int_equal(qf_trial_finish(store, id, &outcome), QF_OK);
    if (outcome.verdict == QF_VERDICT_OK && qf_random_below(random, 2))
        assert_int_equal(
            qf_election_put(store, session, &trial.problem, trial.cache, &trial.kernel), QF_OK);
}

void check_ledger_fill(const char *path, uint64_t seed)
{
    qf_random random = qf_random_init(seed, 0);
    qf_store *store;
    int64_t session, open;
    const qf_comparison duel = {.ratio = 1.1, .ratio_low = 0.9, .ratio_high = 1.2, .pairs = 9};
    const qf_validation endless = {.verdict = QF_VERDICT_WRONG, .cases = 5, .worst_error = NAN};
    const qf_latency latency = {.kernel = check_trial.kernel,
                                .ns = 1.0 / 3,
                                .low_ns = 0.1,
                                .high_ns = 1e15,
                                .samples = 3};

    if (qf_store_open(path, QF_STORE_WRITE, &store) != QF_OK) fail_msg("%s", qf_message());
    for (int i = 0; i < 3; i++) {
        session = check_session(store);
        for (int t = 0; t < 5; t++) try_one(store, session, &random);
        assert_int_equal(qf_comparison_put(store, session, &check_trial.problem, QF_COLD,
                                           &check_trial.kernel, &check_trial.kernel, &duel,
                                           &check_conditions),
                         QF_OK);
        assert_int_equal(qf_validation_put(store, session, "00000000000000aa", &endless),
                         QF_OK);
        assert_int_equal(
            qf_latency_put(store, &check_cpu, &check_trial.problem, QF_WARM, &latency), QF_OK);
        if (i < 2) assert_int_equal(qf_session_end(store, session, QF_SESSION_DONE), QF_OK);
    }
    assert_int_equal(qf_trial_claim(store, session, &check_trial, &open), QF_OK);
    qf_store_close(store);
}
