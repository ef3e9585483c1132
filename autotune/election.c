/* election.c -- the fastest few of a search, compared in pairs within what is left of its
 * budget.  Who answers without a search leads, and yields to a gain alone that is confirmed:
 * searches that part where pairs cannot tell kernels apart end with the same one. */
#include "tuning.h"

#include <math.h>
#include <string.h>

#include "challenge.h"
#include "pacing.h"
#include "qforge/champions.h"
#include "qforge/clock.h"
#include "qforge/conditions.h"

/* A long duel takes about so many times as long as a short one. */
enum { FINALISTS = 10, PLACED = 3, LONGER = 4 };

static const int placements[] = {32, 64};
enum { PLACEMENTS = sizeof placements / sizeof *placements };

/* Of the time that is left for a duel, what it may sample for; the rest is for the fork, the
 * packing and the warming up. */
static const double share_of_sampling = 0.7;

/* A duel that confirms may take so long where there is time. */
static const double last_s = 10;

static bool pace_of(const tuning *t, qf_pace *pace)
{
    const qf_scope scope = tuning_scope(t->options);
    return qf_store_pace(t->options->store, &scope, t->problem, t->bench.cache, pace) == QF_OK;
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
    qf_best best;
    return tuning_best(t, &best) == QF_OK && best.settled && !is_worth_another(t);
}

static bool is_close(const tuning *t, int i)
{
    return t->ns[i] > 0 && t->ns[i] <= QF_CLOSE_BEHIND * t->ns[t->best];
}

/* As many as there is time for; a short duel proves little, so rather fewer. */
static int finalists_of(const tuning *t, int *index)
{
    const int room =
        qf_pace_finalists(tuning_seconds_left(t), 1e-9 * t->ns[t->best], FINALISTS);
    int count = 0;

    while (count < room) {
        int next = -1;
        for (int i = 0; i < t->space.count; i++) {
            bool taken = false;
            for (int j = 0; j < count; j++) taken |= index[j] == i;
            if (taken || !is_close(t, i)) continue;
            if (next < 0 || t->ns[i] < t->ns[next]) next = i;
        }
        if (next < 0) break;
        index[count++] = next;
    }
    return count;
}

/* The prior's favourite is among them however its trial went, for memory may have been slow
 * just then, and they come in its order: it is the same in every search, trials are not.
 * Returns how many they are now, at most one more. */
static int rank_finalists(const tuning *t, int *index, int count)
{
    int first = index[0], at = 0;

    for (int i = 0; i < t->space.count; i++)
        if (t->ns[i] > 0 && t->space.item[i].predicted_ns < t->space.item[first].predicted_ns)
            first = i;
    while (at < count && index[at] != first) at++;
    if (at == count) index[count++] = first;
    for (int i = 1; i < count; i++) {
        const int moved = index[i];
        int to = i;
        for (; to > 0 &&
               t->space.item[index[to - 1]].predicted_ns > t->space.item[moved].predicted_ns;
             to--)
            index[to] = index[to - 1];
        index[to] = moved;
    }
    return count;
}

/* An election under way. */
typedef struct vote {
    tuning *t;
    qf_kernel_id leader;
    double leader_ns;  /* as its trial said */
    bool reigns;       /* it was elected before, here or where qforge comes from */
    bool unheard;      /* a duel was not heard, so nobody knows who is the fastest */
    double duel_s;     /* the longest so far took */
    int met, meetings; /* finalists, the taker's second, placements: so far, and at most */
} vote;

/* The leader was met, or there was no need. */
static void tell(vote *v, const qf_kernel_id *challenger)
{
    const tuning *t = v->t;
    const qf_tune_event event = {.problem = t->problem,
                                 .final = true,
                                 .done = ++v->met,
                                 .total = v->meetings,
                                 .kernel = challenger,
                                 .best_ns = tuning_best_ns(t)};
    if (t->options->report) t->options->report(t->options->context, &event);
}

/* Whether the time for it is there; what a first one takes nobody knows. */
static bool may_go_on(const vote *v, double seconds)
{
    const double left = tuning_seconds_left(v->t);
    return !tuning_stopped(v->t) && left > 0 && left >= seconds;
}

/* Once more where it was not heard. */
static qf_status clock_duel(vote *v, const qf_duel *pair, qf_comparison *duel,
                            qf_conditions *conditions)
{
    tuning *t = v->t;

    for (int again = 0; again < 2; again++) {
        const qf_status status = qf_clock_duel(&t->bench, pair, duel, conditions);
        tuning_heed(t, status == QF_MEMORY ? qf_message() : NULL);
        if (status != QF_MEMORY) return status;
        if (tuning_stopped(t)) break;
    }
    v->unheard = true;
    return QF_NOT_FOUND;
}

/* QF_NOT_FOUND: one of them died, or was not heard, which proves nothing.
 *   seconds  it may take */
static qf_status hold_duel(vote *v, const qf_kernel_id *challenger, qf_duel_length length,
                           double seconds, qf_comparison *duel)
{
    tuning *t = v->t;
    const int64_t start = qf_now_ns();
    qf_conditions conditions;

    const qf_duel pair = {.a = &v->leader,
                          .b = challenger,
                          .length = length,
                          .ns = t->ns[t->best],
                          .seconds = share_of_sampling * seconds,
                          .seed = t->options->seed};
    const qf_status status = clock_duel(v, &pair, duel, &conditions);
    if (length == QF_DUEL_SHORT)
        v->duel_s = fmax(v->duel_s, 1e-9 * (double)(qf_now_ns() - start));
    QF_TRY(status);
    return qf_comparison_put(t->options->store, t->options->session, t->problem, t->bench.cache,
                             &v->leader, challenger, duel, &conditions);
}

/* One who would take the seat. */
typedef struct challenger {
    vote *v;
    const qf_kernel_id *kernel;
    double share;     /* of the time that is left, for a short duel */
    double reserve_s; /* others who are yet to come need at least */
} challenger;

static qf_status meet(void *context, qf_duel_length length, qf_comparison *duel)
{
    const challenger *c = context;
    const double left = tuning_seconds_left(c->v->t);
    const double longest = fmax(left - c->reserve_s, c->share * left);

    return hold_duel(c->v, c->kernel, length,
                     length == QF_DUEL_SHORT ? c->share * left
                                             : fmin(longest, LONGER * c->share * left),
                     duel);
}

static bool may_meet_for_long(void *context)
{
    const challenger *c = context;
    return may_go_on(c->v, LONGER * c->v->duel_s + c->reserve_s);
}

/* Few of the challengers leave a doubt that a long duel could remove, so whoever does may take
 * the time that the others do not need for certain.
 *   ns         the challenger's
 *   share      of the time that is left then
 *   reserve_s  of it that others need */
static qf_status challenge(vote *v, const qf_kernel_id *kernel, double ns, double share,
                           double reserve_s)
{
    challenger c = {v, kernel, share, reserve_s};
    const qf_challenge rule = {v->reigns, meet, may_meet_for_long, &c};
    qf_comparison duel;
    bool won;

    const qf_status status = qf_challenge_hold(&rule, &duel, &won);
    if (status == QF_NOT_FOUND) return QF_OK;
    QF_TRY(status);
    if (won) v->leader = *kernel, v->leader_ns = ns, v->reigns = false;
    return QF_OK;
}

/* Who took the seat meets who led at first once more, for long: what memory and neighbours on
 * the host make faster for a second or two is no gain, and may be a loss in the next
 * (1x1024x4096 at 2 bits with and without fetching ahead: 1.09 in five rounds of one search,
 * 0.84 in those of another, both within a percent of that for certain). */
static qf_status confirm(vote *v, const qf_kernel_id *first, double first_ns)
{
    const qf_kernel_id taker = v->leader;
    const double taker_ns = v->leader_ns, left = tuning_seconds_left(v->t);
    qf_comparison duel;

    tell(v, &taker);
    if (qf_kernel_equal(&taker, first) || !may_go_on(v, LONGER * v->duel_s)) return QF_OK;
    v->leader = *first, v->leader_ns = first_ns;
    const qf_status status = hold_duel(v, &taker, QF_DUEL_LAST, fmin(left, last_s), &duel);
    if (status == QF_NOT_FOUND) return QF_OK;
    QF_TRY(status);
    if (qf_comparison_won(&duel) || qf_comparison_leads(&duel))
        v->leader = taker, v->leader_ns = taker_ns;
    return QF_OK;
}

/* A finalist with its loops placed otherwise.  Duels only if it may be the faster one.
 *   yet_to  placements of which it is the first */
static qf_status try_placement(vote *v, const qf_kernel_id *finalist, int align, int yet_to)
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
    return challenge(v, &trial.kernel, word.ns, 1.0 / yet_to, (yet_to - 1) * t->trial_s);
}

/* Placement alone can move a kernel by more than finalists differ, so where the compiler
 * happened to put the loops must not decide between them.  The leader and the next few are
 * tried at other places, as far as there is time. */
static qf_status challenge_placements(vote *v, const int *index, int count)
{
    const qf_kernel_id first = v->leader;
    int placed = 0;

    for (int i = -1; i < count && placed < PLACED; i++) {
        const qf_kernel_id *finalist = i < 0 ? &first : &v->t->space.item[index[i]].kernel;
        if (i >= 0 && qf_kernel_equal(finalist, &first)) continue;
        for (int p = 0; p < PLACEMENTS; p++) {
            if (may_go_on(v, v->t->trial_s + v->duel_s))
                QF_TRY(try_placement(v, finalist, placements[p],
                                     (PLACED - placed) * PLACEMENTS - p));
            tell(v, finalist);
        }
        placed++;
    }
    return QF_OK;
}

/* Whether its code still is what was judged. */
static bool is_as_judged(const tuning *t, const qf_best *best)
{
    qf_gemm_fn *run;
    char hash[17];

    if (qf_jit_get(t->options->jit, &best->kernel, &run, hash) == QF_OK)
        return strcmp(hash, best->code_hash) == 0;
    qf_message_clear();
    return false;
}

/* The place of a kernel in the space, wherever its loops are. */
static int place_of(const tuning *t, qf_kernel_id kernel)
{
    kernel.tile.align = 0;
    for (int i = 0; i < t->space.count; i++)
        if (qf_kernel_equal(&t->space.item[i].kernel, &kernel)) return i;
    return -1;
}

/* A kernel that is shipped for machines like this one answers without a search.  It leads, if
 * it is about as fast here as it was there. */
static qf_status enthrone_champion(vote *v)
{
    tuning *t = v->t;
    const qf_scope scope = tuning_scope(t->options);
    const qf_champion *c = t->options->champions
                               ? qf_champions_find(t->options->champions, &scope, t->problem)
                               : NULL;

    if (!c || c->best.cache != t->bench.cache) return QF_OK;
    const int i = place_of(t, c->best.kernel);
    if (i < 0 || !is_close(t, i) || !is_as_judged(t, &c->best)) return QF_OK;
    const qf_trial trial = {*t->problem, c->best.kernel, t->bench.cache, t->ns[t->best]};
    tuning_word word;
    const qf_status status = tuning_try(t, &trial, &word);
    if (status == QF_NOT_FOUND) return QF_OK; /* quarantined */
    QF_TRY(status);
    if (word.outcome.verdict == QF_VERDICT_OK)
        v->leader = c->best.kernel, v->leader_ns = word.ns, v->reigns = true;
    return QF_OK;
}

/* Who was elected in an earlier search leads, as long as its code is what it was. */
static qf_status enthrone(vote *v)
{
    tuning *t = v->t;
    qf_best best;

    const qf_status status = tuning_best(t, &best);
    if (status != QF_OK && status != QF_NOT_FOUND) return status;
    if (status == QF_NOT_FOUND || !best.elected || !is_as_judged(t, &best))
        return enthrone_champion(v);
    v->leader = best.kernel, v->leader_ns = best.ns, v->reigns = true;
    return QF_OK;
}

/* Of the fastest few, or the favourite, which is none of them. */
static bool has_to_meet(const int *fastest, int count, int finalist)
{
    for (int i = QF_FINALISTS_LEAST; i < count; i++)
        if (fastest[i] == finalist) return false;
    return true;
}

/* The short duels of all but the first of `yet_to` finalists, and the leader's placements. */
static double reserve_of(const vote *v, int yet_to)
{
    return (yet_to - 1) * v->duel_s + PLACEMENTS * v->t->trial_s;
}

/* The finalists meet the leader, in the order of `index`.  Where time becomes short those who
 * do not have to are dropped.
 *   fastest  `close` of them, the fastest first
 *   *all     whether all who have to have met */
static qf_status challenge_all(vote *v, const int *index, int count, const int *fastest,
                               int close, bool *all)
{
    const tuning *t = v->t;
    int yet_to = 0;

    *all = false;
    for (int i = 0; i < count; i++) yet_to += has_to_meet(fastest, close, index[i]);
    for (int i = 0; i < count; i++) {
        const qf_kernel_id *next = &t->space.item[index[i]].kernel;
        const bool due = has_to_meet(fastest, close, index[i]);
        if (!may_go_on(v, due ? 0 : v->duel_s * (1 + yet_to))) {
            if (due) return QF_OK;
            continue;
        }
        if (!qf_kernel_equal(next, &v->leader))
            QF_TRY(challenge(v, next, t->ns[index[i]], 1.0 / (count - i),
                             reserve_of(v, count - i)));
        yet_to -= due;
        tell(v, next);
    }
    *all = true;
    return QF_OK;
}

qf_status tuning_elect(tuning *t, bool *complete)
{
    int fastest[FINALISTS] = {t->best}, index[FINALISTS + 1];
    const int close = finalists_of(t, fastest);
    bool all;

    memcpy(index, fastest, sizeof fastest);
    const int count = rank_finalists(t, index, close);
    vote v = {.t = t,
              .leader = t->space.item[index[0]].kernel,
              .leader_ns = t->ns[index[0]],
              .meetings = count + 1 + PLACEMENTS * (count < PLACED ? count + 1 : PLACED)};
    QF_TRY(enthrone(&v));
    const qf_kernel_id first = v.leader;
    const double first_ns = v.leader_ns;
    QF_TRY(challenge_all(&v, index, count, fastest, close, &all));
    if (all) QF_TRY(confirm(&v, &first, first_ns));
    if (all) QF_TRY(challenge_placements(&v, fastest, close));
    if (!all || v.unheard || tuning_stopped(t)) {
        *complete = false;
        return QF_OK;
    }
    return qf_election_put(t->options->store, t->options->session, t->problem, t->bench.cache,
                           &v.leader);
}
