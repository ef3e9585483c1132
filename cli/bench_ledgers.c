/* bench_ledgers.c -- qforge bench ledgers: the kernels of two ledgers, or of one and of the
 * prior alone, against each other in pairs: what tuning brought, and whether tuning again
 * brings the same. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autotune/operands.h"
#include "bench.h"
#include "inference.h"
#include "machine.h"
#include "options.h"
#include "progress.h"
#include "qforge/clock.h"
#include "qforge/codegen.h"
#include "qforge/memory.h"
#include "qforge/source.h"
#include "qforge/store.h"
#include "qforge/tune.h"

enum { PROBLEMS_MAX = 1024, ROUNDS_MAX = 99 };

/* As much apart as nobody would call different. */
static const double same = 1.02;

typedef struct match {
    qf_problem problem;
    qf_kernel a, b;
    /* Time with b / time with a; 1 where the kernel is the same.  The median of the rounds, and
     * the ends of all their intervals. */
    double ratio, low, high;
    double round[ROUNDS_MAX];
    /* While they were elected, of the fastest the machine was seen at; 0: not known. */
    double pace_a, pace_b;
} match;

typedef struct request {
    const char *file_a, *file_b; /* file_b NULL: the prior */
    double seconds;
    int64_t rounds;
    bool json;
    cli_machine machine; /* of no ledger */
    qf_store *store_a, *store_b;
    qf_tuned *a, *b;
    match *rows;
    int count;
} request;

/* ---- what is compared ---- */

static bool see(void *context, const char *tune_key, int code_abi, const qf_best *best)
{
    request *r = context;

    (void)tune_key, (void)code_abi;
    r->rows[r->count++].problem = best->problem;
    return r->count < PROBLEMS_MAX;
}

static qf_status ask(const qf_tuned *tuned, const qf_problem *problem, qf_kernel *kernel)
{
    const qf_kernel_source *source = qf_tuned_source(tuned);
    return source->find(source->self, problem, kernel);
}

/* The problems both were tuned for; against the prior, all of the ledger's. */
static qf_status choose(request *r)
{
    const qf_scope scope = {r->machine.cpu.tune_key, QF_CODE_ABI};
    int kept = 0;

    r->rows = qf_alloc_array(PROBLEMS_MAX, sizeof *r->rows);
    if (!r->rows) return QF_MEMORY;
    QF_TRY(qf_store_each_best(r->store_a, &scope, see, r));
    for (int i = 0; i < r->count; i++) {
        match *row = &r->rows[i];
        QF_TRY(ask(r->a, &row->problem, &row->a));
        QF_TRY(ask(r->b, &row->problem, &row->b));
        if (row->a.rung == QF_RUNG_EXACT && (!r->store_b || row->b.rung == QF_RUNG_EXACT))
            r->rows[kept++] = *row;
    }
    r->count = kept;
    if (kept) return QF_OK;
    return qf_fail(QF_NO_CONFIG, "%s: nothing in it was tuned on this kind of machine%s",
                   r->file_a, r->store_b ? " and is in the other ledger too" : "");
}

/* ---- how fast the machine was when they were chosen ---- */

static qf_pace pace_of(qf_store *store, const qf_scope *scope, const qf_problem *problem)
{
    qf_pace pace;
    if (!store ||
        qf_store_pace(store, scope, problem, qf_tune_cache_mode(problem), &pace) != QF_OK)
        return (qf_pace){0};
    return pace;
}

/* Both ledgers are taken to be this machine's. */
static void look_at_paces(request *r)
{
    const qf_scope scope = {r->machine.cpu.tune_key, QF_CODE_ABI};
    double least = HUGE_VAL;

    for (int i = 0; i < r->count; i++) {
        match *row = &r->rows[i];
        const qf_pace a = pace_of(r->store_a, &scope, &row->problem);
        const qf_pace b = pace_of(r->store_b, &scope, &row->problem);
        if (a.ns > 0) least = fmin(least, a.least_ns);
        if (b.ns > 0) least = fmin(least, b.least_ns);
        row->pace_a = a.ns, row->pace_b = b.ns;
    }
    for (int i = 0; i < r->count; i++) {
        match *row = &r->rows[i];
        if (row->pace_a > 0) row->pace_a = least / row->pace_a;
        if (row->pace_b > 0) row->pace_b = least / row->pace_b;
    }
}

static bool has_paces(const match *row)
{
    return row->pace_a > 0 && row->pace_b > 0;
}

/* Kernels elected on a fast machine and on a slow one are answers to two questions. */
static bool at_one_pace(const match *row)
{
    const double slow = fmin(row->pace_a, row->pace_b), fast = fmax(row->pace_a, row->pace_b);
    return has_paces(row) && slow >= QF_SLOW_PACE * fast;
}

/* ---- pairs ---- */

static qf_status compare(const request *r, int round, qf_operands *operands, match *row)
{
    const double seconds = r->seconds / (double)r->rounds;
    const qf_measure_options options = {.min_seconds = seconds / 4,
                                        .max_seconds = seconds,
                                        .sample_ns = 200e3,
                                        .target = 0.003,
                                        .min_samples = 9};
    qf_subject a, b;

    QF_TRY(qf_subject_init(operands, &row->a, &a));
    const qf_status status = qf_subject_init(operands, &row->b, &b);
    if (status == QF_OK) {
        const qf_comparison pairs =
            qf_compare(&options, (uint64_t)round, qf_subject_side(&a), qf_subject_side(&b));
        row->round[round] = pairs.ratio;
        row->low = fmin(row->low, pairs.ratio_low);
        row->high = fmax(row->high, pairs.ratio_high);
        qf_subject_release(&b);
    }
    qf_subject_release(&a);
    return status;
}

static qf_status measure(request *r, int round, match *row)
{
    qf_operands operands;
    qf_pool *pool;

    if (qf_kernel_equal(&row->a.id, &row->b.id)) return QF_OK;
    QF_TRY(qf_pool_create(row->problem.threads, &pool));
    qf_status status = qf_operands_init_elsewhere(&r->machine.cpu, &row->problem,
                                                  qf_tune_cache_mode(&row->problem), pool,
                                                  (uint64_t)round, &operands);
    if (status == QF_OK) {
        status = compare(r, round, &operands, row);
        qf_operands_release(&operands);
    }
    qf_pool_destroy(pool);
    return status;
}

/* ---- figures ---- */

static void print_row(const match *row)
{
    char problem[QF_NAME_MAX], a[QF_NAME_MAX], b[QF_NAME_MAX];

    qf_problem_print(&row->problem, problem);
    qf_kernel_print(&row->a.id, a);
    qf_kernel_print(&row->b.id, b);
    if (qf_kernel_equal(&row->a.id, &row->b.id))
        printf("%-34s the same kernel: %s\n", problem, a);
    else
        printf("%-34s %.3f [%.3f, %.3f]  %s, %s%s\n", problem, row->ratio, row->low, row->high,
               a, b,
               has_paces(row) && !at_one_pace(row) ? " (one of them on a slow machine)" : "");
}

static json_t *row_json(const match *row)
{
    char problem[QF_NAME_MAX], a[QF_NAME_MAX], b[QF_NAME_MAX];

    qf_problem_print(&row->problem, problem);
    qf_kernel_print(&row->a.id, a);
    qf_kernel_print(&row->b.id, b);
    return json_pack("{s:s, s:s, s:s, s:[f, f, f], s:[f, f]}", "problem", problem, "a", a, "b",
                     b, "ratio", row->low, row->ratio, row->high, "pace", row->pace_a,
                     row->pace_b);
}

typedef struct summary {
    int problems, equal, near;
    int paced, paced_near;    /* of those that were elected at about the same pace */
    double mean, least, most; /* of the ratios; the geometric mean */
} summary;

static summary sum_up(const request *r)
{
    summary s = {.problems = r->count, .least = HUGE_VAL};
    double logs = 0;

    for (int i = 0; i < r->count; i++) {
        const match *row = &r->rows[i];
        s.equal += qf_kernel_equal(&row->a.id, &row->b.id);
        const bool near = row->ratio <= same && row->ratio >= 1 / same;
        s.near += near;
        s.paced += at_one_pace(row);
        s.paced_near += near && at_one_pace(row);
        logs += log(row->ratio);
        s.least = fmin(s.least, row->ratio);
        s.most = fmax(s.most, row->ratio);
    }
    s.mean = exp(logs / r->count);
    return s;
}

static void print_summary(const request *r, json_t *rows)
{
    const summary s = sum_up(r);
    const char *const other = r->file_b ? r->file_b : "the prior";

    if (r->json) {
        json_t *o = json_pack("{s:s, s:s, s:i, s:i, s:i, s:i, s:i, s:f, s:f, s:f, s:O}", "a",
                              r->file_a, "b", other, "problems", s.problems, "same_kernel",
                              s.equal, "within_2_percent", s.near, "at_one_pace", s.paced,
                              "of_these_within_2_percent", s.paced_near, "geomean", s.mean,
                              "least", s.least, "most", s.most, "rows", rows);
        json_dumpf(o, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
        printf("\n");
        json_decref(o);
        return;
    }
    printf("\n%d products: time with %s / time with %s\n", s.problems, other, r->file_a);
    printf("  the same kernel   %d\n  within 2 percent  %d (%.0f %%)\n", s.equal, s.near,
           100.0 * s.near / s.problems);
    printf("  geometric mean    %.3f, from %.3f to %.3f\n", s.mean, s.least, s.most);
    if (r->file_b && s.paced < s.problems)
        printf("  %d were elected on a machine as fast both times, of these %d within 2 "
               "percent\n",
               s.paced, s.paced_near);
}

/* All products, then all again: what a machine does in one minute, and where the data came to
 * lie, may favour one of two kernels by more than they differ. */
static qf_status measure_all(request *r)
{
    cli_progress progress = cli_progress_start(r->json);
    qf_status status = QF_OK;

    for (int i = 0; i < r->count; i++) {
        match *row = &r->rows[i];
        row->ratio = row->low = row->high = 1;
        if (!qf_kernel_equal(&row->a.id, &row->b.id)) row->low = HUGE_VAL, row->high = 0;
    }
    const int total = (int)r->rounds * r->count;
    const int64_t start = qf_now_ns();
    for (int done = 0; status == QF_OK && done < total;) {
        status = measure(r, done / r->count, &r->rows[done % r->count]);
        done++;
        cli_progress_count(&progress, "comparisons", done, total,
                           cli_seconds_left(start, done, total));
    }
    cli_progress_end(&progress);
    return status;
}

static qf_status compare_all(request *r)
{
    QF_TRY(measure_all(r));
    json_t *rows = json_array();
    for (int i = 0; i < r->count; i++) {
        match *row = &r->rows[i];
        if (!qf_kernel_equal(&row->a.id, &row->b.id)) {
            qf_sort(row->round, (int)r->rounds);
            row->ratio = qf_quantile(row->round, (int)r->rounds, 0.5);
        }
        if (!r->json) print_row(row);
        json_array_append_new(rows, row_json(row));
    }
    print_summary(r, rows);
    json_decref(rows);
    return QF_OK;
}

/* ---- the command ---- */

static qf_status open_ledger(const char *path, qf_store **store)
{
    const qf_status status = qf_store_open(path, QF_STORE_READ, store);
    return status == QF_NOT_FOUND ? qf_fail(QF_IO, "%s: no ledger there yet", path) : status;
}

static qf_status execute(request *r)
{
    const cli_machine *m = &r->machine;

    QF_TRY(open_ledger(r->file_a, &r->store_a));
    if (r->file_b) QF_TRY(open_ledger(r->file_b, &r->store_b));
    QF_TRY(cli_machine_open(1, "none", &r->machine));
    QF_TRY(qf_tuned_create(&m->cpu, m->jit, r->store_a, &r->a));
    QF_TRY(qf_tuned_create(&m->cpu, m->jit, r->store_b, &r->b));
    QF_TRY(choose(r));
    look_at_paces(r);
    return compare_all(r);
}

qf_status cli_bench_ledgers(int argc, char **argv)
{
    request r = {.seconds = 3, .rounds = 5};
    const cli_option options[] = {
        {"seconds", 0, CLI_REAL, &r.seconds, "S",
         "longest time per product, of all rounds (3)"},
        {"rounds", 0, CLI_INT, &r.rounds, "N", "compare everything N times (5)"},
        {"json", 'j', CLI_FLAG, &r.json, NULL, "for programs"},
        {0}};
    int rest;
    bool help;

    QF_TRY(cli_parse(argc, argv, "qforge bench ledgers LEDGER [OTHER] [options]", options,
                     &rest, &help));
    if (help) return QF_OK;
    if (argc - rest < 1 || argc - rest > 2)
        return qf_fail(QF_USAGE, "bench ledgers: say which ledger, and which other if not the "
                                 "prior");
    QF_TRY(cli_check_seconds(r.seconds, 3600));
    QF_TRY(cli_check_int("rounds", r.rounds, 1, ROUNDS_MAX));
    r.file_a = argv[rest];
    r.file_b = argc - rest > 1 ? argv[rest + 1] : NULL;
    const qf_status status = execute(&r);
    qf_tuned_destroy(r.a);
    qf_tuned_destroy(r.b);
    cli_machine_close(&r.machine);
    qf_store_close(r.store_a);
    qf_store_close(r.store_b);
    qf_free(r.rows);
    return status;
}
