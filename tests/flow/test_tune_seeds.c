/* test_tune_seeds.c -- what won elsewhere is where a search begins, and is judged here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autotune/space.h"
#include "exported.h"
#include "ledger_fixture.h"
#include "qforge/champions.h"
#include "qforge/tune.h"

static qf_cpu cpu;
static qf_jit *jit;
static qf_problem problem;
static qf_space space;

static int start(void **state)
{
    (void)state;
    if (qf_cpu_detect(&cpu) != QF_OK || qf_jit_create(NULL, &jit) != QF_OK) return -1;
    if (qf_problem_parse("fast_q4g32_1x96x160_t1", &problem) != QF_OK) return -1;
    return qf_space_build(&cpu, &problem, QF_RECIPE_COUNT, &space) == QF_OK ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    qf_space_release(&space);
    qf_jit_destroy(jit);
    return 0;
}

enum { TRIED = 16 };

typedef struct order {
    int count;
    qf_kernel_id kernel[TRIED];
} order;

static void report(void *context, const qf_tune_event *event)
{
    order *o = context;
    if (!event->final && o->count < TRIED) o->kernel[o->count++] = *event->kernel;
}

static order tune_by(qf_strategy strategy, const qf_champions *champions, int trials)
{
    order o = {0};
    qf_tune_result result;
    qf_store *store = check_ledger_open(QF_STORE_WRITE);
    const qf_session_info info = {
        &cpu, QF_CODE_ABI, qf_codegen_version(), "exhaustive", "test", 1, 0};
    qf_tune_options options = {.cpu = &cpu,
                               .jit = jit,
                               .store = store,
                               .strategy = strategy,
                               .budget_s = 20,
                               .trials = trials,
                               .recipe = QF_RECIPE_COUNT,
                               .champions = champions,
                               .report = report,
                               .context = &o};
    assert_int_equal(qf_session_begin(store, &info, &options.session), QF_OK);
    if (qf_tune(&options, &problem, &result) != QF_OK) fail_msg("%s", qf_message());
    assert_true(result.found);
    assert_int_equal(result.measured + result.failed + result.reused, trials);
    qf_store_close(store);
    return o;
}

static order tune_beside(const qf_champions *champions, int trials)
{
    return tune_by(QF_STRATEGY_EXHAUSTIVE, champions, trials);
}

static order tune(int trials)
{
    return tune_beside(NULL, trials);
}

/* A win of the kernel, on a product of some machine and ABI. */
static void won_by(const char *path, const qf_cpu *where, int abi, const qf_problem *product,
                   const qf_kernel_id *kernel, double ns)
{
    const qf_trial trial = {*product, *kernel, qf_tune_cache_mode(product), 1000};
    qf_session_info info = check_info;
    qf_store *store;
    int64_t session;

    info.cpu = where;
    info.code_abi = abi;
    assert_int_equal(qf_store_open(path, QF_STORE_WRITE, &store), QF_OK);
    assert_int_equal(qf_session_begin(store, &info, &session), QF_OK);
    check_tried(store, session, &trial, ns);
    assert_int_equal(qf_session_end(store, session, QF_SESSION_DONE), QF_OK);
    qf_store_close(store);
}

/* Of another machine or ABI. */
static void won(const char *path, const qf_cpu *where, int abi, const qf_kernel_id *kernel,
                double ns)
{
    won_by(path, where, abi, &problem, kernel, ns);
}

/* Far from where any strategy begins. */
static const qf_kernel_id *far(int back)
{
    return &space.item[space.count - 1 - back].kernel;
}

static void what_won_elsewhere_is_tried_first(void **state)
{
    (void)state;
    if (space.count < 8) skip();
    qf_kernel_id placed = *far(1);
    placed.tile.align = 64;
    won(check_ledger, &check_cpu, QF_CODE_ABI, far(2), 500); /* another machine */
    won(check_ledger, &cpu, QF_CODE_ABI + 1, &placed, 400);  /* other code */
    const order o = tune(4);
    assert_true(qf_kernel_equal(&o.kernel[0], far(1))); /* the faster one */
    assert_true(qf_kernel_equal(&o.kernel[1], far(2)));
    for (int i = 2; i < 4; i++) {
        assert_false(qf_kernel_equal(&o.kernel[i], far(1)));
        assert_false(qf_kernel_equal(&o.kernel[i], far(2)));
    }
}

static void a_file_from_outside_is_a_seed(void **state)
{
    (void)state;
    if (space.count < 8) skip();
    for (int format = QF_EXCHANGE_CSV; format <= QF_EXCHANGE_T4; format++) {
        qf_import result;
        check_ledger_clean(NULL);
        check_ledger_fresh(NULL);
        won(check_place("other.db"), &cpu, QF_CODE_ABI, far(3), 500);
        char *text = check_exported(check_place("other.db"), (qf_exchange)format, NULL);
        check_place_text(check_place("f"), text, strlen(text));
        free(text);
        assert_int_equal(qf_store_import(check_ledger, check_place("f"), &result), QF_OK);
        const order o = tune(1);
        assert_true(qf_kernel_equal(&o.kernel[0], far(3)));
        assert_int_equal(o.count, 1);
    }
}

/* Of those that are near enough the nearest, and after what won this very product elsewhere. */
static void what_won_the_nearest_product_is_tried(void **state)
{
    qf_problem near = problem, nearer = problem, other = problem;

    (void)state;
    if (space.count < 8) skip();
    near.n *= 4, nearer.n *= 2, other.m *= 4;
    won_by(check_ledger, &cpu, QF_CODE_ABI, &other, far(0), 100);
    order o = tune(2);
    for (int i = 0; i < 2; i++) assert_false(qf_kernel_equal(&o.kernel[i], far(0)));

    check_ledger_clean(NULL);
    check_ledger_fresh(NULL);
    won_by(check_ledger, &cpu, QF_CODE_ABI, &near, far(3), 100);
    won_by(check_ledger, &cpu, QF_CODE_ABI, &nearer, far(2), 500);
    won(check_ledger, &cpu, QF_CODE_ABI + 1, far(1), 400);
    o = tune(3);
    assert_true(qf_kernel_equal(&o.kernel[0], far(1)));
    assert_true(qf_kernel_equal(&o.kernel[1], far(2)));
    assert_false(qf_kernel_equal(&o.kernel[2], far(3)));
}

/* Other products have taught that it takes twice as long as expected, so that nobody would look
 * at it for long, and it may be the fastest here. */
static void the_prior_s_favourite_is_tried(void **state)
{
    enum { PRODUCTS = 24, TRIALS = 8 };
    int first = 0;

    (void)state;
    if (space.count <= TRIALS || space.count * PRODUCTS < 200) skip();
    for (int i = 1; i < space.count; i++)
        if (space.item[i].predicted_ns < space.item[first].predicted_ns) first = i;
    qf_session_info info = check_info;
    qf_store *store = check_ledger_open(QF_STORE_WRITE);
    int64_t session;
    info.cpu = &cpu;
    assert_int_equal(qf_session_begin(store, &info, &session), QF_OK);
    for (int p = 2; p < 2 + PRODUCTS; p++)
        for (int i = 0; i < space.count; i++) {
            qf_trial trial = {problem, space.item[i].kernel, qf_tune_cache_mode(&problem),
                              space.item[i].predicted_ns * p};
            trial.problem.n *= p;
            check_tried(store, session, &trial, trial.predicted_ns * (i == first ? 2 : 1));
        }
    assert_int_equal(qf_session_end(store, session, QF_SESSION_DONE), QF_OK);
    qf_store_close(store);

    const order o = tune_by(QF_STRATEGY_GUIDED, NULL, TRIALS);
    bool tried = false;
    for (int i = 0; i < o.count; i++)
        tried |= qf_kernel_equal(&o.kernel[i], &space.item[first].kernel);
    assert_true(tried);
}

/* Everything tried was about as fast, nobody is elected yet, and there is a champion; returns
 * whether it was the first to be challenged. */
static bool leads(const qf_champions *champions)
{
    enum { TRIALS = 6 };
    char name[QF_NAME_MAX], text[QF_NAME_MAX + 120];

    check_sql("DROP TRIGGER IF EXISTS outcome_fixed; DROP TRIGGER IF EXISTS election_kept; "
              "DELETE FROM election; "
              "UPDATE outcome SET low_ns = 900, median_ns = 1000 + trial, high_ns = 1100");
    const int64_t last = check_sql_number("SELECT coalesce(max(id), 0) FROM comparison");
    tune_beside(champions, TRIALS);
    qf_kernel_print(&champions->item[0].best.kernel, name);
    snprintf(text, sizeof text,
             "SELECT a = (SELECT id FROM kernel WHERE name = '%s') FROM comparison WHERE "
             "id > %lld ORDER BY id",
             name, (long long)last);
    return check_sql_number(text) == 1;
}

/* Of this very machine and code, and placed as no candidate is. */
static void a_shipped_champion_leads(void **state)
{
    (void)state;
    if (space.count < 8) skip();
    tune(6);
    qf_champion champion = {.best = {.problem = problem,
                                     .kernel = space.item[4].kernel,
                                     .cache = qf_tune_cache_mode(&problem),
                                     .elected = true,
                                     .settled = true},
                            .code_abi = QF_CODE_ABI};
    qf_kernel_id *kernel = &champion.best.kernel;
    const qf_champions champions = {1, &champion};
    qf_gemm_fn *run;

    kernel->tile.align = 64;
    memcpy(champion.tune_key, cpu.tune_key, sizeof champion.tune_key);
    assert_int_equal(qf_jit_get(jit, kernel, &run, champion.best.code_hash), QF_OK);
    assert_true(leads(&champions));
    /* Beside another one it is a seed at most. */
    champion.best.code_hash[0] ^= 1;
    assert_false(leads(&champions));
    champion.best.code_hash[0] ^= 1;
    champion.code_abi++;
    assert_false(leads(&champions));
}

/* Of other kernels, problems and kinds of memory there is nothing to begin with. */
static void without_seeds_nothing_changes(void **state)
{
    (void)state;
    const order before = tune(3);
    check_ledger_clean(NULL);
    check_ledger_fresh(NULL);
    qf_kernel_id foreign = *far(0);
    foreign.tile.mr = 31;
    won(check_ledger, &check_cpu, QF_CODE_ABI, &foreign, 500);
    const order after = tune(3);
    for (int i = 0; i < 3; i++)
        assert_true(qf_kernel_equal(&before.kernel[i], &after.kernel[i]));
}

int main(void)
{
#define SEED_TEST(name)                                                                        \
    cmocka_unit_test_setup_teardown(name, check_ledger_fresh, check_ledger_clean)
    const struct CMUnitTest tests[] = {
        SEED_TEST(what_won_elsewhere_is_tried_first),
        SEED_TEST(a_file_from_outside_is_a_seed),
        SEED_TEST(what_won_the_nearest_product_is_tried),
        SEED_TEST(the_prior_s_favourite_is_tried),
        SEED_TEST(a_shipped_champion_leads),
        SEED_TEST(without_seeds_nothing_changes),
    };
    return cmocka_run_group_tests(tests, start, end);
}
