/* test_bundle_choice.c -- which kernels a bundle takes from a ledger of several machines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger_fixture.h"
#include "qforge/bundle.h"
#include "qforge/cpu.h"

/* An instruction set no machine of these tests has, so that all rows are of others. */
static const qf_isa strange = QF_ISA_SVE2_2048;

static qf_problem problem(int64_t m, int64_t n)
{
    return (qf_problem){QF_FAST, QF_FORWARD, QF_Q4, 64, m, n, 512, 1};
}

/* A kernel told from others by its rows. */
static qf_kernel_id kernel(qf_isa isa, int mr)
{
    return (qf_kernel_id){
        QF_RECIPE_DOT, QF_Q4, 64, isa, {mr, qf_isa_panel(isa), 1, 0, 0, 0, 0}};
}

static void tuned(const char *tune_key, const qf_problem *p, const qf_kernel_id *id)
{
    qf_store *store = check_ledger_open(QF_STORE_WRITE);
    qf_cpu cpu = check_cpu;
    qf_session_info info = check_info;
    int64_t session;
    info.cpu = &cpu;
    snprintf(cpu.tune_key, sizeof cpu.tune_key, "%s", tune_key);
    snprintf(cpu.perf_key, sizeof cpu.perf_key, "%s", tune_key);
    assert_int_equal(qf_session_begin(store, &info, &session), QF_OK);
    const qf_trial trial = {*p, *id, QF_COLD, 1000};
    check_tried(store, session, &trial, 500);
    assert_int_equal(qf_session_end(store, session, QF_SESSION_DONE), QF_OK);
    qf_store_close(store);
}

/* The one row of a bundle for p. */
static qf_bundle_row choice(qf_isa isa, const qf_problem *p)
{
    qf_bundle_request request = {"name", 1u << isa, p, 1, check_ledger_open(QF_STORE_READ)};
    qf_bundle bundle;
    if (qf_bundle_make(&request, &bundle) != QF_OK) fail_msg("%s", qf_message());
    assert_int_equal(bundle.count, 1);
    const qf_bundle_row row = bundle.rows[0];
    qf_bundle_release(&bundle);
    qf_store_close(request.store);
    return row;
}

static void is(qf_isa isa, const qf_problem *p, qf_rung rung, int mr)
{
    const qf_bundle_row row = choice(isa, p);
    assert_int_equal(row.rung, rung);
    assert_int_equal(row.kernel.isa, isa);
    if (rung > QF_RUNG_PRIOR) assert_int_equal(row.kernel.tile.mr, mr);
}

static void nearer_and_newer_rows_win(void **state)
{
    (void)state;
    const qf_problem asked = problem(4, 256), near = problem(4, 512), far = problem(4, 2048);
    const qf_problem other = problem(512, 256);
    const qf_kernel_id elsewhere = kernel(QF_ISA_NEON, 2);
    tuned("aaaa", &other, &elsewhere);
    tuned("aaaa", &asked, &elsewhere);
    is(strange, &asked, QF_RUNG_PRIOR, 0); /* only of another instruction set */
    const qf_kernel_id first = kernel(strange, 1), second = kernel(strange, 2),
                       third = kernel(strange, 3), fourth = kernel(strange, 4);
    tuned("aaaa", &far, &first);
    is(strange, &asked, QF_RUNG_NEAREST, 1);
    tuned("bbbb", &near, &second);
    is(strange, &asked, QF_RUNG_NEAREST, 2);
    tuned("cccc", &asked, &third);
    is(strange, &asked, QF_RUNG_EXACT, 3);
    assert_false(choice(strange, &asked).here);
    assert_false(choice(strange, &asked).judged);
    tuned("dddd", &asked, &fourth); /* newer */
    is(strange, &asked, QF_RUNG_EXACT, 4);
    const qf_problem unlike = problem(64, 256);
    is(strange, &unlike, QF_RUNG_PRIOR, 0);
}

/* Where it runs: this machine's own word counts more than a newer one of another. */
static void this_machine_counts_more(void **state)
{
    (void)state;
    qf_cpu cpu;
    assert_int_equal(qf_cpu_detect(&cpu), QF_OK);
    const qf_isa isa = qf_cpu_best_isa(&cpu);
    if (isa == QF_ISA_C) skip();
    const qf_problem asked = problem(4, 256), near = problem(4, 512);
    const qf_kernel_id first = kernel(isa, 1), second = kernel(isa, 2), third = kernel(isa, 3);
    tuned(cpu.tune_key, &asked, &first);
    tuned("zzzz", &asked, &second);
    is(isa, &asked, QF_RUNG_EXACT, 1);
    assert_true(choice(isa, &asked).here);
    assert_true(choice(isa, &asked).judged);
    /* But exactly this product elsewhere more than one nearby here. */
    const qf_problem wide = problem(4, 1024);
    tuned("zzzz", &wide, &third);
    tuned(cpu.tune_key, &near, &second);
    is(isa, &wide, QF_RUNG_EXACT, 3);
    char origin[QF_ORIGIN_MAX];
    const qf_bundle_row row = choice(isa, &wide);
    qf_bundle_origin(&row, origin);
    assert_string_equal(origin, "tuned on another machine");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nearer_and_newer_rows_win, check_ledger_fresh,
                                        check_ledger_clean),
        cmocka_unit_test_setup_teardown(this_machine_counts_more, check_ledger_fresh,
                                        check_ledger_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
