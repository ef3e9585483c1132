/* tune_bed.c -- beds. */
#include "tune_bed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <threads.h>
#include <time.h>

qf_cpu check_bed_cpu;
qf_jit *check_bed_jit;
bool check_bed_runs;

int check_bed_start(void **state)
{
    (void)state;
    if (qf_cpu_detect(&check_bed_cpu) != QF_OK || qf_jit_create(NULL, &check_bed_jit) != QF_OK)
        return -1;
    check_bed_runs = qf_cpu_best_isa(&check_bed_cpu) != QF_ISA_C;
    return 0;
}

int check_bed_end(void **state)
{
    (void)state;
    qf_jit_destroy(check_bed_jit);
    return 0;
}

static bool stop(void *context)
{
    const check_bed *b = context;
    return b->stop_after && b->events >= b->stop_after;
}

static void report(void *context, const qf_tune_event *event)
{
    check_bed *b = context;
    const int count = event->final ? ++b->meetings : ++b->events;
    assert_true(event->done == count && count <= event->total);
    if (event->final && b->slow_s > 0 && count == b->slow_after)
        thrd_sleep(&(struct timespec){(time_t)b->slow_s, 0}, NULL);
}

check_bed check_bed_made(int trials)
{
    check_bed b = {.store = check_ledger_open(QF_STORE_WRITE)};
    const qf_session_info info = {
        &check_bed_cpu, QF_CODE_ABI, qf_codegen_version(), "exhaustive", "test", 1, 0};
    b.options = (qf_tune_options){.cpu = &check_bed_cpu,
                                  .jit = check_bed_jit,
                                  .store = b.store,
                                  .strategy = QF_STRATEGY_EXHAUSTIVE,
                                  .seed = 1,
                                  .budget_s = 20,
                                  .trials = trials,
                                  .recipe = QF_RECIPE_COUNT,
                                  .stop = stop,
                                  .report = report};
    assert_int_equal(qf_session_begin(b.store, &info, &b.options.session), QF_OK);
    return b;
}

qf_tune_result check_bed_tuned(check_bed *b, const char *name, qf_status expected)
{
    qf_problem problem;
    qf_tune_result result;
    assert_int_equal(qf_problem_parse(name, &problem), QF_OK);
    b->options.context = b;
    b->events = b->meetings = 0;
    const qf_status status = qf_tune(&b->options, &problem, &result);
    if (status != expected) fail_msg("%s: %s", name, qf_message());
    return result;
}

void check_pretend_canaries(double seen, double held)
{
    char text[400];
    snprintf(text, sizeof text,
             "DROP TRIGGER IF EXISTS outcome_fixed; DROP TRIGGER IF EXISTS comparison_fixed; "
             "DROP TRIGGER IF EXISTS election_fixed; "
             "UPDATE outcome SET canary_ns = %f, done_us = done_us - 3600000000; "
             "UPDATE comparison SET canary_ns = %f; "
             "UPDATE election SET done_us = done_us - 3600000000",
             seen, held);
    check_sql(text);
}

void check_pretend_close(void)
{
    check_sql("DROP TRIGGER outcome_fixed; DROP TRIGGER outcome_kept; DROP TRIGGER trial_kept; "
              "DROP TRIGGER election_kept; DELETE FROM election; "
              "DELETE FROM outcome WHERE trial IN (SELECT trial.id FROM trial JOIN kernel ON "
              "kernel.id = trial.kernel WHERE name GLOB '*_al[0-9]*'); "
              "DELETE FROM trial WHERE id NOT IN (SELECT trial FROM outcome); "
              "UPDATE outcome SET low_ns = 900, median_ns = 1000 + trial, high_ns = 1100");
}
