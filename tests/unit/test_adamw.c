/* test_adamw.c -- the optimiser against the formulas in double; groups that sit out;
 * clipping; refusal of NaN; the schedule; the same bits on any number of threads. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "qforge/random.h"
#include "train/adamw.h"
#include "train/schedule.h"

enum { GROUPS = 3, LONGEST = 20000 };
static const int64_t counts[GROUPS] = {5, LONGEST, 1};

struct problem {
    float value[GROUPS][LONGEST], gradient[GROUPS][LONGEST];
    tr_group group[GROUPS];
};

static void setup(struct problem *p)
{
    qf_random random = qf_random_init(7, 7);
    for (int g = 0; g < GROUPS; g++) {
        for (int64_t i = 0; i < counts[g]; i++)
            p->value[g][i] = (float)qf_random_normal(&random);
        p->group[g] =
            (tr_group){p->value[g], p->gradient[g], counts[g], g != 0, g == 2 ? 0.25 : 1};
    }
}

static void draw_gradients(struct problem *p, int step)
{
    qf_random random = qf_random_init(8, (uint64_t)step);
    for (int g = 0; g < GROUPS; g++)
        for (int64_t i = 0; i < counts[g]; i++)
            p->gradient[g][i] = (float)qf_random_normal(&random);
}

/* The formulas, as PyTorch's documentation of AdamW writes them. */
struct reference {
    double value[GROUPS][LONGEST], m[GROUPS][LONGEST], v[GROUPS][LONGEST];
    int steps[GROUPS];
};

static void reference_step(struct reference *r, const struct problem *p,
                           const tr_adamw_options *o, double speed, const bool *active)
{
    double square = 0;
    for (int g = 0; g < GROUPS; g++)
        for (int64_t i = 0; active[g] && i < counts[g]; i++)
            square += (double)p->gradient[g][i] * (double)p->gradient[g][i];
    const double norm = sqrt(square);
    const double shrink = o->clip > 0 && norm > o->clip ? o->clip / norm : 1;
    for (int g = 0; g < GROUPS; g++) {
        if (!active[g]) continue;
        const double t = ++r->steps[g], decay = g ? o->weight_decay : 0;
        const double rate = speed * p->group[g].pace;
        for (int64_t i = 0; i < counts[g]; i++) {
            const double d = (double)p->gradient[g][i] * shrink;
            double *m = &r->m[g][i], *v = &r->v[g][i], *value = &r->value[g][i];
            *m = o->beta1 * *m + (1 - o->beta1) * d;
            *v = o->beta2 * *v + (1 - o->beta2) * d * d;
            *value -= rate * decay * *value;
            *value -= rate * (*m / (1 - pow(o->beta1, t))) /
                      (sqrt(*v / (1 - pow(o->beta2, t))) + o->epsilon);
        }
    }
}

static void check_against_reference(double clip)
{
    static struct problem p;
    static struct reference r;
    tr_adamw_options options = tr_adamw_defaults;
    tr_adamw *adamw;

    memset(&r, 0, sizeof r);
    setup(&p);
    for (int g = 0; g < GROUPS; g++)
        for (int64_t i = 0; i < counts[g]; i++) r.value[g][i] = (double)p.value[g][i];
    options.weight_decay = 0.1;
    options.clip = clip;
    assert_int_equal(tr_adamw_create(&options, p.group, GROUPS, NULL, &adamw), QF_OK);
    for (int step = 0; step < 20; step++) {
        const bool active[GROUPS] = {step % 2 == 0, true, step % 3 == 1};
        draw_gradients(&p, step);
        reference_step(&r, &p, &options, 0.01, active);
        assert_int_equal(tr_adamw_step(adamw, 0.01, active, NULL), QF_OK);
    }
    for (int g = 0; g < GROUPS; g++) {
        assert_int_equal(tr_adamw_state_of(adamw).steps[g], r.steps[g]);
        for (int64_t i = 0; i < counts[g]; i++)
            assert_true(fabs((double)p.value[g][i] - r.value[g][i]) < 1e-5);
    }
    tr_adamw_destroy(adamw);
}

static void test_reference(void **state)
{
    (void)state;
    check_against_reference(0);
    check_against_reference(0.3);
}

/* A group that sits out keeps every bit: value, moments, counter. */
static void test_inactive(void **state)
{
    (void)state;
    static struct problem p;
    static float before[LONGEST];
    tr_adamw *adamw;
    double alone, both;

    setup(&p);
    assert_int_equal(tr_adamw_create(&tr_adamw_defaults, p.group, GROUPS, NULL, &adamw), QF_OK);
    draw_gradients(&p, 0);
    assert_int_equal(tr_adamw_step(adamw, 0.1, NULL, &both), QF_OK);
    for (int64_t i = 0; i < LONGEST; i++) assert_true(p.gradient[1][i] == 0);
    memcpy(before, p.value[1], sizeof before);
    const float moment = tr_adamw_state_of(adamw).first[counts[0] + 3];
    draw_gradients(&p, 1);
    const bool active[GROUPS] = {true, false, true};
    assert_int_equal(tr_adamw_step(adamw, 0.1, active, &alone), QF_OK);
    assert_memory_equal(before, p.value[1], sizeof before);
    assert_true(tr_adamw_state_of(adamw).first[counts[0] + 3] == moment);
    assert_int_equal(tr_adamw_state_of(adamw).steps[1], 1);
    assert_int_equal(tr_adamw_state_of(adamw).steps[0], 2);
    assert_true(alone < 10 && both > 100); /* the norm is of active gradients alone */
    tr_adamw_destroy(adamw);
}

static void test_not_finite(void **state)
{
    (void)state;
    static struct problem p;
    static float before[LONGEST];
    tr_adamw *adamw;

    setup(&p);
    assert_int_equal(tr_adamw_create(&tr_adamw_defaults, p.group, GROUPS, NULL, &adamw), QF_OK);
    draw_gradients(&p, 0);
    p.gradient[1][777] = NAN;
    memcpy(before, p.value[1], sizeof before);
    assert_int_equal(tr_adamw_step(adamw, 0.1, NULL, NULL), QF_RANGE);
    assert_memory_equal(before, p.value[1], sizeof before);
    assert_int_equal(tr_adamw_state_of(adamw).steps[1], 0);
    tr_adamw_destroy(adamw);
}

static void test_threads(void **state)
{
    (void)state;
    static struct problem p[2];
    for (int i = 0; i < 2; i++) {
        tr_adamw_options options = tr_adamw_defaults;
        qf_pool *pool;
        tr_adamw *adamw;
        options.clip = 1;
        setup(&p[i]);
        assert_int_equal(qf_pool_create(1 + 2 * i, &pool), QF_OK);
        assert_int_equal(tr_adamw_create(&options, p[i].group, GROUPS, pool, &adamw), QF_OK);
        for (int step = 0; step < 3; step++) {
            draw_gradients(&p[i], step);
            assert_int_equal(tr_adamw_step(adamw, 0.1, NULL, NULL), QF_OK);
        }
        tr_adamw_destroy(adamw);
        qf_pool_destroy(pool);
    }
    assert_memory_equal(p[0].value, p[1].value, sizeof p[0].value);
}

static void test_schedule(void **state)
{
    (void)state;
    const tr_schedule cosine = {TR_COSINE, 1.0, 0.1, 10, 110};
    assert_true(fabs(tr_schedule_rate(&cosine, 0) - 0.1) < 1e-12);
    assert_true(fabs(tr_schedule_rate(&cosine, 9) - 1.0) < 1e-12);
    assert_true(fabs(tr_schedule_rate(&cosine, 10) - 1.0) < 1e-12);
    assert_true(fabs(tr_schedule_rate(&cosine, 109) - 0.1) < 1e-12);
    assert_true(fabs(tr_schedule_rate(&cosine, 500) - 0.1) < 1e-12);
    for (int step = 10; step < 109; step++)
        assert_true(tr_schedule_rate(&cosine, step + 1) < tr_schedule_rate(&cosine, step));
    const tr_schedule stable = {TR_STABLE, 1.0, 0.2, 10, 110};
    assert_true(fabs(tr_schedule_rate(&stable, 4) - 0.5) < 1e-12);
    for (int step = 10; step <= 59; step++) assert_true(tr_schedule_rate(&stable, step) == 1);
    for (int step = 60; step < 109; step++) /* a line of 49.5 steps */
        assert_true(fabs(tr_schedule_rate(&stable, step) - 0.2 - 0.8 * (109 - step) / 49.5) <
                    1e-12);
    assert_true(fabs(tr_schedule_rate(&stable, 109) - 0.2) < 1e-12);
    assert_true(tr_schedule_rate(&stable, 500) == 0.2);
    const tr_schedule constant = {TR_CONSTANT, 0.5, 0, 0, 10};
    assert_true(tr_schedule_rate(&constant, 0) == 0.5);
    assert_true(tr_schedule_rate(&constant, 99) == 0.5);
    assert_int_equal(tr_schedule_check(&constant), QF_OK);
    const tr_schedule bad = {TR_CONSTANT, NAN, 0, 0, 10};
    assert_int_equal(tr_schedule_check(&bad), QF_RANGE);
}

static void a_schedule_has_a_name(void **state)
{
    char text[3][TR_SCHEDULE_MAX], other[TR_SCHEDULE_MAX];
    tr_decay decay;
    (void)state;

    assert_int_equal(tr_decay_named("constant", &decay), QF_OK);
    assert_int_equal(decay, TR_CONSTANT);
    assert_int_equal(tr_decay_named("cosine", &decay), QF_OK);
    assert_int_equal(decay, TR_COSINE);
    assert_int_equal(tr_decay_named("stable", &decay), QF_OK);
    assert_int_equal(decay, TR_STABLE);
    assert_int_equal(tr_decay_named("linear", &decay), QF_USAGE);
    /* Runs that take the same steps have the same recipe, others have not. */
    for (int d = 0; d < 3; d++) {
        const tr_schedule longer = {(tr_decay)d, 1e-3, 0, 5, 200};
        tr_schedule_print(&(tr_schedule){(tr_decay)d, 1e-3, 0, 5, 100}, text[d]);
        tr_schedule_print(&longer, other);
        assert_int_equal(strcmp(text[d], other) == 0, d == TR_CONSTANT);
    }
    assert_string_not_equal(text[TR_COSINE], text[TR_STABLE]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reference),  cmocka_unit_test(test_inactive),
        cmocka_unit_test(test_not_finite), cmocka_unit_test(test_threads),
        cmocka_unit_test(test_schedule),   cmocka_unit_test(a_schedule_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
