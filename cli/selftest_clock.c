/* selftest_clock.c -- a kernel against a copy of itself, or against one that does a little
 * less, by the rule that decides a tuning. */
#include "selftest_clock.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>

#include "autotune/challenge.h"
#include "autotune/prior.h"
#include "interrupt.h"
#include "options.h"
#include "progress.h"
#include "qforge/clock.h"
#include "qforge/memory.h"
#include "qforge/source.h"

typedef struct verdicts {
    int wins;       /* of the copy, by the tuner's rule where nobody was elected before */
    int long_duels; /* that rule asked for */
    int sure;       /* intervals that lie below 1, without the rule's margin */
    double largest; /* gain that the pairs say is there for sure */
    double *needed; /* by how much the copy must be faster for the pairs to say so */
    double *ratio;  /* time of the copy / time of the kernel */
    double *spent;  /* seconds, everything in it */
} verdicts;

/* The copy would take the kernel's seat. */
typedef struct contender {
    qf_bench *bench;
    qf_duel *duel;
    qf_comparison first; /* the short duel */
    int long_duels;
} contender;

static qf_status meet(void *context, qf_duel_length length, qf_comparison *comparison)
{
    contender *c = context;
    qf_conditions unused;

    c->duel->length = length;
    QF_TRY(qf_clock_duel(c->bench, c->duel, comparison, &unused));
    if (length == QF_DUEL_SHORT) c->first = *comparison;
    c->long_duels += length == QF_DUEL_LONG;
    return QF_OK;
}

static bool has_time(void *context)
{
    (void)context;
    return true;
}

static qf_status compare_once(const selftest_clock *test, qf_bench *bench, qf_duel *duel,
                              int index, verdicts *v)
{
    const int64_t start = qf_now_ns();
    contender copy = {.bench = bench, .duel = duel};
    const qf_challenge rule = {false, meet, has_time, &copy};
    const qf_comparison *first = &copy.first;
    qf_comparison last;
    bool won;

    duel->seed = (uint64_t)(test->seed + 2 * index);
    QF_TRY(qf_challenge_hold(&rule, &last, &won));
    v->spent[index] = 1e-9 * (double)(qf_now_ns() - start);
    v->wins += won;
    v->long_duels += copy.long_duels;
    v->sure += first->ratio_high < 1;
    v->largest = fmax(v->largest, 1 - first->ratio_high);
    v->needed[index] = fmax(0, 1 - 1 / qf_comparison_bar(first));
    v->ratio[index] = first->ratio;
    return QF_OK;
}

static qf_status compare_all(const selftest_clock *test, qf_bench *bench, qf_duel *duel,
                             verdicts *v)
{
    cli_progress progress = cli_progress_start(test->json);
    const int64_t start = qf_now_ns();
    const int count = (int)test->comparisons;
    qf_status status = QF_OK;

    for (int i = 0; status == QF_OK && i < count; i++) {
        if (cli_interrupted()) return qf_fail(QF_INTERRUPTED, "interrupted");
        status = compare_once(test, bench, duel, i, v);
        cli_progress_count(&progress, "comparisons", i + 1, count,
                           cli_seconds_left(start, i + 1, count));
    }
    cli_progress_end(&progress);
    return status;
}

static void print_json(const selftest_clock *test, const char *problem, const char *cache,
                       double difference, double smallest, double ratio, const verdicts *v)
{
    json_t *o = json_pack("{s:s, s:s, s:I}", "problem", problem, "cache", cache, "comparisons",
                          (json_int_t)test->comparisons);

    if (difference > 0)
        json_object_set_new(o, "difference_percent", json_real(100 * difference));
    json_object_set_new(o, difference > 0 ? "found" : "false_alarms", json_integer(v->wins));
    json_object_set_new(o, "without_margin", json_integer(v->sure));
    json_object_set_new(o, "long_duels", json_integer(v->long_duels));
    if (difference <= 0) {
        json_object_set_new(o, "largest_false_gain_percent", json_real(100 * v->largest));
        json_object_set_new(o, "smallest_detectable_percent", json_real(100 * smallest));
    }
    json_object_set_new(o, "median_ratio", json_real(ratio));
    json_object_set_new(o, "seconds_each", json_real(test->seconds));
    json_object_set_new(o, "median_seconds",
                        json_real(qf_quantile(v->spent, (int)test->comparisons, 0.5)));
    json_dumpf(o, stdout, JSON_COMPACT | JSON_REAL_PRECISION(4));
    printf("\n");
    json_decref(o);
}

static void print(const selftest_clock *test, const qf_problem *p, double difference,
                  verdicts *v)
{
    const int count = (int)test->comparisons;
    const char *cache = qf_cache_mode_name(qf_tune_cache_mode(p));
    char problem[QF_NAME_MAX];

    qf_problem_print(p, problem);
    qf_sort(v->needed, count);
    qf_sort(v->ratio, count);
    qf_sort(v->spent, count);
    const double smallest = qf_quantile(v->needed, count, 0.95);
    const double ratio = qf_quantile(v->ratio, count, 0.5);
    if (test->json) {
        print_json(test, problem, cache, difference, smallest, ratio, v);
        return;
    }
    if (difference > 0) {
        printf("%s, %s, against a copy that does %.2f %% less: %d of %d comparisons found it\n",
               problem, cache, 100 * difference, v->wins, count);
        return;
    }
    printf("%s, %s, against its own copy: %d of %d comparisons gave a false win\n", problem,
           cache, v->wins, count);
    printf("a kernel faster by %.2f %% is told in 19 of 20 comparisons of %g s\n",
           100 * smallest, test->seconds);
}

/* Panels of the copy: whole columns of tiles, so that it does less and nothing else is
 * otherwise. */
static qf_status leave_out(double percent, const qf_problem *p, const qf_kernel_id *id,
                           int64_t *panels, double *difference)
{
    const int panel = qf_isa_panel(id->isa), step = id->tile.nr / panel;
    const int64_t all = (p->n + panel - 1) / panel;
    const int64_t out = llround(percent / 100 * (double)all / step) * step;

    *panels = 0;
    *difference = 0;
    if (percent <= 0) return QF_OK;
    if (p->op != QF_FORWARD || p->n % panel || out < 1 || out >= all)
        return qf_fail(QF_USAGE, "--difference: %g %% of %lld columns are no whole tiles of %d",
                       percent, (long long)p->n, id->tile.nr);
    *panels = all - out;
    *difference = (double)out / (double)all;
    return QF_OK;
}

static qf_status run(const selftest_clock *test, const qf_kernel *kernel, qf_bench *bench)
{
    const size_t count = (size_t)test->comparisons;
    verdicts v = {.needed = qf_alloc_array(count, sizeof *v.needed),
                  .ratio = qf_alloc_array(count, sizeof *v.ratio),
                  .spent = qf_alloc_array(count, sizeof *v.spent)};
    qf_duel duel = {.a = &kernel->id, .b = &kernel->id, .seconds = test->seconds};
    double difference;

    qf_status status = v.needed && v.ratio && v.spent ? QF_OK : QF_MEMORY;
    if (status == QF_OK)
        status = leave_out(test->difference, &bench->problem, &kernel->id, &duel.b_panels,
                           &difference);
    duel.ns = qf_prior_ns(bench->options->cpu, &bench->problem, &kernel->id);
    if (status == QF_OK) status = compare_all(test, bench, &duel, &v);
    if (status == QF_OK) print(test, &bench->problem, difference, &v);
    qf_free(v.needed);
    qf_free(v.ratio);
    qf_free(v.spent);
    return status;
}

qf_status selftest_clock_run(const selftest_clock *test, const cli_machine *machine,
                             const qf_problem *problem)
{
    const qf_tune_options options = {
        .cpu = &machine->cpu, .jit = machine->jit, .pool = machine->pool};
    qf_bench bench = qf_bench_of(&options, problem);
    qf_kernel kernel;

    QF_TRY(machine->source->find(machine->source->self, problem, &kernel));
    const qf_status status = run(test, &kernel, &bench);
    qf_bench_close(&bench);
    return status;
}
