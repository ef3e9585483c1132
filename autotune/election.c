/* election.c -- the fastest few of a search, compared in pairs within what is left of its
 * budget. */
#include "tuning.h"

#include <math.h>
#include <string.h>

#include "pacing.h"
#include "qforge/clock.h"
#include "qforge/conditions.h"

enum { FINALISTS = 10, PLACED = 3 };

/* Of the time that is left for a duel, what it may sample for; the rest is for the fork, the
 * packing and the warming up. */
static const double share_of_sampling = 0.7;

static bool pace_of(const tuning *t, qf_pace *pace)
{
    const qf_scope scope = tuning_scope(t->options);
    return qf_store_pace(t->options->store, &scope, t->problem, pace) == QF_OK;
}

double tuning_pace(const tuning *t)
{
    qf_pace pace;
    return pace_of(t, &pace) ? pace.least_ns / pace.ns : 0;
}

/* Whoever asks again at once wants to know the answer, not another. */
static const double while_ago_us = 600e6;

/* It was held a while ago, on a machine that has since become faster. */
static bool is_worth_another(const tuning *t)
{
    qf_pace pace;

    if (!pace_of(t, &pace)) return false;
    if (pace.least_ns > QF_SLOW_PACE * pace.ns ||
        (double)(qf_unix_us() - pace.unix_us) < while_ago_us)
        return false;
    return pace.least_ns > QF_SLOW_PACE * qf_canary_sing(NULL).median_ns;
}

bool tuning_elected(const tuning *t)
{
    const qf_scope scope = tuning_scope(t->options);
    qf_best best;
    return qf_store_best(t->options->store, &scope, t->problem, &best) == QF_OK &&
           best.settled && best.cache == t->bench.cache && !is_worth_another(t);
}

/* As many as there is time for; a short duel proves little, so rather fewer. */
static int finalists_of(const tuning *t, int *index)
{
    const int room = qf_pace_finalists(tuning_seconds_left(t), FINALISTS);
    int count = 0;

    while (count < room) {
        int next = -1;
        for (int i = 0; i < t->space.count; i++) {
            bool taken = false;
            for (int j = 0; j < count; j++) taken |= index[j] == i;
            if (taken || t->ns[i] <= 0 || t->ns[i] > QF_CLOSE_BEHIND * t->ns[t->best]) continue;
            if (next < 0 || t->ns[i] < t->ns[next]) next = i;
        }
        if (next < 0) break;
        index[count++] = next;
    }
    return count;
}

/* An election under way. */
typedef struct vote {
    tuning *t;
    qf_kernel_id leader;
    double leader_ns; /* as its trial said */
    bool reigns;      /* it was elected before */
    double duel_s;    /* the longest so far took */
} vote;

/* Whether the time for it is there; what a first one takes nobody knows. */
static bool may_go_on(const vote *v, double seconds)
{
    const double left = tuning_seconds_left(v->t);
    return !tuning_stopped(v->t) && left > 0 && left >= seconds;
}

/* Who was elected before keeps its seat unless the challenger is faster beyond doubt.  One that
 * leads by its trial alone may have been the luckiest of many, so it yields to whoever led in
 * both rounds: searches that part here differ by less than pairs can tell.
 *   ns  the challenger's; seconds: it may take */
static qf_status challenge(vote *v, const qf_kernel_id *challenger, double ns, double seconds)
{
    tuning *t = v->t;
    const int64_t start = qf_now_ns();
    qf_comparison duel;
    qf_conditions conditions;

    const qf_duel pair = {.a = &v->leader,
                          .b = challenger,
                          .ns = t->ns[t->best],
                          .seconds = share_of_sampling * seconds,
                          .seed = t->options->seed};
    const qf_status status = qf_clock_duel(&t->bench, &pair, &duel, &conditions);
    v->duel_s = fmax(v->duel_s, 1e-9 * (double)(qf_now_ns() - start));
    if (status == QF_NOT_FOUND) return QF_OK; /* proves nothing */
    QF_TRY(status);
    QF_TRY(qf_comparison_put(t->options->store, t->options->session, t->problem, t->bench.cache,
                             &v->leader, challenger, &duel, &conditions));
    const bool won = qf_comparison_won(&duel);
    t->result->ties = won ? 0 : t->result->ties + (duel.ratio_low <= 1);
    if (won || (!v->reigns && qf_comparison_leads(&duel)))
        v->leader = *challenger, v->leader_ns = ns, v->reigns = false;
    return QF_OK;
}

/* A finalist with its loops placed otherwise.  Duels only if it may be the faster one.
 *   share  of the time that is left then */
static qf_status try_placement(vote *v, const qf_kernel_id *finalist, int align, double share)
{
    tuning *t = v->t;
    qf_trial trial = {*t->problem, *finalist, t->bench.cache, t->ns[t->best]};
    tuning_word word;

    trial.kernel.tile.align = align;
    if (qf_kernel_equal(&trial.kernel, &v->leader)) return QF_OK;
    const qf_status status = tuning_try(t, &trial, &word);
    if (status == QF_NOT_FOUND) return QF_OK; /* quarantined */
    QF_TRY(status);
    if (word.outcome.verdict != QF_VERDICT_OK || word.low_ns > v->leader_ns || !may_go_on(v, 0))
        return QF_OK;
    return challenge(v, &trial.kernel, word.ns, share * tuning_seconds_left(t));
}

/* Placement alone can move a kernel by more than finalists differ, so where the compiler
 * happened to put the loops must not decide between them.  The leader and the next few are
 * tried at other places, as far as there is time. */
static qf_status challenge_placements(vote *v, const int *index, int count)
{
    static const int placements[] = {32, 64};
    enum { PLACEMENTS = sizeof placements / sizeof *placements };
    const qf_kernel_id first = v->leader;
    int placed = 0;

    for (int i = -1; i < count && placed < PLACED; i++) {
        const qf_kernel_id *finalist = i < 0 ? &first : &v->t->space.item[index[i]].kernel;
        if (i >= 0 && qf_kernel_equal(finalist, &first)) continue;
        for (int p = 0; p < PLACEMENTS; p++)
            if (may_go_on(v, v->t->trial_s + v->duel_s))
                QF_TRY(try_placement(v, finalist, placements[p],
                                     1.0 / ((PLACED - placed) * PLACEMENTS - p)));
        placed++;
    }
    return QF_OK;
}

/* Who was elected in an earlier search leads, as long as its code is what it was. */
static qf_status enthrone(vote *v)
{
    tuning *t = v->t;
    const qf_scope scope = tuning_scope(t->options);
    qf_best best;
    qf_gemm_fn *run;
    char hash[17];

    const qf_status status = qf_store_best(t->options->store, &scope, t->problem, &best);
    if (status == QF_NOT_FOUND) return QF_OK;
    QF_TRY(status);
    if (!best.elected || best.cache != t->bench.cache ||
        qf_jit_get(t->options->jit, &best.kernel, &run, hash) != QF_OK ||
        strcmp(hash, best.code_hash) != 0)
        return QF_OK;
    v->leader = best.kernel, v->leader_ns = best.ns, v->reigns = true;
    return QF_OK;
}

qf_status tuning_elect(tuning *t, bool *complete)
{
    int index[FINALISTS] = {t->best};
    const int count = finalists_of(t, index);
    vote v = {.t = t, .leader = t->space.item[index[0]].kernel, .leader_ns = t->ns[t->best]};
    int compared = 0;

    t->result->ties = 0;
    QF_TRY(enthrone(&v));
    for (; compared < count && may_go_on(&v, 0); compared++) {
        const qf_kernel_id *next = &t->space.item[index[compared]].kernel;
        if (qf_kernel_equal(next, &v.leader)) continue;
        QF_TRY(challenge(&v, next, t->ns[index[compared]],
                         tuning_seconds_left(t) / (count - compared)));
    }
    const bool all = compared == count;
    if (all) QF_TRY(challenge_placements(&v, index, count));
    if (!all || tuning_stopped(t)) {
        *complete = false;
        return QF_OK;
    }
    return qf_election_put(t->options->store, t->options->session, t->problem, t->bench.cache,
                           &v.leader);
}
