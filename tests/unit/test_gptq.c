/* test_gptq.c -- GPTQ and its options against the optimal brain surgeon, and what the
 * options are for. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "qforge/half.h"
#include "qforge/memory.h"
#include "surgeon.h"

static const double DAMPING = 0.01;

typedef struct plan {
    const char *name;
    quant_options options;
} plan;

static const plan plans[] = {
    {"plain", {0}},
    {"static", {.static_groups = true}},
    {"order", {.act_order = true}},
    {"search", {.grid = QUANT_GRID_SEARCH}},
    {"static search", {.grid = QUANT_GRID_SEARCH, .static_groups = true}},
    {"order search", {.grid = QUANT_GRID_SEARCH, .act_order = true}},
};
enum { PLANS = sizeof plans / sizeof *plans };

/* Inputs of very different sizes, the large ones anywhere. */
static void spread_inputs(check_layer *l)
{
    for (int64_t i = 0; i < l->k; i++) {
        const float factor = i % 5 == 3 ? 6.0f : i % 3 ? 1.0f : 0.3f;
        for (int64_t t = 0; t < CHECK_TOKENS; t++) l->x[t * l->k + i] *= factor;
    }
    memset(l->h.sum, 0, (size_t)(l->k * l->k) * sizeof *l->h.sum);
    l->h.tokens = 0;
    hessian_add(&l->h, l->x, CHECK_TOKENS);
    assert_int_equal(hessian_diagonal(&l->h, "layer", l->diagonal), QF_OK);
}

static void run(check_layer *l, quant_options options, int64_t *order, qf_pool *pool)
{
    double damping = DAMPING;

    l->options = options;
    l->inputs.order = options.act_order ? order : NULL;
    if (order) assert_int_equal(hessian_order(l->diagonal, l->k, order), QF_OK);
    assert_int_equal(hessian_factor(&l->h, l->inputs.order, "layer", &damping, l->u), QF_OK);
    assert_int_equal(check_layer_try(l, gptq_quantise, pool), QF_OK);
}

static void it_is_the_optimal_brain_surgeon(void **state)
{
    (void)state;
    static const struct {
        int64_t n, k;
    } shapes[] = {{4, 3}, {4, 17}, {4, 32}, {24, 40}, {24, 70}};
    for (int p = 0; p < PLANS; p++)
        for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
            for (int bits = 2; bits <= 4; bits++) {
                int64_t order[70];
                check_layer l;
                check_layer_init(&l, shapes[s].n, shapes[s].k, bits, 32, QF_PARAMS_F32);
                spread_inputs(&l);
                run(&l, plans[p].options, order, NULL);
                const int different = check_surgeon_differences(&l, DAMPING, NULL);
                /* A weight half-way between two codes may fall either way and take the
                 * rest of its row along; so may two grids of equal cost. */
                if (different > (shapes[s].k > 32 ? 2 : 0))
                    fail_msg("%s, k = %d, %d bits: %d rows differ", plans[p].name,
                             (int)shapes[s].k, bits, different);
                check_layer_release(&l);
            }
}

static void orders_fall(void **state)
{
    (void)state;
    const float diagonal[] = {1, 5, 0, 5, 9, 1};
    const int64_t want[] = {4, 1, 3, 0, 5, 2};
    int64_t order[6];
    assert_int_equal(hessian_order(diagonal, 6, order), QF_OK);
    assert_memory_equal(order, want, sizeof want);
}

/* Mean loss of a plan over a few layers. */
static double loss_of(int p, int bits)
{
    static const int64_t depths[] = {96, 128, 172};
    double loss = 0;

    for (int d = 0; d < 3; d++) {
        int64_t order[172];
        check_layer l;
        check_layer_init(&l, 24, depths[d], bits, 32, QF_PARAMS_F16);
        spread_inputs(&l);
        run(&l, plans[p].options, order, NULL);
        loss += check_layer_loss(&l);
        check_layer_release(&l);
    }
    return loss;
}

static void options_are_worth_it(void **state)
{
    (void)state;
    for (int bits = 2; bits <= 4; bits++) {
        double loss[PLANS];
        for (int p = 0; p < PLANS; p++) loss[p] = loss_of(p, bits);
        assert_true(loss[2] < 0.7 * loss[1]); /* large inputs first, against as they are */
        assert_true(loss[5] < 0.8 * loss[4]);
        for (int p = 0; p < 3; p++) assert_true(loss[p + 3] < 0.6 * loss[p]); /* searched */
    }
}

/* With static groups scales and offsets are those of rounding to nearest. */
static void static_grids_are_of_the_given_weights(void **state)
{
    (void)state;
    for (int p = 0; p < PLANS; p++) {
        const bool fixed = plans[p].options.static_groups || plans[p].options.act_order;
        const size_t size = 24 * 6 * sizeof(float);
        float scale[24 * 6], offset[24 * 6];
        int64_t order[172];
        check_layer l;
        check_layer_init(&l, 24, 172, 3, 32, QF_PARAMS_F16);
        run(&l, plans[p].options, order, NULL);
        memcpy(scale, l.out.scale, size);
        memcpy(offset, l.out.offset, size);
        quantiser *nearest = plans[p].options.grid ? neuqi_quantise : rtn_quantise;
        assert_int_equal(check_layer_try(&l, nearest, NULL), QF_OK);
        assert_int_equal(memcmp(scale, l.out.scale, size) == 0, fixed);
        assert_int_equal(memcmp(offset, l.out.offset, size) == 0, fixed);
        check_layer_release(&l);
    }
}

static void threads_do_not_matter(void **state)
{
    (void)state;
    qf_pool *pool;
    assert_int_equal(qf_pool_create(3, &pool), QF_OK);
    for (int p = 0; p < PLANS; p++) {
        int64_t order[172];
        uint8_t code[23 * 172];
        check_layer l;
        check_layer_init(&l, 23, 172, 2, 32, QF_PARAMS_F16);
        run(&l, plans[p].options, order, NULL);
        memcpy(code, l.out.code, sizeof code);
        memset(l.out.code, 0, sizeof code);
        run(&l, plans[p].options, order, pool);
        assert_memory_equal(code, l.out.code, sizeof code);
        check_layer_release(&l);
    }
    qf_pool_destroy(pool);
}

/* Inputs that never fired, and fewer tokens than inputs. */
static void singular_hessians_are_handled(void **state)
{
    (void)state;
    for (int p = 0; p < PLANS; p++) {
        int64_t order[64];
        double damping = 0;
        check_layer l;
        check_layer_init(&l, 4, 64, 2, 32, QF_PARAMS_F16);
        for (int64_t t = 0; t < CHECK_TOKENS; t++)
            for (int64_t i = 0; i < 40; i++) l.x[t * 64 + i] = 0; /* one group is all dead */
        memset(l.h.sum, 0, 64 * 64 * sizeof *l.h.sum);
        l.h.tokens = 0;
        hessian_add(&l.h, l.x, 5);
        assert_int_equal(hessian_diagonal(&l.h, "layer", l.diagonal), QF_OK);
        l.options = plans[p].options;
        l.inputs.order = l.options.act_order ? order : NULL;
        assert_int_equal(hessian_order(l.diagonal, 64, order), QF_OK);
        assert_int_equal(hessian_factor(&l.h, l.inputs.order, "layer", &damping, l.u), QF_OK);
        assert_true(damping > 0);
        assert_int_equal(check_layer_try(&l, gptq_quantise, NULL), QF_OK);
        check_layer_loss(&l); /* checks the matrix */
        l.w[64 + 7] = NAN;
        assert_int_equal(check_layer_try(&l, gptq_quantise, NULL), QF_RANGE);
        assert_non_null(strstr(qf_message(), "block 3: weight nan at row 1, column 7"));
        check_layer_release(&l);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_the_optimal_brain_surgeon),
        cmocka_unit_test(orders_fall),
        cmocka_unit_test(options_are_worth_it),
        cmocka_unit_test(static_grids_are_of_the_given_weights),
        cmocka_unit_test(threads_do_not_matter),
        cmocka_unit_test(singular_hessians_are_handled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
