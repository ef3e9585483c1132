/* clocking.c -- glance, race and duel. */
#include "clocking.h"

#include <math.h>
#include <stdio.h>

#include "qforge/clock.h"
#include "qforge/codegen.h"
#include "worker.h"

/* A duel is a match of so many rounds at most, each in another process and, of a single copy of
 * the weights, other memory: whole processes lean to one side, most by up to a percent
 * (docs/performance.md) and some by several where weights half fill a cache, and no number of
 * pairs in one shows it. */
static const struct {
    int rounds, first;
    /* Of a duel's time what a round has, the first few and the others: where there is a large
     * difference, the first three of five tell it. */
    double share_of_first, share_of_later;
    double rest; /* between rounds, of a round's time: what a host is busy with may be over */
} lengths[] = {[QF_DUEL_SHORT] = {5, 3, 0.25, 0.06, 0},
               [QF_DUEL_LONG] = {QF_ROUNDS_MAX, 0, 0, 1.0 / QF_ROUNDS_MAX, 0},
               [QF_DUEL_LAST] = {QF_ROUNDS_MAX, 0, 0, 1.0 / QF_ROUNDS_MAX, 0.4}};
/* Further behind than this beyond doubt in its first round, b is not worth another. */
static const double surely_behind = 1.02;

/* Short, for a host's moods last for milliseconds: they then meet both sides of a pair.  With
 * samples of 200 us the least difference told in a second was two to three times as large. */
static const double sample_ns = 30e3;

static const qf_measure_options quick = {.min_seconds = 0.02,
                                         .max_seconds = 0.25,
                                         .sample_ns = sample_ns,
                                         .target = 0.01,
                                         .min_samples = 6};
static const qf_measure_options race = {.min_seconds = 0.03,
                                        .max_seconds = 0.3,
                                        .sample_ns = sample_ns,
                                        .target = 0.01,
                                        .min_samples = 6};
/* Of a round: rounds differ by more than half a percent. */
static const qf_measure_options careful = {.min_seconds = 0.02,
                                           .max_seconds = 0.8,
                                           .sample_ns = sample_ns,
                                           .target = 0.006,
                                           .min_samples = 9};
/* One call, to see whether it is worth a race. */
static const qf_measure_options glance = {.sample_ns = 1, .target = 1, .min_samples = 1};
/* Calls beyond this many times the fastest one's are not worth a second look, unless they are
 * so short that a look costs nothing and a busy machine may be to blame. */
static const double far_behind = 2.5, short_ns = 2e6;
/* The first may be what the host took the CPU away in. */
enum { GLANCES = 2 };

qf_bench qf_bench_of(const qf_tune_options *options, const qf_problem *problem)
{
    const qf_cache_mode cache = options->cache ? *options->cache : qf_tune_cache_mode(problem);
    return (qf_bench){.options = options, .problem = *problem, .cache = cache};
}

void qf_bench_close(qf_bench *bench)
{
    qf_operands_release(&bench->operands);
    *bench = (qf_bench){0};
}

/* Which pages of memory the weights got speaks for some kernels and against others, by several
 * percent and in every pair.  Nobody is to be lucky all along, so everything is timed in memory
 * of its own, but for weights so large that making them takes longer than timing them, and for
 * the many copies of cold ones, of which every sample reads others: they have all kinds of
 * pages.  Old operands go last, or the new ones would be where they were. */
static qf_status move_operands(qf_bench *bench)
{
    enum { MOST = 512 << 20 }; /* bytes */
    const bool many = bench->cache == QF_COLD && bench->operands.copies > 1;
    if (many || qf_operands_weight_bytes(&bench->operands) > MOST) return QF_OK;
    const uint64_t seed = bench->options->seed + (uint64_t)bench->moves++;
    qf_operands elsewhere;

    QF_TRY(qf_operands_init_elsewhere(bench->options->cpu, &bench->problem, bench->cache,
                                      bench->options->pool, seed, &elsewhere));
    qf_operands_release(&bench->operands);
    bench->operands = elsewhere;
    return QF_OK;
}

void qf_outcome_fail(qf_outcome *outcome, qf_verdict verdict, const char *detail)
{
    outcome->verdict = verdict;
    snprintf(outcome->detail, sizeof outcome->detail, "%.150s", detail);
}

/* Everything a worker needs is made before it: the loader's locks do not survive a fork. */
static qf_status load(qf_bench *bench, const qf_kernel_id *id, qf_kernel *kernel)
{
    *kernel = (qf_kernel){.id = *id};
    return qf_jit_get(bench->options->jit, id, &kernel->run, NULL);
}

/* CPU seconds no honest measurement needs: setting up, and a hundred products that take as
 * long as is expected of the slower one. */
static double patience(const qf_bench *bench, double ns)
{
    return bench->problem.threads * (10 + 100e-9 * ns);
}

/* ---- in the worker --------------------------------------------------------------------- */

typedef struct pairing {
    qf_bench *bench; /* the worker's own */
    const qf_measure_options *options;
    const qf_kernel *a, *b; /* b is the candidate; a may be NULL: alone */
    double a_ns, best_ns;   /* of a product: a's, and the fastest so far's */
    int64_t b_panels;       /* of the weights, for b; 0: all */
    double seconds;         /* a duel may be repeated within */
    uint64_t seed;          /* of the order within pairs */
} pairing;

/* What a worker leaves. */
typedef struct result {
    qf_outcome outcome; /* of clock_apart, and the rival's time then */
    double rival_ns;
    qf_comparison pairs; /* of duel_apart, and */
    qf_conditions conditions;
} result;

static qf_comparison compare(const pairing *p, qf_subject *a, qf_subject *b)
{
    return qf_compare(p->options, p->seed, qf_subject_side(a), qf_subject_side(b));
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

static qf_status run_race(const pairing *p, qf_subject *subject, qf_outcome *outcome,
                          double *rival_ns)
{
    qf_subject rival;
    qf_measure_options first = glance;

    if (p->a_ns > short_ns) {
        first.give_up_ns = far_behind * p->best_ns;
        bool lost = true;
        for (int look = 0; lost && look < GLANCES; look++) {
            outcome->timing = qf_measure(&first, qf_subject_run, NULL, subject);
            lost = outcome->timing.median_ns > first.give_up_ns;
        }
        if (lost) {
            qf_outcome_fail(outcome, QF_VERDICT_SLOW, "given up: far slower than the best");
            return QF_OK;
        }
    }
    QF_TRY(qf_subject_init(&p->bench->operands, p->a, &rival));
    const qf_comparison pairs = compare(p, &rival, subject);
    qf_subject_release(&rival);
    outcome->timing = in_terms_of(&pairs, p->a_ns);
    *rival_ns = pairs.a.median_ns;
    return QF_OK;
}

/* One timing of a candidate that is right; done again, it begins anew. */
typedef struct candidate {
    const pairing *p;
    qf_subject *subject;
    qf_outcome *outcome;
    double *rival_ns;
} candidate;

static qf_status time_candidate(void *context)
{
    const candidate *c = context;

    c->outcome->verdict = QF_VERDICT_OK;
    c->outcome->detail[0] = 0;
    if (c->p->a) return run_race(c->p, c->subject, c->outcome, c->rival_ns);
    c->outcome->timing = qf_measure(&quick, qf_subject_run, NULL, c->subject);
    return QF_OK;
}

static qf_status clock_apart(void *context, void *record)
{
    const pairing *p = context;
    result *r = record;
    qf_outcome *outcome = &r->outcome;
    qf_subject subject;

    QF_TRY(qf_pool_after_fork(p->bench->options->pool));
    QF_TRY(qf_operands_after_fork(&p->bench->operands));
    QF_TRY(qf_subject_init(&p->bench->operands, p->b, &subject));
    qf_status status = qf_subject_check(&subject);
    if (status == QF_WRONG) {
        qf_outcome_fail(outcome, QF_VERDICT_WRONG, qf_message());
        status = QF_OK;
    } else if (status == QF_OK) {
        status =
            qf_time_steadily(time_candidate, &(candidate){p, &subject, outcome, &r->rival_ns},
                             HUGE_VAL, NULL, NULL, &outcome->conditions);
    }
    qf_subject_release(&subject);
    return status;
}

typedef struct duellists {
    const pairing *p;
    qf_subject *a, *b;
    qf_comparison *pairs;
} duellists;

static qf_status time_duel(void *context)
{
    const duellists *d = context;
    *d->pairs = compare(d->p, d->a, d->b);
    return QF_OK;
}

static qf_status duel_apart(void *context, void *record)
{
    const pairing *p = context;
    result *r = record;
    qf_subject a, b;

    QF_TRY(qf_pool_after_fork(p->bench->options->pool));
    QF_TRY(qf_operands_after_fork(&p->bench->operands));
    QF_TRY(qf_subject_init(&p->bench->operands, p->a, &a));
    qf_status status = qf_subject_init_part(&p->bench->operands, p->b, p->b_panels, &b);
    if (status == QF_OK) {
        status = qf_time_steadily(time_duel, &(duellists){p, &a, &b, &r->pairs}, p->seconds,
                                  NULL, NULL, &r->conditions);
        qf_subject_release(&b);
    }
    qf_subject_release(&a);
    return status;
}

/* ---- outside it ------------------------------------------------------------------------ */

/* ns: of the slower kernel's product, as expected. */
static qf_status run_apart(qf_work *work, pairing *p, double ns, result *r, qf_death *death)
{
    QF_TRY(move_operands(p->bench));
    return qf_work_apart(work, p, r, sizeof *r, patience(p->bench, ns), death);
}

qf_status qf_clock(qf_bench *bench, const qf_kernel *kernel, double predicted_ns,
                   qf_rival *rival, qf_outcome *outcome)
{
    qf_kernel other;
    qf_measure_options options = race;
    pairing p = {
        .bench = bench, .options = &options, .b = kernel, .seed = bench->options->seed};
    result r = {.outcome = *outcome};
    qf_death death;

    if (rival->kernel) {
        QF_TRY(load(bench, rival->kernel, &other));
        p.a = &other;
        p.a_ns = rival->ns;
        p.best_ns = rival->best * rival->ns;
        options.lost = QF_CLOSE_BEHIND * rival->best;
    }
    QF_TRY(run_apart(clock_apart, &p, fmax(predicted_ns, p.a_ns), &r, &death));
    *outcome = r.outcome;
    rival->seen_ns = r.rival_ns;
    if (death.verdict != QF_VERDICT_OK) {
        char detail[96];
        snprintf(detail, sizeof detail, "while timed: %s", death.how);
        qf_outcome_fail(outcome, death.verdict, detail);
    }
    if (outcome->verdict != QF_VERDICT_OK) outcome->timing = (qf_timing){0};
    return QF_OK;
}

/* Code of its own, in a place of its own. */
static qf_status place(const qf_bench *bench, const qf_kernel_id *id, qf_jit **jit,
                       qf_kernel *kernel)
{
    *kernel = (qf_kernel){.id = *id};
    *jit = NULL;
    QF_TRY(qf_jit_create(qf_jit_cache(bench->options->jit), jit));
    return qf_jit_get(*jit, id, &kernel->run, NULL);
}

typedef struct duelling {
    qf_bench *bench;
    const qf_duel *duel;
    qf_conditions *conditions; /* so far */
} duelling;

/* Both codes and what they work on placed anew, in a new worker. */
static qf_status duel_once(void *context, int round, qf_comparison *comparison)
{
    const duelling *d = context;
    const qf_duel *duel = d->duel;
    qf_measure_options options = careful;
    qf_jit *jit[2] = {NULL, NULL};
    qf_kernel a, b;
    result r = {.outcome = {.verdict = QF_VERDICT_OK}};
    qf_death death = {.verdict = QF_VERDICT_OK};
    pairing p = {.bench = d->bench,
                 .options = &options,
                 .a = &a,
                 .b = &b,
                 .b_panels = duel->b_panels,
                 .seconds = duel->seconds * (round < lengths[duel->length].first
                                                 ? lengths[duel->length].share_of_first
                                                 : lengths[duel->length].share_of_later),
                 .seed = duel->seed + (uint64_t)round};

    const double rest = lengths[duel->length].rest;
    if (round > 0 && rest > 0) qf_rest(rest * p.seconds);
    options.max_seconds = fmin(options.max_seconds, p.seconds);
    options.min_seconds = fmin(options.min_seconds, p.seconds);
    qf_status status = place(d->bench, duel->a, &jit[0], &a);
    if (status == QF_OK) status = place(d->bench, duel->b, &jit[1], &b);
    if (status == QF_OK)
        status = run_apart(duel_apart, &p, QF_CLOSE_BEHIND * duel->ns, &r, &death);
    for (int i = 0; i < 2; i++) qf_jit_destroy(jit[i]);
    if (status == QF_OK && death.verdict != QF_VERDICT_OK)
        status = qf_fail(QF_NOT_FOUND, "a comparison died: %s", death.how);
    if (status != QF_OK) return status;
    *comparison = r.pairs;
    *d->conditions = qf_conditions_sum(d->conditions, &r.conditions);
    return QF_OK;
}

qf_status qf_clock_duel(qf_bench *bench, const qf_duel *duel, qf_comparison *comparison,
                        qf_conditions *conditions)
{
    *conditions = (qf_conditions){0};
    return qf_compare_match(lengths[duel->length].rounds, surely_behind, duel_once,
                            &(duelling){bench, duel, conditions}, comparison);
}
