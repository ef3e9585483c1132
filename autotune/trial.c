/* trial.c -- claim, emit, judge, measure, record. */
#include "trial.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "judge.h"

enum { QUARANTINE = 2 };

static const double judge_seconds = 10;

static const qf_measure_options quick = {.min_seconds = 0.02,
                                         .max_seconds = 0.25,
                                         .sample_ns = 200e3,
                                         .target = 0.01,
                                         .min_samples = 5};
static const qf_measure_options race = {.min_seconds = 0.03,
                                        .max_seconds = 0.3,
                                        .sample_ns = 200e3,
                                        .target = 0.01,
                                        .min_samples = 5,
                                        .lost = QF_CLOSE_BEHIND};
static const qf_measure_options careful = {.min_seconds = 0.05,
                                           .max_seconds = 0.8,
                                           .sample_ns = 200e3,
                                           .target = 0.004,
                                           .min_samples = 9};
/* One call, to see whether it is worth a race. */
static const qf_measure_options glance = {.sample_ns = 1, .target = 1, .min_samples = 1};
/* Calls beyond this many times the rival's are not worth a second look, unless they are so
 * short that a look costs nothing and a busy machine may be to blame. */
static const double far_behind = 2.5, short_ns = 2e6;

qf_bench qf_bench_of(const qf_tune_options *options, const qf_problem *problem)
{
    return (qf_bench){
        .options = options, .problem = *problem, .cache = qf_tune_cache_mode(problem)};
}

void qf_bench_close(qf_bench *bench)
{
    if (bench->facing) qf_subject_release(&bench->rival_subject);
    if (bench->ready) qf_operands_release(&bench->operands);
    *bench = (qf_bench){0};
}

static qf_status bind(qf_bench *bench, const qf_kernel *kernel, qf_subject *subject)
{
    if (!bench->ready)
        QF_TRY(qf_operands_init(bench->options->cpu, &bench->problem, bench->cache,
                                bench->options->pool, &bench->operands));
    bench->ready = true;
    return qf_subject_init(&bench->operands, kernel, subject);
}

/* ---- the ledger's memory --------------------------------------------------------------- */

/* An outcome counts while the code is the same; a kernel that could not be emitted has no
 * hash and is tried again, which costs nothing. */
static qf_status recall(const qf_bench *bench, const qf_trial *trial, qf_outcome *outcome)
{
    const qf_tune_options *o = bench->options;
    const qf_scope scope = {o->cpu->tune_key, QF_CODE_ABI};
    qf_gemm_fn *run;
    char hash[17];
    int lost = 0;

    const qf_status status = qf_store_outcome(o->store, &scope, trial, outcome, &lost);
    if (lost >= QUARANTINE) return qf_fail(QF_UNSUPPORTED, "quarantined");
    QF_TRY(status);
    if (qf_jit_get(o->jit, &trial->kernel, &run, hash) != QF_OK) return QF_NOT_FOUND;
    return strcmp(hash, outcome->code_hash) == 0 ? QF_OK : QF_NOT_FOUND;
}

/* ---- a new trial ----------------------------------------------------------------------- */

static void fail_outcome(qf_outcome *outcome, qf_verdict verdict, const char *detail)
{
    outcome->verdict = verdict;
    snprintf(outcome->detail, sizeof outcome->detail, "%.150s", detail);
}

/* The judge's word on this code, from the ledger when it has been heard before. */
static qf_status validate(const qf_bench *bench, const qf_kernel *kernel, const char *hash,
                          qf_validation *validation)
{
    const qf_tune_options *o = bench->options;
    const qf_status known = qf_validation_get(o->store, o->cpu->isa_key, hash, validation);

    if (known != QF_NOT_FOUND) return known;
    QF_TRY(qf_judge(kernel, o->seed, judge_seconds, validation));
    return qf_validation_put(o->store, o->session, hash, validation);
}

/* The rival, bound; it stays so until another takes its place. */
static qf_status face(qf_bench *bench, const qf_kernel_id *id)
{
    if (bench->facing && qf_kernel_equal(&bench->rival.id, id)) return QF_OK;
    if (bench->facing) qf_subject_release(&bench->rival_subject);
    bench->facing = false;
    bench->rival = (qf_kernel){.id = *id};
    QF_TRY(qf_jit_get(bench->options->jit, id, &bench->rival.run, NULL));
    QF_TRY(bind(bench, &bench->rival, &bench->rival_subject));
    bench->facing = true;
    return QF_OK;
}

/* What the pairs say, in the rival's time: its own as it was first measured, which the
 * machine's mood of this moment does not change. */
static qf_timing in_terms_of(const qf_comparison *pairs, double rival_ns)
{
    qf_timing t = pairs->b;
    const double scale = pairs->ratio * rival_ns / t.median_ns;

    t.median_ns = pairs->ratio * rival_ns;
    t.low_ns = pairs->ratio_low * rival_ns;
    t.high_ns = pairs->ratio_high * rival_ns;
    t.best_ns *= scale;
    t.mean_ns *= scale;
    return t;
}

static qf_status run_race(qf_bench *bench, qf_subject *subject, const qf_rival *rival,
                          qf_outcome *outcome)
{
    qf_measure_options first = glance;

    if (rival->ns > short_ns) {
        first.give_up_ns = far_behind * rival->ns;
        outcome->timing = qf_measure(&first, qf_subject_run, NULL, subject);
        if (outcome->timing.median_ns > first.give_up_ns) {
            fail_outcome(outcome, QF_VERDICT_SLOW, "given up: far slower than the best");
            return QF_OK;
        }
    }
    QF_TRY(face(bench, rival->kernel));
    const qf_comparison pairs = qf_compare(
        &race, bench->options->seed, (qf_side){qf_subject_run, NULL, &bench->rival_subject},
        (qf_side){qf_subject_run, NULL, subject});
    outcome->timing = in_terms_of(&pairs, rival->ns);
    return QF_OK;
}

static qf_status clock_it(qf_bench *bench, const qf_kernel *kernel, const qf_rival *rival,
                          qf_outcome *outcome)
{
    qf_subject subject;

    QF_TRY(bind(bench, kernel, &subject));
    qf_status status = qf_subject_check(&subject);
    if (status == QF_WRONG) {
        fail_outcome(outcome, QF_VERDICT_WRONG, qf_message());
        status = QF_OK;
    } else if (status == QF_OK && rival->kernel) {
        status = run_race(bench, &subject, rival, outcome);
    } else if (status == QF_OK) {
        outcome->timing = qf_measure(&quick, qf_subject_run, NULL, &subject);
    }
    qf_subject_release(&subject);
    return status;
}

static qf_status make(qf_bench *bench, const qf_trial *trial, const qf_rival *rival,
                      qf_outcome *outcome)
{
    qf_kernel kernel = {.id = trial->kernel};
    qf_validation validation;

    *outcome = (qf_outcome){.verdict = QF_VERDICT_OK};
    const qf_status emitted =
        qf_jit_get(bench->options->jit, &kernel.id, &kernel.run, outcome->code_hash);
    if (emitted == QF_UNSUPPORTED || emitted == QF_CODEGEN) {
        fail_outcome(outcome, QF_VERDICT_INVALID, qf_message());
        return QF_OK;
    }
    QF_TRY(emitted);
    QF_TRY(validate(bench, &kernel, outcome->code_hash, &validation));
    if (validation.verdict != QF_VERDICT_OK) {
        fail_outcome(outcome, validation.verdict, validation.detail);
        return QF_OK;
    }
    return clock_it(bench, &kernel, rival, outcome);
}

qf_status qf_trial_hold(qf_bench *bench, const qf_trial *trial, const qf_rival *rival,
                        qf_outcome *outcome, bool *reused)
{
    const qf_tune_options *o = bench->options;
    int64_t id;

    const qf_status known = recall(bench, trial, outcome);
    *reused = known == QF_OK;
    if (known == QF_UNSUPPORTED) return QF_NOT_FOUND;
    if (known != QF_NOT_FOUND) return known;
    QF_TRY(qf_trial_claim(o->store, o->session, trial, &id));
    QF_TRY(make(bench, trial, rival, outcome));
    return qf_trial_finish(o->store, id, outcome);
}

qf_status qf_trial_duel(qf_bench *bench, const qf_kernel_id *a, const qf_kernel_id *b,
                        qf_comparison *comparison)
{
    qf_kernel left = {.id = *a}, right = {.id = *b};
    qf_subject left_subject, right_subject;
    const double budget = bench->options->budget_s;

    QF_TRY(qf_jit_get(bench->options->jit, a, &left.run, NULL));
    QF_TRY(qf_jit_get(bench->options->jit, b, &right.run, NULL));
    QF_TRY(bind(bench, &left, &left_subject));
    const qf_status status = bind(bench, &right, &right_subject);
    if (status == QF_OK) {
        qf_measure_options options = careful;
        if (budget > 0) options.max_seconds = fmin(careful.max_seconds, 0.1 * budget + 0.05);
        *comparison = qf_compare(&options, bench->options->seed,
                                 (qf_side){qf_subject_run, NULL, &left_subject},
                                 (qf_side){qf_subject_run, NULL, &right_subject});
        qf_subject_release(&right_subject);
    }
    qf_subject_release(&left_subject);
    return status;
}
