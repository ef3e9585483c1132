/* test_faults.c -- the tuner among kernels that are broken: none is promoted, none stops it,
 * and the ledger says what became of each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "autotune/space.h"
#include "codegen/recipe.h"
#include "ledger_fixture.h"
#include "mutant.h"
#include "qforge/tune.h"

static qf_cpu cpu;
static bool runs_here;

typedef struct bed {
    qf_jit *jit;
    qf_store *store;
    qf_tune_options options;
    qf_problem problem;
    qf_space space;
} bed;

static bed made(const char *question, qf_recipe recipe, int trials)
{
    bed b = {.store = check_ledger_open(QF_STORE_WRITE)};
    const qf_session_info info = {
        &cpu, QF_CODE_ABI, qf_codegen_version(), "exhaustive", "test", 1, 0};
    assert_int_equal(qf_jit_create(NULL, &b.jit), QF_OK);
    b.options = (qf_tune_options){.cpu = &cpu,
                                  .jit = b.jit,
                                  .store = b.store,
                                  .strategy = QF_STRATEGY_EXHAUSTIVE,
                                  .seed = 1,
                                  .budget_s = 120,
                                  .trials = trials,
                                  .recipe = recipe};
    assert_int_equal(qf_session_begin(b.store, &info, &b.options.session), QF_OK);
    assert_int_equal(qf_problem_parse(question, &b.problem), QF_OK);
    assert_int_equal(qf_space_build(&cpu, &b.problem, recipe, &b.space), QF_OK);
    return b;
}

static void over(bed *b)
{
    assert_int_equal(qf_store_check(b->store), QF_OK);
    qf_space_release(&b->space);
    qf_store_close(b->store);
    qf_jit_destroy(b->jit);
}

/* ---- kernels that only fail on the problem itself -------------------------------------- */

typedef enum ending { TRAPS, NEVER_ENDS, WRITES_FAR_AWAY, FORGETS } ending;

static void end_badly(const cg_emit *e, ending how)
{
    cg_loop forever;
    LLVMValueRef turn;
    switch (how) {
    case TRAPS:
        cg_intrinsic(e, "llvm.trap", NULL, 0, NULL, 0);
        break;
    case NEVER_ENDS:
        cg_loop_begin(e, &forever, cg_i64(e, 0), cg_i64(e, 1), 0, 0, NULL);
        turn = forever.index;
        cg_tie(e, &turn, 1);
        cg_loop_end(e, &forever, NULL);
        break;
    case WRITES_FAR_AWAY:
        cg_store(e, cg_i64(e, 1), LLVMBuildIntToPtr(e->build, cg_i64(e, 4096), e->pointer, ""),
                 8);
        break;
    case FORGETS:
        break;
    }
}

/* Right up to a depth the judge never asks for, which kernels get whole: those of depth in
 * steps see no more than a step. */
static void body(const cg_emit *e)
{
    cg_if small;

    LLVMValueRef k = cg_argument(e, e->i64, offsetof(qf_gemm_args, k));
    cg_if_begin(e, &small, cg_less(e, k, cg_i64(e, 160)));
    cg_recipe_of(e->id->recipe)->emit(e);
    cg_else(e, &small);
    end_badly(e, *(const ending *)e->what);
    cg_if_end(e, &small);
}

static void infect(bed *b, int index, ending how)
{
    check_kernel_instead(b->jit, &b->space.item[index].kernel, body, &how, NULL);
}

static int64_t outcomes(const char *condition)
{
    char text[256];
    snprintf(text, sizeof text, "SELECT count(*) FROM outcome WHERE %s", condition);
    return check_sql_number(text);
}

static void deaths_on_the_clock_are_rows(void **state)
{
    (void)state;
    if (!runs_here) skip();
    bed b = made("fast_q4g32_4x96x160_t1", QF_RECIPE_DOT, 6);
    qf_tune_result result;
    infect(&b, 0, TRAPS); /* the first has no rival yet */
    infect(&b, 2, NEVER_ENDS);
    infect(&b, 3, WRITES_FAR_AWAY);
    infect(&b, 4, FORGETS);
    if (qf_tune(&b.options, &b.problem, &result) != QF_OK) fail_msg("%s", qf_message());
    assert_true(result.found && result.complete);
    assert_int_equal(result.failed, 4);
    assert_int_equal(result.measured, 2);
    assert_true(qf_kernel_equal(&result.best.kernel, &b.space.item[1].kernel) ||
                qf_kernel_equal(&result.best.kernel, &b.space.item[5].kernel) ||
                result.best.kernel.tile.align != 0);
    assert_int_equal(outcomes("verdict = 'crash' AND detail LIKE 'while timed: _llegal%'"), 1);
    assert_int_equal(outcomes("verdict = 'crash' AND detail LIKE 'while timed: Segm%'"), 1);
    assert_int_equal(outcomes("verdict = 'timeout' AND detail LIKE 'while timed: did not%'"),
                     1);
    assert_int_equal(outcomes("verdict = 'wrong' AND detail LIKE 'row 0%'"), 1);
    assert_int_equal(check_sql_number("SELECT count(*) FROM open_trial"), 0);
    over(&b);
}

/* ---- workers that are killed ------------------------------------------------------------ */

/* So many more times; the processes of this test share it. */
static volatile int *kills_left;

/* As the system does when memory is short, and not the kernel's doing. */
static void be_killed(void)
{
    if (*kills_left == 0) return;
    --*kills_left;
    raise(SIGKILL);
}

/* The kernel as it is, behind a call. */
static void perilous_body(const cg_emit *e)
{
    LLVMTypeRef type = LLVMFunctionType(LLVMVoidTypeInContext(e->context), NULL, 0, 0);

    LLVMBuildCall2(
        e->build, type,
        LLVMBuildIntToPtr(e->build, cg_i64(e, (int64_t)(uintptr_t)be_killed), e->pointer, ""),
        NULL, 0, "");
    cg_recipe_of(e->id->recipe)->emit(e);
}

/* Two killed workers are one kernel's trial and its repetition. */
static qf_tune_result tuned_perilously(bed *b, int kills, qf_status expected)
{
    qf_tune_result result;

    *kills_left = kills;
    const qf_status status = qf_tune(&b->options, &b->problem, &result);
    if (status != expected) fail_msg("%d: %s", (int)status, qf_message());
    assert_int_equal(check_sql_number("SELECT count(*) FROM open_trial"), 0);
    return result;
}

static void share_kills(void)
{
    kills_left = mmap(NULL, sizeof *kills_left, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(kills_left, MAP_FAILED);
}

static const char *const lost_row =
    "verdict = 'lost' AND detail LIKE 'the working process was killed%' AND code_hash <> ''";

static void who_kills_a_worker_stops_nothing(void **state)
{
    (void)state;
    if (!runs_here) skip();
    bed b = made("fast_q4g32_4x96x160_t1", QF_RECIPE_DOT, 6);
    share_kills();
    check_kernel_instead(b.jit, &b.space.item[2].kernel, perilous_body, NULL, NULL);
    /* Once: it is tried again, and has a time. */
    qf_tune_result result = tuned_perilously(&b, 1, QF_OK);
    assert_true(result.found && result.complete && result.best.settled);
    assert_int_equal(result.measured, 6);
    assert_int_equal(result.failed, 0);
    assert_int_equal(outcomes(lost_row), 1);
    over(&b);
}

/* However often it happens to a kernel, it is tried again the next time. */
static void who_was_killed_is_not_quarantined(void **state)
{
    (void)state;
    if (!runs_here) skip();
    bed b = made("fast_q4g32_4x96x160_t1", QF_RECIPE_DOT, 6);
    share_kills();
    check_kernel_instead(b.jit, &b.space.item[2].kernel, perilous_body, NULL, NULL);
    for (int run = 1; run <= 2; run++) {
        const qf_tune_result result = tuned_perilously(&b, 2, QF_OK);
        assert_true(result.found && result.complete);
        assert_int_equal(result.skipped, 0);
        assert_int_equal(result.failed, 1);
        assert_int_equal(outcomes(lost_row), 2 * run);
    }
    assert_int_equal(check_sql_number("SELECT count(*) FROM validation WHERE verdict <> 'ok'"),
                     0);
    const qf_tune_result result = tuned_perilously(&b, 0, QF_OK);
    assert_int_equal(result.measured, 1);
    assert_int_equal(result.failed + result.skipped, 0);
    over(&b);
}

static void where_all_are_killed_there_is_an_end(void **state)
{
    (void)state;
    if (!runs_here) skip();
    bed b = made("fast_q4g32_4x96x160_t1", QF_RECIPE_DOT, 8);
    share_kills();
    for (int i = 2; i < b.space.count; i++)
        check_kernel_instead(b.jit, &b.space.item[i].kernel, perilous_body, NULL, NULL);
    /* The best so far is there, but nobody was elected. */
    qf_tune_result result = tuned_perilously(&b, INT_MAX, QF_MEMORY);
    assert_non_null(strstr(qf_message(), "fast_q4g32_4x96x160_t1: given up after 5 kernels: "
                                         "the working process was killed; is memory short?"));
    assert_true(result.found && !result.complete && !result.best.settled);
    assert_int_equal(result.measured, 2);
    assert_int_equal(result.failed, 3);
    assert_int_equal(outcomes(lost_row), 6);
    assert_int_equal(check_sql_number("SELECT count(*) FROM election"), 0);
    /* When there is memory again it goes on. */
    result = tuned_perilously(&b, 0, QF_OK);
    assert_true(result.found && result.complete && result.best.settled);
    assert_int_equal(result.reused, 2);
    assert_int_equal(result.measured, 6);
    assert_int_equal(result.skipped, 0);
    over(&b);
}

/* ---- faults of emitters ---------------------------------------------------------------- */

/* Kernels that differ in nothing but steps of depth or rows are one code: spoilt together. */
static int spoil_all_but_the_last(bed *b, int trials)
{
    char symbol[32][QF_NAME_MAX] = {{0}}, last[QF_NAME_MAX] = "";
    bool guilty[32] = {false};
    int spoilt = 0;

    qf_kernel_symbol(&b->space.item[trials - 1].kernel, last);
    for (int i = 0; i < trials; i++) {
        const qf_kernel_id *id = &b->space.item[i].kernel;
        const check_fault fault = (check_fault)(i % CHECK_FAULT_COUNT);
        int same = 0;
        qf_kernel_symbol(id, symbol[i]);
        while (strcmp(symbol[same], symbol[i]) != 0) same++;
        if (same == i && strcmp(symbol[i], last) != 0) {
            const int sites = check_fault_sites(id, fault);
            guilty[i] = sites && check_mutant_load(b->jit, id, fault, (7 * i + 1) % sites);
        }
        spoilt += guilty[same];
    }
    return spoilt;
}

static void no_mutant_is_promoted(void **state)
{
    enum { TRIALS = 24 };
    qf_tune_result result;

    (void)state;
    if (!runs_here) skip();
    bed b = made("exact_q3g64_5x96x160_t1", QF_RECIPE_COUNT, TRIALS);
    assert_true(b.space.count >= TRIALS);
    const int spoilt = spoil_all_but_the_last(&b, TRIALS);
    assert_in_range(spoilt, TRIALS / 2, TRIALS - 1);
    if (qf_tune(&b.options, &b.problem, &result) != QF_OK) fail_msg("%s", qf_message());
    assert_int_equal(result.measured, TRIALS - spoilt);
    assert_int_equal(outcomes("verdict IN ('wrong', 'crash', 'timeout')"), result.failed);
    assert_true(result.failed >= spoilt);
    over(&b);
}

int main(void)
{
#define LEDGER_TEST(name)                                                                      \
    cmocka_unit_test_setup_teardown(name, check_ledger_fresh, check_ledger_clean)
    const struct CMUnitTest tests[] = {
        LEDGER_TEST(deaths_on_the_clock_are_rows),
        LEDGER_TEST(who_kills_a_worker_stops_nothing),
        LEDGER_TEST(who_was_killed_is_not_quarantined),
        LEDGER_TEST(where_all_are_killed_there_is_an_end),
        LEDGER_TEST(no_mutant_is_promoted),
    };
    if (qf_cpu_detect(&cpu) != QF_OK) return 1;
    runs_here = qf_cpu_best_isa(&cpu) != QF_ISA_C;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
