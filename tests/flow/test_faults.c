/* test_faults.c -- the tuner among kernels that are broken: none is promoted, none stops it,
 * and the ledger says what became of each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

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
        LEDGER_TEST(no_mutant_is_promoted),
    };
    if (qf_cpu_detect(&cpu) != QF_OK) return 1;
    runs_here = qf_cpu_best_isa(&cpu) != QF_ISA_C;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
