/* trial.c -- claim, emit, judge, measure, record. */
#include "trial.h"

#include <string.h>

#include "judge.h"

enum { QUARANTINE = 2 };

static const double judge_seconds = 10;

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

static qf_status make(qf_bench *bench, const qf_trial *trial, qf_rival *rival,
                      qf_outcome *outcome)
{
    qf_kernel kernel = {.id = trial->kernel};
    qf_validation validation;

    *outcome = (qf_outcome){.verdict = QF_VERDICT_OK};
    const qf_status emitted =
        qf_jit_get(bench->options->jit, &kernel.id, &kernel.run, outcome->code_hash);
    if (emitted == QF_UNSUPPORTED || emitted == QF_CODEGEN) {
        qf_outcome_fail(outcome, QF_VERDICT_INVALID, qf_message());
        return QF_OK;
    }
    QF_TRY(emitted);
    QF_TRY(validate(bench, &kernel, outcome->code_hash, &validation));
    if (validation.verdict != QF_VERDICT_OK) {
        qf_outcome_fail(outcome, validation.verdict, validation.detail);
        return QF_OK;
    }
    return qf_clock(bench, &kernel, trial->predicted_ns, rival, outcome);
}

qf_status qf_trial_hold(qf_bench *bench, const qf_trial *trial, qf_rival *rival,
                        qf_outcome *outcome, bool *reused)
{
    const qf_tune_options *o = bench->options;
    int64_t id;

    const qf_status known = recall(bench, trial, outcome);
    *reused = known == QF_OK;
    if (known == QF_UNSUPPORTED) return QF_NOT_FOUND;
    if (known != QF_NOT_FOUND) return known;
    QF_TRY(qf_trial_claim(o->store, o->session, trial, &id));
    const qf_status made = make(bench, trial, rival, outcome);
    /* No answer, and so no end of the search: the memory of this moment, or who killed the
     * working process, says nothing of the code. */
    if (made == QF_MEMORY && outcome->code_hash[0])
        qf_outcome_fail(outcome, QF_VERDICT_LOST, qf_message());
    else if (made != QF_OK)
        return made;
    return qf_trial_finish(o->store, id, outcome);
}
