/* test_hot_loops.c -- reads the assembly of kernels, of every instruction set whether this
 * machine has it or not: no calls, no accumulator spilt where the products are, nothing but
 * full-width vectors, and as many products as there should be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qforge/codegen.h"
#include "qforge/pack.h"

enum { LINES_MAX = 20000, LOOPS_MAX = 256 };

/* The assembly of one kernel, cut into lines. */
typedef struct listing {
    qf_code code;
    char *text;
    const char *line[LINES_MAX];
    int lines;
    char name[QF_NAME_MAX];
} listing;

typedef struct span {
    int first, last; /* lines, both in it */
} span;

static listing here;

static void emit(const qf_kernel_id *id)
{
    qf_kernel_symbol(id, here.name);
    if (qf_codegen_emit(id, QF_CODE_ASM, &here.code) != QF_OK) fail_msg("%s", qf_message());
    here.text = malloc(here.code.size + 1);
    memcpy(here.text, here.code.bytes, here.code.size);
    here.text[here.code.size] = 0;
    here.lines = 0;
    for (char *line = strtok(here.text, "\n"); line; line = strtok(NULL, "\n")) {
        assert_true(here.lines < LINES_MAX);
        here.line[here.lines++] = line;
    }
}

static void forget(void)
{
    free(here.text);
    qf_code_release(&here.code);
}

static bool has(int line, const char *what)
{
    return strstr(here.line[line], what) != NULL;
}

static int count(span s, const char *what)
{
    int found = 0;
    for (int i = s.first; i <= s.last; i++) found += has(i, what);
    return found;
}

static span whole(void)
{
    return (span){0, here.lines - 1};
}

/* ---- loops ---- */

static int label_line(const char *label, size_t length)
{
    for (int i = 0; i < here.lines; i++)
        if (strncmp(here.line[i], label, length) == 0 && here.line[i][length] == ':') return i;
    return -1;
}

/* Jumps to a label above are what makes loops. */
static int find_loops(span loop[LOOPS_MAX])
{
    int loops = 0;

    for (int i = 0; i < here.lines; i++) {
        const char *target = strstr(here.line[i], ".LBB");
        if (here.line[i][0] != '\t' || here.line[i][1] != 'j' || !target) continue;
        const int first = label_line(target, strcspn(target, " \t#"));
        if (first < 0 || first > i) continue;
        assert_true(loops < LOOPS_MAX);
        loop[loops++] = (span){first, i};
    }
    return loops;
}

static bool is_innermost(const span *loop, int loops, int which)
{
    for (int i = 0; i < loops; i++)
        if (i != which && loop[i].first >= loop[which].first &&
            loop[i].last <= loop[which].last)
            return false;
    return true;
}

/* The innermost loop with the most of an instruction and none of another. */
static span hot_loop(const char *product, const char *without)
{
    span loop[LOOPS_MAX], best = {0, -1};
    const int loops = find_loops(loop);
    int most = 0;

    for (int i = 0; i < loops; i++) {
        const int products = count(loop[i], product);
        if (products <= most || !is_innermost(loop, loops, i)) continue;
        if (without && count(loop[i], without)) continue;
        most = products;
        best = loop[i];
    }
    if (most == 0) fail_msg("%s: no loop with %s", here.name, product);
    return best;
}

/* ---- rules ---- */

static const char *vector_register(qf_isa isa)
{
    return qf_isa_of(isa)->vector_bytes == 64 ? "%zmm" : "%ymm";
}

static bool on_stack(int line)
{
    return has(line, "mm") && has(line, "(%rsp)");
}

static int spills(span s)
{
    int found = 0;
    for (int i = s.first; i <= s.last; i++) found += on_stack(i);
    return found;
}

/* Every product of the loop works on whole vectors. */
static void check_width(span loop, const char *product, qf_isa isa)
{
    for (int i = loop.first; i <= loop.last; i++)
        if (has(i, product) && !has(i, vector_register(isa)))
            fail_msg("%s: a narrow product:%s", here.name, here.line[i]);
}

static void check_count(span loop, const char *product, int want)
{
    const int found = count(loop, product);
    if (found != want) fail_msg("%s: %d %s, wants %d", here.name, found, product, want);
}

/* fp32 outer product: nothing but the products, their operands and the loop itself. */
static void check_outer(const qf_kernel_id *id)
{
    const int vectors = id->tile.nr / (qf_isa_panel(id->isa) / 2);
    /* where weights are made of codes there are multiply-adds as well */
    const span loop = hot_loop("vfmadd", "vcvtdq2ps");

    check_count(loop, "vfmadd", id->tile.mr * vectors * id->tile.unroll);
    check_width(loop, "vfmadd", id->isa);
    if (spills(loop)) fail_msg("%s: %d spills", here.name, spills(loop));
}

typedef struct byte_product {
    const char *name;
    int bits; /* of a code it can take */
} byte_product;

static byte_product byte_product_of(qf_isa isa)
{
    const bool vnni = strstr(qf_isa_of(isa)->features, "vnni") != NULL;
    return vnni ? (byte_product){"vpdpbusd", 8} : (byte_product){"vpmaddubsw", 4};
}

static bool stores_vector(int line)
{
    return on_stack(line) && strcmp(strrchr(here.line[line], ')'), ")") == 0;
}

/* The integer sums change with every quad: one without a register would be stored eight times
 * in a block of 32 k.  What waits for them may do so elsewhere: the floats they are
 * added to, sums of runs that are over, words of codes. */
static void check_stores(span loop, int blocks, int waiting)
{
    int stores = 0;

    for (int i = loop.first; i <= loop.last; i++) {
        int before = 0;
        if (!stores_vector(i)) continue;
        for (int j = loop.first; j < i; j++)
            before += stores_vector(j) && strcmp(here.line[j], here.line[i]) == 0;
        if (before >= 4 * blocks) fail_msg("%s: stored again:%s", here.name, here.line[i]);
        stores++;
    }
    if (stores > waiting) fail_msg("%s: stores %d, %d wait", here.name, stores, waiting);
}

/* All quads of a group, for every row, plane of activations, vector and half of a code too
 * wide for the instruction. */
static void check_bytes(const qf_kernel_id *id)
{
    const byte_product product = byte_product_of(id->isa);
    const int bits = qf_quant_of(id->quant)->bits;
    const int halves = bits > product.bits ? bits / product.bits : 1;
    const int vectors = id->tile.nr / (qf_isa_panel(id->isa) / 2);
    const int rows = id->tile.mr * qf_recipe_of(id->recipe)->planes;
    const span loop = hot_loop(product.name, NULL);

    check_count(loop, product.name, rows * vectors * id->group / QF_QUAD_K * halves);
    check_width(loop, product.name, id->isa);
    /* Packed panels are taken one after the other. */
    const bool packed = qf_recipe_of(id->recipe)->depth == QF_DEPTH_WHOLE;
    const int sums = rows * (packed ? 2 : vectors);
    const int blocks = id->group / QF_BLOCK_K * halves * (rows * vectors / sums);
    check_stores(loop, blocks, id->tile.mr * vectors + 2 * blocks * sums);
}

static void check(const qf_kernel_id *id)
{
    if (qf_codegen_check(id) != QF_OK) {
        qf_message_clear();
        return;
    }
    emit(id);
    if (count(whole(), "\tcall")) fail_msg("%s calls something", here.name);
    if (qf_recipe_of(id->recipe)->planes)
        check_bytes(id);
    else if (id->recipe != QF_RECIPE_ROWS)
        check_outer(id);
    else
        check_width(hot_loop("vfmadd", NULL), "vfmadd", id->isa);
    forget();
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
            if (row->formats == QF_FORMATS_ANY) check(&id);
            continue;
        }
        for (int g = first; g <= last; g++) {
            id.group = groups[g];
            check(&id);
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

static void hot_loops_hold_nothing_but_work(void **state)
{
    (void)state;
    for (int isa = 0; isa < QF_ISA_COUNT; isa++) {
        if (strcmp(qf_isa_of((qf_isa)isa)->arch, "x86_64") != 0) continue;
        for (int recipe = 0; recipe < QF_RECIPE_COUNT; recipe++)
            check_tiles((qf_recipe)recipe, (qf_isa)isa);
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
            QF_RECIPE_PANEL, QF_Q4, 64, QF_ISA_AVX2, {6, 16, 2, 256, 192, aligns[i]}};
        emit(&id);
        const span loop = hot_loop("vfmadd", "vcvtdq2ps");
        bool placed = false;
        for (int line = loop.first - 1; line > 0 && !has(line, "\tj"); line--)
            placed |= has(line, says[i]);
        if (!placed) fail_msg("%s: no %s before its hot loop", here.name, says[i]);
        forget();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hot_loops_hold_nothing_but_work),
        cmocka_unit_test(loops_are_placed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
