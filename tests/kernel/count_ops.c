/* count_ops.c -- what the hot loops of kernels consist of, as a table:
 * tests/kernel/opcounts.tsv holds it, so that a change of the emitters or of LLVM shows in
 * review.
 *
 * A row is a kernel: multiply-adds of the problem done in a turn of its hot loop, instructions,
 * products among them, vectors to or from the stack, and multiply-adds an instruction. */
#include <stdio.h>
#include <string.h>

#include "listing.h"
#include "qforge/pack.h"

static check_listing listing;

/* Multiply-adds of the problem in one turn: planes and halves of a product are part of it. */
static int work_of(const qf_kernel_id *id)
{
    const qf_recipe_row *row = qf_recipe_of(id->recipe);
    if (row->planes) return id->tile.mr * id->tile.nr * id->group;
    if (id->recipe == QF_RECIPE_ROWS && id->quant != QF_F32)
        return id->tile.mr * qf_isa_panel(id->isa) * QF_BLOCK_K;
    return id->tile.mr * id->tile.nr * id->tile.unroll;
}

static bool print_row(const qf_kernel_id *id)
{
    const bool bytes = qf_recipe_of(id->recipe)->planes > 0;
    const bool pure = !bytes && id->recipe != QF_RECIPE_ROWS;
    check_span loop;
    int stack = 0;

    if (!check_listing_make(id, &listing)) return false;
    if (!check_hot_loop(&listing, bytes, pure, &loop)) {
        fprintf(stderr, "%s: no hot loop\n", listing.name);
        return false;
    }
    const int products =
        bytes ? check_count_bytes(&listing, loop) : check_count_fma(&listing, loop);
    const int all = check_instructions(&listing, loop);
    for (int i = loop.first; i <= loop.last; i++) stack += check_on_stack(&listing, i);
    printf("%s\t%d\t%d\t%d\t%d\t%.2f\n", listing.name, work_of(id), all, products, stack,
           (double)work_of(id) / all);
    check_listing_release(&listing);
    return true;
}

/* The largest tile of a few that fits. */
static bool print_largest(qf_kernel_id id)
{
    static const struct {
        int mr, panels;
    } tiles[] = {{12, 1}, {6, 2}, {4, 2}, {6, 1}, {4, 1}, {3, 1}, {2, 1}, {1, 1}};

    for (size_t t = 0; t < sizeof tiles / sizeof *tiles; t++) {
        id.tile = (qf_tile){
            .mr = tiles[t].mr, .nr = tiles[t].panels * qf_isa_panel(id.isa), .unroll = 1};
        if (qf_codegen_check(&id) == QF_OK) return print_row(&id);
    }
    qf_message_clear();
    return true;
}

static bool print_recipe(qf_isa isa, qf_recipe recipe)
{
    for (int q = 0; q < QF_QUANT_COUNT; q++) {
        const bool plain = q == QF_F32;
        if (!qf_recipe_reads(recipe, (qf_quant)q)) continue;
        if (!print_largest((qf_kernel_id){.recipe = recipe,
                                          .quant = (qf_quant)q,
                                          .group = plain ? 0 : QF_BLOCK_K,
                                          .isa = isa}))
            return false;
    }
    return true;
}

int main(void)
{
    printf("# %s; made by build/count_ops\n", qf_codegen_version());
    printf("kernel\tmacs\tinstructions\tproducts\tstack\tmacs_per_instruction\n");
    for (int isa = QF_ISA_C + 1; isa < QF_ISA_COUNT; isa++) {
        /* Longer vectors are the same code with other constants; RISC-V's byte products have no
         * instruction of their own. */
        if (qf_isa_of((qf_isa)isa)->vector_bytes > 64 || !check_words_of((qf_isa)isa).dot)
            continue;
        for (int recipe = 0; recipe < QF_RECIPE_COUNT; recipe++)
            if (!print_recipe((qf_isa)isa, (qf_recipe)recipe)) {
                fprintf(stderr, "count_ops: %s\n", qf_message());
                return 1;
            }
    }
    return 0;
}
