/* test_measure.c -- timing, on a clock whose noise is known: that of a loaded virtual
 * machine, with drift, a long tail and pauses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <stdbool.h>

#include "qforge/clock.h"
#include "qforge/random.h"
#include "runtime/stopwatch.h"

/* A machine whose time passes only in calls. */
typedef struct machine {
    double time_ns;
    qf_random random;
    double noise; /* relative, of each call */
    double drift; /* the machine slows down and recovers by this much */
    bool pauses;  /* now and then another program runs */
    int runs;
    const void *ran[1 << 14]; /* who, last ones */
} machine;
enum { RAN = 1 << 14 };

typedef struct program {
    machine *machine;
    double cost_ns;
    int calls, befores, warm; /* the first `warm` calls cost up to ten times as much */
    int slow;                 /* the first so many cost twice as much */
} program;

static int64_t machine_now(void *context)
{
    return (int64_t)((machine *)context)->time_ns;
}

static void run(void *context)
{
    program *p = context;
    machine *m = p->machine;
    double cost = p->cost_ns * (1 + m->drift * sin(m->time_ns / 3e7));
    cost *= 1 + m->noise * fabs(qf_random_normal(&m->random));
    if (p->calls < p->warm) cost *= 10 - 9.0 * p->calls / p->warm;
    if (p->calls < p->slow) cost *= 2;
    p->calls++;
    m->ran[m->runs++ % RAN] = p;
    if (m->pauses && qf_random_below(&m->random, 2000) == 0) cost += 4e6;
    m->time_ns += cost;
}

static void prepare(void *context)
{
    program *p = context;
    p->befores++;
    p->machine->time_ns += 5000; /* must not be counted */
}

static machine quiet(uint64_t seed)
{
    return (machine){.random = qf_random_init(seed, 9)};
}

static machine loaded(uint64_t seed)
{
    return (machine){
        .random = qf_random_init(seed, 9), .noise = 0.05, .drift = 0.25, .pauses = true};
}

static void test_quiet_machine(void **state)
{
    (void)state;
    machine m = quiet(1);
    program p = {.machine = &m, .cost_ns = 1000};
    const qf_stopwatch watch = {machine_now, &m};
    const qf_timing t = qf_measure_by(&watch, &qf_measure_defaults, run, NULL, &p);

    assert_float_equal(t.median_ns, 1000, 1e-6);
    assert_float_equal(t.low_ns, 1000, 1e-6);
    assert_float_equal(t.high_ns, 1000, 1e-6);
    assert_float_equal(t.best_ns, 1000, 1e-6);
    assert_float_equal(t.mean_ns, 1000, 1e-6);
    assert_in_range(t.calls, 100, 200);
    assert_true(t.samples >= qf_measure_defaults.min_samples);
    /* At least the minimum, and no longer once the answer is known. */
    assert_true(m.time_ns >= 0.05e9 && m.time_ns < 0.06e9);
}

static void test_warm_up_is_not_counted(void **state)
{
    (void)state;
    machine m = quiet(2);
    program p = {.machine = &m, .cost_ns = 20000, .warm = 150};
    const qf_stopwatch watch = {machine_now, &m};
    const qf_timing t = qf_measure_by(&watch, &qf_measure_defaults, run, NULL, &p);
    assert_true(fabs(t.median_ns - 20000) < 1);
    assert_true(t.mean_ns < 20000 * 1.01);
}

static void test_loaded_machine(void **state)
{
    (void)state;
    machine m = loaded(3);
    program p = {.machine = &m, .cost_ns = 700};
    const qf_stopwatch watch = {machine_now, &m};
    qf_measure_options options = qf_measure_defaults;
    options.min_seconds = 0.6; /* some turns of the drift */
    const qf_timing t = qf_measure_by(&watch, &options, run, NULL, &p);

    assert_true(t.best_ns <= t.low_ns && t.low_ns <= t.median_ns && t.median_ns <= t.high_ns);
    assert_true(t.mean_ns > t.median_ns); /* pauses pull the mean, not the median */
    assert_float_equal(t.median_ns, 700 * 1.04, 700 * 0.1);
    assert_true(m.time_ns < 1.02e9);
}

static void test_limits(void **state)
{
    (void)state;
    machine m = quiet(4);
    m.noise = 1; /* never precise enough */
    program p = {.machine = &m, .cost_ns = 2e6};
    const qf_stopwatch watch = {machine_now, &m};
    qf_measure_options options = qf_measure_defaults;
    options.target = 1e-6, options.max_seconds = 0.2;
    const qf_timing t = qf_measure_by(&watch, &options, run, NULL, &p);
    assert_int_equal(t.calls, 1);
    assert_true(t.samples > 10);
    assert_true(m.time_ns >= 0.2e9 && m.time_ns < 0.3e9); /* and what settling took */
}

/* Calls of which hardly one fits: enough for an interval all the same, unless they are longer
 * than any patience. */
static void long_calls_are_sampled_enough(void **state)
{
    static const double cost_ns[] = {30e6, 130e6, 2e9};
    (void)state;
    for (int i = 0; i < 3; i++) {
        machine m = quiet(5);
        m.noise = 0.05;
        program a = {.machine = &m, .cost_ns = cost_ns[i]},
                b = {.machine = &m, .cost_ns = 1.02 * cost_ns[i]};
        const qf_stopwatch watch = {machine_now, &m};
        qf_measure_options options = qf_measure_defaults;
        options.max_seconds = 0.4;
        const qf_comparison c = qf_compare_by(&watch, &options, 5, (qf_side){run, NULL, &a},
                                              (qf_side){run, NULL, &b});
        const qf_timing t = qf_measure_by(&watch, &options, run, NULL, &a);
        if (i < 2) assert_in_range(c.pairs, 6, 7);
        if (i < 2) assert_in_range(t.samples, 6, 14);
        if (i == 2) assert_int_equal(c.pairs, 1);
        if (i == 2) assert_int_equal(t.samples, 1);
        assert_true(i < 2 || !qf_comparison_won(&c));
    }
}

static void test_give_up(void **state)
{
    (void)state;
    machine m = quiet(5);
    const qf_stopwatch watch = {machine_now, &m};
    qf_measure_options options = qf_measure_defaults;
    options.give_up_ns = 1e6;

    program slow = {.machine = &m, .cost_ns = 3e6};
    qf_timing t = qf_measure_by(&watch, &options, run, NULL, &slow);
    assert_int_equal(slow.calls, 2);
    assert_int_equal(t.samples, 1);
    assert_float_equal(t.median_ns, 3e6, 1);

    /* Only the first call is slow: cold, not hopeless. */
    program cold = {.machine = &m, .cost_ns = 0.5e6, .warm = 1};
    t = qf_measure_by(&watch, &options, run, NULL, &cold);
    assert_true(t.samples > 1);
    assert_float_equal(t.median_ns, 0.5e6, 1);
}

static void test_before_is_untimed(void **state)
{
    (void)state;
    machine m = quiet(6);
    program p = {.machine = &m, .cost_ns = 300};
    const qf_stopwatch watch = {machine_now, &m};
    const qf_timing t = qf_measure_by(&watch, &qf_measure_defaults, run, prepare, &p);
    assert_int_equal(t.calls, 1);
    assert_int_equal(p.befores, p.calls);
    assert_float_equal(t.median_ns, 300, 1);
}

static void test_frozen_clock(void **state)
{
    (void)state;
    machine m = quiet(7);
    program p = {.machine = &m, .cost_ns = 0};
    const qf_stopwatch watch = {machine_now, &m};
    qf_measure_options options = qf_measure_defaults;
    options.sample_ns = 1;
    options.max_seconds = options.min_seconds = 0; /* else such a clock never ends it */
    const qf_timing t = qf_measure_by(&watch, &options, run, NULL, &p);
    assert_true(t.median_ns > 0);
}

static qf_comparison compare(uint64_t seed, double slower)
{
    machine m = loaded(seed);
    program a = {.machine = &m, .cost_ns = 9000}, b = {.machine = &m, .cost_ns = 9000 * slower};
    const qf_stopwatch watch = {machine_now, &m};
    return qf_compare_by(&watch, &qf_measure_defaults, seed, (qf_side){run, NULL, &a},
                         (qf_side){run, NULL, &b});
}

/* Equal programs: the interval misses 1 in about 5 % of the runs, and never by much. */
static void test_equal_programs(void **state)
{
    (void)state;
    enum { RUNS = 100 };
    int missed = 0;
    for (int seed = 0; seed < RUNS; seed++) {
        const qf_comparison c = compare((uint64_t)seed, 1);
        missed += c.ratio_low > 1 || c.ratio_high < 1;
        assert_true(c.ratio_low <= c.ratio && c.ratio <= c.ratio_high);
        assert_float_equal(c.ratio, 1, 0.02);
    }
    assert_in_range(missed, 0, RUNS / 10);
}

/* A slow-down of 3 % under noise of 25 % is found every time. */
static void test_small_slow_down(void **state)
{
    (void)state;
    for (int seed = 0; seed < 25; seed++) {
        const qf_comparison c = compare((uint64_t)seed, 1.03);
        assert_true(c.ratio_low > 1);
        assert_float_equal(c.ratio, 1.03, 0.02);
    }
}

static void test_unequal_programs(void **state)
{
    (void)state;
    machine m = loaded(8);
    program a = {.machine = &m, .cost_ns = 100}, b = {.machine = &m, .cost_ns = 1e6};
    const qf_stopwatch watch = {machine_now, &m};
    const qf_comparison c = qf_compare_by(&watch, &qf_measure_defaults, 1,
                                          (qf_side){run, NULL, &a}, (qf_side){run, NULL, &b});
    assert_true(c.ratio > 9000 && c.ratio < 11000);
    assert_true(c.a.calls > 500);
    assert_int_equal(c.b.calls, 1);
    assert_int_equal(c.a.samples, c.pairs);
    assert_int_equal(c.b.samples, c.pairs);
}

/* A side with fewer calls a sample would pay more of what the first of them costs. */
static void test_rivals_have_equal_calls(void **state)
{
    (void)state;
    machine m = quiet(10);
    program a = {.machine = &m, .cost_ns = 7e3}, b = {.machine = &m, .cost_ns = 30e3};
    const qf_stopwatch watch = {machine_now, &m};
    const qf_comparison c = qf_compare_by(&watch, &qf_measure_defaults, 1,
                                          (qf_side){run, NULL, &a}, (qf_side){run, NULL, &b});
    assert_int_equal(c.a.calls, c.b.calls);
    assert_true(c.a.calls > 10);
    assert_true(c.ratio > 4.2 && c.ratio < 4.4);
}

static qf_comparison race(double slower, int slow)
{
    machine m = quiet(10);
    program a = {.machine = &m, .cost_ns = 1e5},
            b = {.machine = &m, .cost_ns = 1e5 * slower, .slow = slow};
    const qf_stopwatch watch = {machine_now, &m};
    qf_measure_options options = qf_measure_defaults;

    options.lost = 1.12;
    return qf_compare_by(&watch, &options, 5, (qf_side){run, NULL, &a},
                         (qf_side){run, NULL, &b});
}

/* A sure loser leaves after a third of the shortest time; one that is near, or faster, is heard
 * to the end, and so is one that begins slowly. */
static void test_losers_leave(void **state)
{
    (void)state;
    const int pairs = (int)(qf_measure_defaults.min_seconds * 1e9 / 3 / 3e5);
    const qf_comparison lost = race(2, 0);
    assert_true(lost.pairs >= pairs && lost.pairs <= pairs + pairs / 5);
    assert_true(race(1.05, 0).pairs > 2 * pairs);
    assert_true(race(0.5, 0).pairs > 2 * pairs);
    const qf_comparison late = race(1, 25);
    assert_true(late.pairs > 2 * pairs);
    assert_true(late.ratio > 0.99 && late.ratio < 1.01);
}

/* Every pair is one run of each; which goes first is a coin's. */
static void test_order_is_random(void **state)
{
    (void)state;
    machine m = quiet(9);
    program a = {.machine = &m, .cost_ns = 1e5}, b = a; /* one call fills a sample */
    const qf_stopwatch watch = {machine_now, &m};
    qf_measure_options options = qf_measure_defaults;
    int b_first = 0;

    options.target = -1; /* never precise enough */
    options.max_seconds = 0.5;
    const qf_comparison c =
        qf_compare_by(&watch, &options, 77, (qf_side){run, NULL, &a}, (qf_side){run, NULL, &b});
    assert_true(c.pairs > 1000);
    for (int pair = 0; pair < c.pairs; pair++) {
        const int at = m.runs - 2 * (c.pairs - pair);
        const void *first = m.ran[at % RAN], *second = m.ran[(at + 1) % RAN];
        assert_true((first == &a && second == &b) || (first == &b && second == &a));
        b_first += first == &b;
    }
    assert_in_range(b_first, c.pairs * 2 / 5, c.pairs * 3 / 5);
}

/* A turn runs before every sample, not before every call, and is not timed. */
static void test_turns_are_untimed(void **state)
{
    (void)state;
    machine m = quiet(10);
    program a = {.machine = &m, .cost_ns = 1000}, b = {.machine = &m, .cost_ns = 2000};
    const qf_stopwatch watch = {machine_now, &m};
    const qf_comparison c = qf_compare_by(
        &watch, &qf_measure_defaults, 1, (qf_side){run, prepare, &a}, (qf_side){run, NULL, &b});
    assert_float_equal(c.a.median_ns, 1000, 1e-6);
    assert_float_equal(c.ratio, 2, 1e-9);
    assert_true(c.a.calls >= 100);
    assert_in_range(a.befores, c.pairs, a.calls / 10);
    assert_int_equal(b.befores, 0);
}

static void spin(void *context)
{
    volatile double *x = context;
    for (int i = 0; i < 2000; i++) *x = *x * 0.999 + 1;
}

static void test_the_real_clock(void **state)
{
    (void)state;
    double x = 1;
    qf_measure_options options = qf_measure_defaults;
    options.max_seconds = 0.2;
    const int64_t start = qf_now_ns();
    const qf_timing t = qf_measure(&options, spin, NULL, &x);
    assert_true(t.median_ns > 100 && t.median_ns < 1e8);
    assert_true(t.samples >= 1 && t.best_ns <= t.median_ns);
    const qf_comparison c =
        qf_compare(&options, 1, (qf_side){spin, NULL, &x}, (qf_side){spin, NULL, &x});
    assert_true(c.ratio > 0.5 && c.ratio < 2);
    /* Generous: the machine that runs the tests is shared. */
    assert_true(qf_now_ns() - start < 20 * INT64_C(1000000000));
}

static void test_what_wins(void **state)
{
    (void)state;
    assert_true(
        qf_comparison_won(&(qf_comparison){.ratio = 0.97, .ratio_high = 0.98, .pairs = 6}));
    /* The extremes of five are no interval of 95 %. */
    assert_false(
        qf_comparison_won(&(qf_comparison){.ratio = 0.97, .ratio_high = 0.98, .pairs = 5}));
    assert_false(
        qf_comparison_won(&(qf_comparison){.ratio = 0.97, .ratio_high = 1.01, .pairs = 99}));
    /* Sure, and too little to be sure of. */
    const qf_comparison little = {.ratio = 0.998, .ratio_high = 0.999, .pairs = 99};
    assert_false(qf_comparison_won(&little));
    assert_false(qf_comparison_leads(&little));
    assert_true(
        qf_comparison_leads(&(qf_comparison){.ratio = 0.989, .ratio_high = 1.1, .pairs = 6}));
    assert_false(qf_comparison_leads(&(qf_comparison){.ratio = 0.97, .pairs = 5}));
    assert_false(qf_comparison_leads(&(qf_comparison){.ratio = 0.991, .pairs = 99}));
}

/* Rounds as they come, and how many were asked for. */
typedef struct script {
    const double *ratio; /* 0: fails */
    int asked;
} script;

/* Each a little surer, and with fewer pairs, than the one before. */
static qf_status next_round(void *context, int round, qf_comparison *comparison)
{
    script *s = context;
    const double ratio = s->ratio[round], half = 0.008 - 0.001 * round;

    assert_int_equal(round, s->asked++);
    if (ratio == 0) return QF_IO;
    *comparison = (qf_comparison){.ratio = ratio,
                                  .ratio_low = ratio - half,
                                  .ratio_high = ratio + half,
                                  .pairs = 20 - round};
    return QF_OK;
}

static void matches_are_won_in_most_rounds(void **state)
{
    static const struct {
        double ratio[5], median, high;
        int asked;
        bool leads, won;
    } cases[] = {
        {{0.95, 0.97, 0.96}, 0.96, 0.966, 3, true, true},
        {{0.95, 0.96, 0.99}, 0.96, 0.967, 3, true, true},
        {{0.97, 0.985, 0.985}, 0.985, 0.991, 3, true, false}, /* sure of it in one alone */
        {{1.01, 0.95, 0.97, 0.96}, 0.965, 0.9705, 4, true, true},
        {{0.95, 1.01, 0.97, 1.02, 0.96}, 0.97, 0.976, 5, true, true},
        {{0.985, 1.01, 0.985, 1.02, 0.98}, 0.985, 0.993, 5, true, false},
        {{0.995, 1.01, 0.985, 1.02, 0.98}, 0.995, 1.003, 5, false, false},
        {{0.95, 1.01, 0.97, 1.02, 1.04}, 1.01, 1.017, 5, false, false},
        {{1.01, 1.02, 1.03}, 1.02, 1.027, 3, false, false},
        {{1.027, 0.95, 0.95, 0.95}, 0.95, 0.9565, 4, true, true},
        {{1.03}, 1.03, 1.038, 1, false, false}, /* surely lost */
        {{0.99, 1.1, 1.1, 1.1}, 1.1, 1.1055, 4, false, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        script s = {cases[i].ratio, 0};
        qf_comparison c;
        assert_int_equal(qf_compare_match(5, 1.02, next_round, &s, &c), QF_OK);
        assert_int_equal(s.asked, cases[i].asked);
        assert_true(fabs(c.ratio - cases[i].median) < 1e-12);
        assert_true(fabs(c.ratio_high - cases[i].high) < 1e-12);
        assert_true(c.ratio_low < c.ratio);
        assert_int_equal(qf_comparison_leads(&c), cases[i].leads);
        assert_int_equal(qf_comparison_won(&c), cases[i].won);
        assert_int_equal(c.pairs, 21 - cases[i].asked);
    }
    static const double even[] = {1.5, 1.5, 1.5}, fails[] = {0.9, 0};
    script s = {even, 0}, t = {fails, 0};
    qf_comparison c;
    assert_int_equal(qf_compare_match(3, 0, next_round, &s, &c), QF_OK);
    assert_int_equal(s.asked, 2);
    assert_int_equal(qf_compare_match(3, 0, next_round, &t, &c), QF_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quiet_machine),
        cmocka_unit_test(test_warm_up_is_not_counted),
        cmocka_unit_test(test_loaded_machine),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(long_calls_are_sampled_enough),
        cmocka_unit_test(test_give_up),
        cmocka_unit_test(test_before_is_untimed),
        cmocka_unit_test(test_frozen_clock),
        cmocka_unit_test(test_equal_programs),
        cmocka_unit_test(test_turns_are_untimed),
        cmocka_unit_test(test_small_slow_down),
        cmocka_unit_test(test_unequal_programs),
        cmocka_unit_test(test_order_is_random),
        cmocka_unit_test(test_rivals_have_equal_calls),
        cmocka_unit_test(test_what_wins),
        cmocka_unit_test(matches_are_won_in_most_rounds),
        cmocka_unit_test(test_losers_leave),
        cmocka_unit_test(test_the_real_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
