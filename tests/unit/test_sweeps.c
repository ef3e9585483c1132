/* test_sweeps.c -- searches replayed on a ledger's trials. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ledger_fixture.h"
#include "qforge/memory.h"
#include "qforge/simulate.h"

enum { SHAPES = 7, ROWS = 8, PANELS = 4, UNROLLS = 2, KERNELS = ROWS * PANELS * UNROLLS };

/* The prior loves long rows; this machine loves two panels and six rows. */
static qf_trial trial_of(int shape, int i)
{
    qf_trial t = check_trial;
    const int mr = 1 + i % ROWS, panels = 1 + i / ROWS % PANELS, unroll = 1 + i / ROWS / PANELS;

    t.problem.m = 8;
    t.problem.n = 256 << shape;
    t.kernel.tile = (qf_tile){mr, 16 * panels, unroll, 0, 0, 0, 0};
    t.predicted_ns = 1000.0 * (shape + 1) * (1 + 1.0 / mr + 0.1 * panels);
    return t;
}

static double time_of(int shape, int i)
{
    const qf_trial t = trial_of(shape, i);
    const double far = abs(t.kernel.tile.mr - 6) / 8.0 + abs(t.kernel.tile.nr / 16 - 2) / 4.0;
    return 700.0 * (shape + 1) * (1 + far + 0.01 * t.kernel.tile.unroll);
}

/* The last kernel of every shape is wrong; one kernel is tried twice. */
static void fill(qf_store *store)
{
    const int64_t session = check_session(store);
    const qf_outcome wrong = {.verdict = QF_VERDICT_WRONG, .code_hash = "00000000000000ff"};
    int64_t id;

    for (int s = 0; s < SHAPES; s++)
        for (int i = 0; i < KERNELS; i++) {
            const qf_trial t = trial_of(s, i);
            if (i == KERNELS - 1) {
                assert_int_equal(qf_trial_claim(store, session, &t, &id), QF_OK);
                assert_int_equal(qf_trial_finish(store, id, &wrong), QF_OK);
                continue;
            }
            if (i == 3) check_tried(store, session, &t, 1);
            check_tried(store, session, &t, time_of(s, i));
        }
    /* Of the winner alone, and so no candidate. */
    qf_trial placed = trial_of(0, 0);
    placed.kernel.tile.align = 64;
    check_tried(store, session, &placed, 2);
    /* Timed where the problem's weights are not: another question. */
    qf_trial hot = trial_of(0, 5);
    hot.cache = QF_HOT;
    check_tried(store, session, &hot, 1);
    /* Too few to be a space. */
    qf_trial alone = trial_of(0, 0);
    alone.problem.m = 3;
    check_tried(store, session, &alone, 100);
}

static qf_sweeps gathered(void)
{
    qf_store *store = check_ledger_open(QF_STORE_WRITE);
    qf_sweeps sweeps;

    fill(store);
    assert_int_equal(qf_sweeps_of_store(store, &check_scope, 30, &sweeps), QF_OK);
    qf_store_close(store);
    return sweeps;
}

static void a_ledgers_problems_are_spaces(void **state)
{
    qf_sweeps sweeps = gathered();

    (void)state;
    assert_int_equal(sweeps.count, SHAPES);
    for (int s = 0; s < SHAPES; s++) {
        const qf_sweep *sweep = &sweeps.item[s];
        double best = HUGE_VAL;
        int failed = 0;
        assert_int_equal(sweep->count, KERNELS);
        for (int i = 0; i < KERNELS; i++) {
            if (sweep->ns[i] > 0) best = fmin(best, sweep->ns[i]);
            failed += sweep->ns[i] == 0;
        }
        assert_int_equal(failed, 1);
        const double shape = log2((double)sweep->kernel->problem.n / 256) + 1;
        assert_true(fabs(best - 707 * shape) < 1e-6 * best);
    }
    qf_sweeps_release(&sweeps);

    const qf_scope elsewhere = {"9999", check_scope.code_abi};
    qf_store *store = check_ledger_open(QF_STORE_READ);
    assert_int_equal(qf_sweeps_of_store(store, &elsewhere, 30, &sweeps), QF_OK);
    assert_int_equal(sweeps.count, 0);
    qf_sweeps_release(&sweeps);
    qf_store_close(store);
}

static void more_trials_find_no_less(void **state)
{
    static const qf_effort efforts[] = {{1, 0}, {8, 0}, {1, 0.5}, {1000, 0}};
    double share[SHAPES][2][4], guess[SHAPES];
    qf_sweeps sweeps = gathered();
    qf_replay *replay;

    (void)state;
    assert_int_equal(qf_replay_open(&sweeps, NULL, NULL, &replay), QF_OK);
    assert_int_equal(qf_effort_trials(&efforts[2], KERNELS), KERNELS / 2);
    assert_int_equal(qf_effort_trials(&efforts[3], KERNELS), KERNELS);
    for (int strategy = 0; strategy < QF_STRATEGY_COUNT; strategy++) {
        assert_int_equal(
            qf_simulate(replay, (qf_strategy)strategy, 2, 5, efforts, 4, NULL, NULL, **share),
            QF_OK);
        for (int s = 0; s < SHAPES; s++)
            for (int r = 0; r < 2; r++) {
                for (int e = 1; e < 4; e++) assert_true(share[s][r][e] >= share[s][r][e - 1]);
                assert_true(share[s][r][3] > 0.99);
                if (strategy == QF_STRATEGY_GUIDED) assert_true(share[s][r][1] > 0.99);
            }
    }
    /* The prior is wrong in the same way everywhere, which can be learned; and the winner is
     * the same everywhere. */
    assert_int_equal(qf_simulate_guess(replay, QF_GUESS_PRIOR, NULL, NULL, guess), QF_OK);
    for (int s = 0; s < SHAPES; s++) assert_true(guess[s] > 0.2 && guess[s] < 0.8);
    assert_int_equal(qf_simulate_guess(replay, QF_GUESS_LEARNED, NULL, NULL, guess), QF_OK);
    for (int s = 0; s < SHAPES; s++) assert_true(guess[s] > 0.98);
    assert_int_equal(qf_simulate_guess(replay, QF_GUESS_NEAREST, NULL, NULL, guess), QF_OK);
    for (int s = 0; s < SHAPES; s++) assert_true(guess[s] > 0.999);
    qf_replay_close(replay);
    qf_sweeps_release(&sweeps);
}

/* The same sweeps by another instruction set, of which the prior is as wrong the other way. */
static qf_sweeps elsewhere(const qf_sweeps *sweeps)
{
    qf_sweeps other = {qf_alloc_array(SHAPES, sizeof *other.item), SHAPES};

    assert_non_null(other.item);
    for (int s = 0; s < SHAPES; s++) {
        qf_sweep *sweep = &other.item[s];
        *sweep = sweeps->item[s];
        sweep->ns = qf_alloc_array(KERNELS, sizeof *sweep->ns);
        sweep->kernel = qf_alloc_array(KERNELS, sizeof *sweep->kernel);
        assert_true(sweep->ns && sweep->kernel);
        for (int i = 0; i < KERNELS; i++) {
            qf_experience *e = &sweep->kernel[i];
            *e = sweeps->item[s].kernel[i];
            e->kernel.isa = QF_ISA_NEON;
            e->ns = sweep->ns[i] = e->ns > 0 ? e->predicted_ns * e->predicted_ns / e->ns : 0;
        }
    }
    return other;
}

static void guess(const qf_sweeps *sweeps, qf_guess how, double *share)
{
    qf_replay *replay;

    assert_int_equal(qf_replay_open(sweeps, NULL, NULL, &replay), QF_OK);
    assert_int_equal(qf_simulate_guess(replay, how, NULL, NULL, share), QF_OK);
    qf_replay_close(replay);
}

/* What is seen of one says nothing of the other, though their shapes are the same. */
static void instruction_sets_are_learned_apart(void **state)
{
    static const qf_guess guesses[] = {QF_GUESS_LEARNED, QF_GUESS_NEAREST};
    qf_sweeps here = gathered(), there = elsewhere(&here);
    qf_sweep both[2 * SHAPES];
    const qf_sweeps all = {both, 2 * SHAPES};
    double together[2 * SHAPES], alone[2 * SHAPES];

    (void)state;
    memcpy(both, here.item, SHAPES * sizeof *both);
    memcpy(both + SHAPES, there.item, SHAPES * sizeof *both);
    for (int g = 0; g < 2; g++) {
        guess(&here, guesses[g], alone);
        guess(&there, guesses[g], alone + SHAPES);
        guess(&all, guesses[g], together);
        for (int s = 0; s < 2 * SHAPES; s++)
            assert_true(together[s] == alone[s] && alone[s] > 0);
    }
    qf_sweeps_release(&there);
    qf_sweeps_release(&here);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_ledgers_problems_are_spaces, check_ledger_fresh,
                                        check_ledger_clean),
        cmocka_unit_test_setup_teardown(more_trials_find_no_less, check_ledger_fresh,
                                        check_ledger_clean),
        cmocka_unit_test_setup_teardown(instruction_sets_are_learned_apart, check_ledger_fresh,
                                        check_ledger_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
