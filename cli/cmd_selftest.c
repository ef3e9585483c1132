/* cmd_selftest.c -- qforge selftest: whether kernels are right on this machine, and how small
 * a difference its clock can tell. */
#include <jansson.h>
#include <stdio.h>

#include "autotune/judge.h"
#include "command.h"
#include "interrupt.h"
#include "machine.h"
#include "inference.h"
#include "options.h"
#include "qforge/codegen.h"
#include "qforge/source.h"
#include "selftest_clock.h"
#include "tune_problems.h"

static const double judge_seconds = 10;

/* --aa, where it was not given. */
static const int64_t nothing_said = INT64_MIN;

typedef struct request {
    cli_problem_request problem;
    int64_t threads, sample;
    selftest_clock clock;
    bool json;
} request;

/* ---- kernels, by the judge ------------------------------------------------------------- */

typedef struct tally {
    int asked, kernels, cases, bad;
} tally;

static qf_status judge_one(const request *r, const qf_kernel *kernel, tally *t)
{
    qf_validation v;
    char name[QF_NAME_MAX];

    if (r->sample)
        QF_TRY(qf_judge_here(kernel, (uint64_t)r->clock.seed, (int)r->sample, &v));
    else
        QF_TRY(qf_judge(kernel, (uint64_t)r->clock.seed, judge_seconds, &v));
    t->kernels++;
    t->cases += v.cases;
    if (v.verdict == QF_VERDICT_OK) return QF_OK;
    t->bad++;
    qf_kernel_print(&kernel->id, name);
    fprintf(stderr, "%s: %s (%s)\n", name, qf_verdict_name(v.verdict), v.detail);
    return QF_OK;
}

static qf_status judge_answer(const request *r, const qf_kernel_source *source,
                              const qf_problem *problem, tally *t)
{
    qf_kernel kernel;

    if (r->sample && t->asked++ % r->sample) return QF_OK;
    QF_TRY(source->find(source->self, problem, &kernel));
    return judge_one(r, &kernel, t);
}

/* What the prior answers for few and many rows of every class, width and direction.  Plain
 * weights and gradients are exact alone. */
static qf_status judge_isa(const request *r, const qf_kernel_source *source, tally *t)
{
    static const int64_t rows[] = {1, 4, 64};
    qf_problem p = {.m = 64, .n = 512, .k = 512, .threads = 1};

    for (int q = 0; q < QF_QUANT_COUNT; q++) {
        const int classes = q == QF_F32 ? QF_EXACT + 1 : QF_ACCURACY_COUNT;
        p.quant = (qf_quant)q;
        p.group = q == QF_F32 ? 0 : 64;
        p.op = QF_FORWARD;
        for (int i = 0; i < 3 * classes; i++) {
            p.accuracy = (qf_accuracy)(i / 3);
            p.m = rows[i % 3];
            if (qf_accuracy_on(p.accuracy, p.quant, source->isa) != p.accuracy) continue;
            QF_TRY(judge_answer(r, source, &p, t));
        }
        if (q == QF_F32) continue;
        p.op = QF_GRAD_INPUT;
        p.accuracy = QF_EXACT;
        QF_TRY(judge_answer(r, source, &p, t));
    }
    return QF_OK;
}

static qf_status judge_all(const request *r, const cli_machine *machine)
{
    json_t *list = json_array();
    int bad = 0;
    qf_status status = QF_OK;

    for (int isa = QF_ISA_C + 1; status == QF_OK && isa < QF_ISA_COUNT; isa++) {
        qf_cpu lesser = machine->cpu;
        qf_tuned *tuned;
        tally t = {0};
        if (!qf_cpu_runs(&machine->cpu, (qf_isa)isa)) continue;
        lesser.isas = 1u << isa | 1u << QF_ISA_C;
        status = qf_tuned_create(&lesser, machine->jit, NULL, &tuned);
        if (status != QF_OK) break;
        status = judge_isa(r, qf_tuned_source(tuned), &t);
        qf_tuned_destroy(tuned);
        bad += t.bad;
        if (r->json)
            json_array_append_new(list, json_pack("{s:s, s:i, s:i, s:i}", "isa",
                                                  qf_isa_of((qf_isa)isa)->name, "kernels",
                                                  t.kernels, "cases", t.cases, "bad", t.bad));
        else if (status == QF_OK)
            printf("%-12s %3d kernels, %5d products, %d bad\n", qf_isa_of((qf_isa)isa)->name,
                   t.kernels, t.cases, t.bad);
    }
    if (r->json && status == QF_OK) {
        json_dumpf(list, stdout, JSON_COMPACT);
        printf("\n");
    }
    json_decref(list);
    QF_TRY(status);
    if (bad) return qf_fail(QF_WRONG, "%d kernels are wrong on this machine", bad);
    return QF_OK;
}

/* ---- the command ----------------------------------------------------------------------- */

static qf_status check(const request *r)
{
    if (r->clock.comparisons != nothing_said)
        QF_TRY(cli_check_int("aa", r->clock.comparisons, 1, 1000000));
    QF_TRY(cli_check_int("threads", r->threads, 0, 256));
    QF_TRY(cli_check_int("sample", r->sample, 0, 1000));
    QF_TRY(cli_check_seconds(r->clock.seconds, 60));
    if (!(r->clock.difference >= 0 && r->clock.difference <= 50))
        return qf_fail(QF_USAGE, "--difference: %g is not from 0 to 50", r->clock.difference);
    return QF_OK;
}

qf_status cli_cmd_selftest(int argc, char **argv)
{
    request r = {.problem = {.shape = "1x2048x2048", .op = "forward", .bits = "4", .group = 64},
                 .threads = 1,
                 .clock = {.comparisons = nothing_said, .seed = 1, .seconds = 2}};
    const cli_option options[] = {
        {"aa", 0, CLI_INT, &r.clock.comparisons, "N",
         "compare a kernel N times with its own copy"},
        {"shape", 's', CLI_TEXT, &r.problem.shape, "MxNxK", "--aa: rows, outputs, inputs"},
        {"bits", 'b', CLI_TEXT, &r.problem.bits, "N", "--aa: 2, 3, 4, 8 or 32"},
        {"seconds", 0, CLI_REAL, &r.clock.seconds, "S",
         "--aa: longest time of a comparison (2)"},
        {"difference", 0, CLI_REAL, &r.clock.difference, "P",
         "--aa: let the copy do P percent less and count how often that is told"},
        {"threads", 'j', CLI_INT, &r.threads, "N", "threads (1); 0: all"},
        {"seed", 0, CLI_INT, &r.clock.seed, "N",
         "of the judge's numbers and the order of pairs"},
        {"sample", 0, CLI_INT, &r.sample, "N",
         "judge one kernel in N by one product in N, all in this process"},
        {"json", 0, CLI_FLAG, &r.json, NULL, "for programs"},
        {0}};
    cli_machine machine = {0};
    cli_problems problems;
    int rest;
    bool help;

    QF_TRY(
        cli_parse(argc, argv,
                  "qforge selftest [options]\n\n"
                  "Judges the kernels of every instruction set this machine runs; with --aa,\n"
                  "tells how often its clock raises false alarms and what it can tell.",
                  options, &rest, &help));
    if (help) return QF_OK;
    QF_TRY(cli_no_operands(argc, argv, rest));
    QF_TRY(check(&r));
    cli_interrupt_catch();
    QF_TRY(cli_machine_open(r.threads, "none", &machine));
    r.problem.threads = qf_pool_threads(machine.pool);
    r.problem.isa = qf_cpu_best_isa(&machine.cpu);
    qf_status status = cli_problems_make(&r.problem, &problems);
    if (status == QF_OK) {
        r.clock.json = r.json;
        status = r.clock.comparisons != nothing_said
                     ? selftest_clock_run(&r.clock, &machine, &problems.item[0])
                     : judge_all(&r, &machine);
        cli_problems_release(&problems);
    }
    cli_machine_close(&machine);
    return status;
}
