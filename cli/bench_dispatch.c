/* bench_dispatch.c -- qforge bench dispatch: how long a product waits for its kernel, when it
 * is asked for the first time and ever after. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "machine.h"
#include "options.h"
#include "qforge/champion_table.h"
#include "qforge/clock.h"
#include "qforge/codegen.h"
#include "qforge/measure.h"
#include "qforge/random.h"
#include "qforge/store.h"

enum { PROBLEMS_MAX = 512, ASKS = 4096 };

typedef struct request {
    const char *ledger;
    int64_t threads;
    bool json;
    cli_machine machine;
    qf_problem problem[PROBLEMS_MAX]; /* tuned ones, then as many a little wider */
    int problems, tuned;
    int order[ASKS]; /* which are asked for, one after the other */
    int wrong;
    int64_t found;            /* in the table */
    qf_champion_table *table; /* NULL: none beside the ledger */
} request;

/* Of ASKS questions. */
typedef struct answers {
    double tuned_ms, learn_ms, others_ms;
    qf_timing again, table;
} answers;

static bool add(void *context, const char *tune_key, int code_abi, const qf_best *best)
{
    request *r = context;

    (void)tune_key, (void)code_abi;
    if (best->kernel.isa == r->machine.source->isa) r->problem[r->problems++] = best->problem;
    return r->problems < PROBLEMS_MAX / 2;
}

/* Without a ledger the products of a small layer will do. */
static qf_status choose(request *r)
{
    const qf_scope scope = {r->machine.cpu.tune_key, QF_CODE_ABI};

    if (r->machine.store) QF_TRY(qf_store_each_best(r->machine.store, &scope, add, r));
    r->tuned = r->problems;
    const int wider = r->tuned ? r->tuned : 8;
    for (int i = 0; i < wider; i++) {
        const qf_problem plain = {QF_FAST, QF_FORWARD, QF_Q4, 64, i + 1, 256, 256, 1};
        qf_problem p = r->tuned ? r->problem[i] : plain;
        p.n += 96;
        r->problem[r->problems++] = p;
    }
    return QF_OK;
}

static qf_status ask(request *r, int i)
{
    qf_kernel kernel;
    const qf_kernel_source *source = r->machine.source;
    return source->find(source->self, &r->problem[i], &kernel);
}

/* Milliseconds of each of [first, last) asked for the first time. */
static qf_status ask_first(request *r, int first, int last, double *ms)
{
    const int64_t start = qf_now_ns();

    *ms = 0;
    for (int i = first; i < last; i++) QF_TRY(ask(r, i));
    if (last > first) *ms = (double)(qf_now_ns() - start) * 1e-6 / (last - first);
    return QF_OK;
}

static void ask_again(void *context)
{
    request *r = context;
    for (int i = 0; i < ASKS; i++) r->wrong += ask(r, r->order[i]) != QF_OK;
}

/* In the mapped table, the tuned ones; a problem it lacks is looked for as long. */
static void look_up(void *context)
{
    request *r = context;
    const qf_scope scope = {r->machine.cpu.tune_key, QF_CODE_ABI};
    qf_best best;

    for (int i = 0; i < ASKS; i++)
        r->found += qf_champion_table_find(r->table, &scope,
                                           &r->problem[r->order[i] % r->tuned], &best);
}

static void print_json(const request *r, const answers *a)
{
    json_t *o = json_pack("{s:i, s:i, s:f, s:f, s:f, s:f, s:f, s:f}", "problems", r->problems,
                          "tuned", r->tuned, "first_tuned_ms", a->tuned_ms, "first_untuned_ms",
                          a->learn_ms, "other_untuned_ms", a->others_ms, "again_ns",
                          a->again.median_ns / ASKS, "again_low_ns", a->again.low_ns / ASKS,
                          "again_high_ns", a->again.high_ns / ASKS);

    if (r->table)
        json_object_update_new(o, json_pack("{s:I, s:f, s:f, s:f}", "table_rows",
                                            (json_int_t)qf_champion_table_count(r->table),
                                            "table_ns", a->table.median_ns / ASKS,
                                            "table_low_ns", a->table.low_ns / ASKS,
                                            "table_high_ns", a->table.high_ns / ASKS));
    json_dumpf(o, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
    printf("\n");
    json_decref(o);
}

static void print_ns(const char *what, const qf_timing *t)
{
    printf("  %-27s %9.1f ns [%.1f, %.1f]\n", what, t->median_ns / ASKS, t->low_ns / ASKS,
           t->high_ns / ASKS);
}

static void print(const request *r, const answers *a)
{
    if (r->json) {
        print_json(r, a);
        return;
    }
    printf("%d products, %d of them tuned\n", r->problems, r->tuned);
    if (r->tuned) printf("  first time, tuned           %9.2f ms each\n", a->tuned_ms);
    printf("  the first that is not tuned %9.2f ms: what others teach is learned then\n",
           a->learn_ms);
    printf("  first time, not tuned       %9.2f ms each\n", a->others_ms);
    print_ns("ever after", &a->again);
    if (r->table) print_ns("in the mapped table", &a->table);
}

static qf_status measure(request *r)
{
    qf_random random = qf_random_init(1, 0);
    answers a = {0};

    QF_TRY(choose(r));
    QF_TRY(ask_first(r, 0, r->tuned, &a.tuned_ms));
    QF_TRY(ask_first(r, r->tuned, r->tuned + 1, &a.learn_ms));
    QF_TRY(ask_first(r, r->tuned + 1, r->problems, &a.others_ms));
    for (int i = 0; i < ASKS; i++)
        r->order[i] = (int)qf_random_below(&random, (uint32_t)r->problems);
    a.again = qf_measure(&qf_measure_defaults, ask_again, NULL, r);
    if (r->wrong) return qf_fail(QF_RANGE, "a kernel that was found is no longer");
    if (r->tuned && r->machine.store)
        QF_TRY(qf_champion_table_open(r->machine.store, &r->table));
    if (r->table) a.table = qf_measure(&qf_measure_defaults, look_up, NULL, r);
    print(r, &a);
    qf_champion_table_close(r->table);
    return QF_OK;
}

qf_status cli_bench_dispatch(int argc, char **argv)
{
    static request r;
    const cli_option options[] = {{"db", 0, CLI_TEXT, &r.ledger, "FILE", "the tuning ledger"},
                                  {"json", 'j', CLI_FLAG, &r.json, NULL, "for programs"},
                                  {0}};
    int rest;
    bool help;

    r = (request){.threads = 1};
    QF_TRY(cli_parse(argc, argv, "qforge bench dispatch [options]", options, &rest, &help));
    if (help) return QF_OK;
    QF_TRY(cli_no_operands(argc, argv, rest));
    QF_TRY(cli_machine_open(r.threads, r.ledger, &r.machine));
    const qf_status status = measure(&r);
    cli_machine_close(&r.machine);
    return status;
}
