/* test_hot_loops.c -- reads the assembly of kernels, of instruction sets this machine may
 * lack: no calls, no accumulator spilt where the products are, nothing but
 * full-width vectors, and as many products as there should be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalogue.h"
#include "listing.h"
#include "qforge/codegen.h"
#include "qforge/pack.h"
#include "spills.h"

enum { SAMPLE = 6 };

static check_listing here;

static void emit(const qf_kernel_id *id)
{
    if (!check_listing_make(id, &here)) fail_msg("%s: %s", here.name, qf_message());
}

static check_span whole(void)
{
    return (check_span){0, here.lines - 1};
}

static check_span hot_loop(bool bytes, bool pure)
{
    check_span loop = {0, -1};
    if (!check_hot_loop(&here, bytes, pure, &loop)) fail_msg("%s: no hot loop", here.name);
    return loop;
}

/* ---- rules ---- */

static int spills(check_span s)
{
    int found = 0;
    for (int i = s.first; i <= s.last; i++) found += check_on_stack(&here, i);
    return found;
}

/* Every product of the loop works on whole vectors. */
static void check_width(check_span loop, const char *product)
{
    const char *whole_register = check_words_of(here.id->isa).whole;
    for (int i = loop.first; i <= loop.last; i++)
        if (check_has(&here, i, product) && !check_has(&here, i, whole_register))
            fail_msg("%s: a narrow product:%s", here.name, here.line[i]);
}

static void check_products(check_span loop, int found, int want)
{
    if (found != want)
        fail_msg("%s: %d products in lines %d to %d, wants %d", here.name, found, loop.first,
                 loop.last, want);
}

static void check_floats(check_span loop)
{
    const check_words w = check_words_of(here.id->isa);
    check_width(loop, w.fma[0]);
    check_width(loop, w.fma[1]);
}

/* fp32 outer product: nothing but the products, their operands and the loop itself. */
static void check_outer(const qf_kernel_id *id)
{
    const int vectors = id->tile.nr / (qf_isa_panel(id->isa) / 2);
    /* where weights are made of codes there are multiply-adds as well */
    const check_span loop = hot_loop(false, true);

    check_products(loop, check_count_fma(&here, loop), id->tile.mr * vectors * id->tile.unroll);
    check_floats(loop);
    if (spills(loop)) fail_msg("%s: %d spills", here.name, spills(loop));
}

/* Weights come and go, and may wait; sums stay, or are away once in a block of 32 k. */
static void check_rows(check_span loop)
{
    check_floats(loop);
    if (check_sums_on_stack(&here, loop) > 1) fail_msg("%s: a sum on the stack", here.name);
}

/* The integer sums change with every quad: one without a register would be stored eight times
 * in a block of 32 k.  What waits for them may do so elsewhere: the floats they are
 * added to, sums of runs that are over, words of codes. */
static void check_stores(check_span loop, int blocks, int waiting)
{
    int stores = 0;

    for (int i = loop.first; i <= loop.last; i++) {
        int before = 0;
        if (!check_to_stack(&here, i)) continue;
        for (int j = loop.first; j < i; j++)
            before += check_to_stack(&here, j) && strcmp(here.line[j], here.line[i]) == 0;
        if (before >= 4 * blocks) fail_msg("%s: stored again:%s", here.name, here.line[i]);
        stores++;
    }
    if (stores > waiting) fail_msg("%s: stores %d, %d wait", here.name, stores, waiting);
}

/* What a run of products gave is added to what waits when it is over, not product by product.
 */
static void check_sums(check_span loop, int runs)
{
    const int added = check_sums_on_stack(&here, loop);
    if (added > (runs > 2 ? runs : 2))
        fail_msg("%s: a sum is added to %d times on the stack", here.name, added);
}

/* All quads of a group, for every row, plane of activations, vector and half of a code too
 * wide for the instruction, or all fours of a panel, which what is looked up fits into one
 * vector; two quads at once for rows that come in fours, where there is a product of matrices.
 */
static void check_bytes(const qf_kernel_id *id)
{
    const check_words w = check_words_of(id->isa);
    const int bits = qf_quant_of(id->quant)->bits;
    const int halves = bits > w.dot_bits ? bits / w.dot_bits : 1;
    const int vectors = id->tile.nr / (qf_isa_panel(id->isa) / 2);
    const int planes = qf_recipe_of(id->recipe)->planes;
    const bool tables = planes == QF_TABLES;
    const int rows = id->tile.mr * (tables ? 1 : planes);
    const check_span loop = hot_loop(true, false);

    const int fours = w.matrix ? rows / 4 * 4 : 0, quads = id->group / QF_QUAD_K;
    check_products(loop, check_count(&here, loop, w.dot),
                   (rows - fours) * vectors * quads * halves / (tables ? 2 : 1));
    check_width(loop, w.dot);
    if (fours) {
        check_products(loop, check_count(&here, loop, w.matrix), fours * vectors * quads / 2);
        check_width(loop, w.matrix);
    }
    /* Packed panels are taken one after the other. */
    const bool packed = qf_recipe_of(id->recipe)->depth == QF_DEPTH_WHOLE;
    const int passes = packed ? vectors / 2 : 1;
    const int sums = rows * (tables ? 1 : vectors / passes);
    const int blocks = id->group / QF_BLOCK_K * halves * passes;
    if (strcmp(qf_isa_of(id->isa)->arch, "x86_64") == 0)
        check_sums(loop, id->group / QF_BLOCK_K * halves);
    else
        check_stores(loop, blocks, id->tile.mr * vectors + 2 * blocks * sums);
}

/* Vectors that wait on the stack do so within lines, wherever the caller left it. */
static void check_alignment(void)
{
    int waiting = 0, aligned = 0;

    if (strcmp(qf_isa_of(here.id->isa)->arch, "x86_64") != 0) return;
    for (int i = whole().first; i <= whole().last; i++) {
        waiting += check_on_stack(&here, i);
        aligned += check_has(&here, i, "andq\t$-64, %rsp");
    }
    if (waiting && !aligned) fail_msg("%s: %d vectors on any stack", here.name, waiting);
}

static void check(const qf_kernel_id *id)
{
    emit(id);
    if (check_count(&here, whole(), check_words_of(id->isa).call))
        fail_msg("%s calls something", here.name);
    check_alignment();
    if (qf_recipe_of(id->recipe)->planes)
        check_bytes(id);
    else if (id->recipe != QF_RECIPE_ROWS)
        check_outer(id);
    else
        check_rows(hot_loop(false, false));
    check_listing_release(&here);
}

static void check_if_any(const qf_kernel_id *id)
{
    if (qf_codegen_check(id) == QF_OK)
        check(id);
    else
        qf_message_clear();
}

static void check_formats(qf_kernel_id id)
{
    static const int groups[] = {32, 64, 128};
    const qf_recipe_row *row = qf_recipe_of(id.recipe);
    /* Formats share their hot loops in the recipes that unpack beforehand. */
    const bool few = row->depth == QF_DEPTH_STEPS && !row->planes;
    /* The narrowest register file is where things do not fit. */
    const int first = few                                     ? 2
                      : qf_isa_of(id.isa)->vector_bytes == 32 ? 0
                                                              : 1,
              last = few || first ? first : 2;

    for (int q = 0; q < QF_QUANT_COUNT; q++) {
        id.quant = (qf_quant)q;
        id.group = 0;
        if (q == QF_F32) {
            id.tile.prefetch = 0;
            if (row->formats == QF_FORMATS_ANY) check_if_any(&id);
            continue;
        }
        for (int g = first; g <= last; g++) {
            id.group = groups[g];
            id.tile.prefetch = row->depth == QF_DEPTH_WHOLE && q % 2 ? 8 : 0;
            check_if_any(&id);
        }
    }
}

static void check_tiles(qf_recipe recipe, qf_isa isa)
{
    static const struct {
        int mr, panels, unroll;
    } tiles[] = {{1, 1, 1}, {1, 2, 1}, {1, 4, 1},  {2, 1, 1},  {2, 2, 1}, {3, 1, 1},
                 {4, 1, 1}, {4, 2, 1}, {6, 1, 1},  {6, 1, 2},  {6, 1, 4}, {8, 1, 1},
                 {8, 1, 4}, {4, 2, 2}, {12, 1, 1}, {12, 1, 2}, {14, 1, 1}};

    for (size_t t = 0; t < sizeof tiles / sizeof *tiles; t++)
        check_formats((qf_kernel_id){.recipe = recipe,
                                     .isa = isa,
                                     .tile = {.mr = tiles[t].mr,
                                              .nr = tiles[t].panels * qf_isa_panel(isa),
                                              .unroll = tiles[t].unroll,
                                              .align = t % 2 ? 64 : 0}});
}

static void check_tunable(void *context, const qf_kernel_id *id)
{
    (void)context;
    if (!id->tile.prefetch) check(id);
}

/* Everything the tuner may pick; with other vectors than AVX2's a sample, whose tiles are many,
 * unless all is asked for. */
static void hot_loops_of_x86(void **state)
{
    const char *every = getenv("QFORGE_EVERY_KERNEL");
    (void)state;
    for (int isa = 0; isa < QF_ISA_COUNT; isa++) {
        const qf_isa_row *row = qf_isa_of((qf_isa)isa);
        if (strcmp(row->arch, "x86_64") != 0) continue;
        const bool all = (every && *every == '1') || isa == QF_ISA_AVX2;
        const int shown = check_catalogue((qf_isa)isa, all ? 0 : SAMPLE, check_tunable, NULL);
        print_message("%s: %d kernels\n", row->name, shown);
        assert_true(shown > 100);
    }
}

/* Longer vectors are the same code with other constants. */
static void hot_loops_of_arm(void **state)
{
    (void)state;
    for (int recipe = 0; recipe < QF_RECIPE_COUNT; recipe++) {
        check_tiles((qf_recipe)recipe, QF_ISA_NEON);
        check_tiles((qf_recipe)recipe, QF_ISA_SVE2_512);
    }
}

/* Loops begin where the tile says. */
static void loops_are_placed(void **state)
{
    static const int aligns[] = {0, 32, 64, 128};
    static const char *const says[] = {"p2align\t4", "p2align\t5", "p2align\t6", "p2align\t7"};
    (void)state;
    for (int i = 0; i < 4; i++) {
        const qf_kernel_id id = {
            QF_RECIPE_PANEL, QF_Q4, 64, QF_ISA_AVX2, {6, 16, 2, 256, 192, aligns[i], 0}};
        emit(&id);
        const check_span loop = hot_loop(false, true);
        bool placed = false;
        for (int line = loop.first - 1; line > 0 && !check_has(&here, line, "\tj"); line--)
            placed |= check_has(&here, line, says[i]);
        if (!placed) fail_msg("%s: no %s before its hot loop", here.name, says[i]);
        check_listing_release(&here);
    }
}

/* Packed rows into L1, by loops that take several k a turn; plain weights into L2, by their
 * blocks of rows, outside of it. */
static void outer_products_fetch(void **state)
{
    static const struct {
        qf_recipe recipe;
        qf_quant quant;
        int rows, unroll, lines; /* of rows, in a turn */
        bool plain;
    } cases[] = {{QF_RECIPE_PANEL, QF_F32, 6, 4, 2, true},
                 {QF_RECIPE_PANEL, QF_Q4, 4, 2, 1, false},
                 {QF_RECIPE_PANEL, QF_Q4, 6, 1, 0, false},
                 {QF_RECIPE_GRAD, QF_Q4, 5, 4, 2, false}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const qf_kernel_id id = {cases[i].recipe,
                                 cases[i].quant,
                                 cases[i].plain ? 0 : 64,
                                 QF_ISA_AVX2,
                                 {cases[i].rows, 16, cases[i].unroll, 256, 60, 0, 0}};
        emit(&id);
        const check_span loop = hot_loop(false, true);
        const int rows = check_count(&here, loop, "prefetcht0");
        if (rows != cases[i].lines) fail_msg("%s: %d lines of rows", here.name, rows);
        assert_int_equal(check_count(&here, loop, "prefetcht1"), 0);
        if (cases[i].plain) assert_int_equal(check_count(&here, whole(), "prefetcht1"), 1);
        check_listing_release(&here);
    }
}

/* Every line of packed codes once, where the tile says so: into L1 from near, into L2 from
 * far. */
static void weights_are_fetched_ahead(void **state)
{
    static const struct {
        qf_recipe recipe;
        qf_quant quant;
        int rows, lines; /* in a turn of the hot loop */
    } cases[] = {{QF_RECIPE_DOT, QF_Q4, 4, 8},    {QF_RECIPE_DOT, QF_Q2, 1, 4},
                 {QF_RECIPE_DOT2, QF_Q8, 2, 16},  {QF_RECIPE_ROWS, QF_Q4, 2, 4},
                 {QF_RECIPE_LOOKUP, QF_Q2, 3, 4}, {QF_RECIPE_DOT3, QF_Q4, 1, 8}};
    (void)state;
    for (size_t i = 0; i < 3 * sizeof cases / sizeof *cases; i++) {
        static const int aheads[] = {0, QF_PREFETCH_L1, 8};
        const int ahead = aheads[i % 3], due = cases[i / 3].lines;
        const qf_kernel_id id = {cases[i / 3].recipe,
                                 cases[i / 3].quant,
                                 64,
                                 QF_ISA_AVX2,
                                 {cases[i / 3].rows, 16, 1, 0, 0, 0, ahead}};
        emit(&id);
        const check_span loop = hot_loop(id.recipe != QF_RECIPE_ROWS, false);
        const int near = check_count(&here, loop, "prefetcht0");
        const int far = check_count(&here, loop, "prefetcht1");
        if (near != (ahead == QF_PREFETCH_L1 ? due : 0) || far != (ahead == 8 ? due : 0))
            fail_msg("%s: %d lines are fetched into L1, %d into L2", here.name, near, far);
        check_listing_release(&here);
    }
    const qf_kernel_id steps = {
        QF_RECIPE_QUAD, QF_Q4, 64, QF_ISA_AVX2, {4, 16, 1, 256, 64, 0, 8}};
    const qf_kernel_id plain = {QF_RECIPE_ROWS, QF_F32, 0, QF_ISA_AVX2, {2, 16, 1, 0, 0, 0, 8}};
    assert_int_equal(qf_codegen_misfit(&steps), QF_MISFIT_FORMAT);
    assert_int_equal(qf_codegen_misfit(&plain), QF_MISFIT_FORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outer_products_fetch),      cmocka_unit_test(hot_loops_of_x86),
        cmocka_unit_test(hot_loops_of_arm),          cmocka_unit_test(loops_are_placed),
        cmocka_unit_test(weights_are_fetched_ahead),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
