/* cmd_emit.c -- qforge emit: prints any kernel, also for an ISA this machine lacks. */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "isa_names.h"
#include "options.h"
#include "qforge/codegen.h"

typedef struct request {
    int64_t bits, group;
    const char *recipe, *isa, *tile, *form, *kernel;
} request;

/* A class stands for its first recipe. */
static qf_recipe recipe_of(const char *name)
{
    const qf_accuracy accuracy = qf_accuracy_named(name);
    if (accuracy == QF_ACCURACY_COUNT) return qf_recipe_named(name);
    int i = 0;
    while (i < QF_RECIPE_COUNT && qf_recipe_of((qf_recipe)i)->accuracy != accuracy) i++;
    return (qf_recipe)i;
}

static qf_status kernel_of(const request *r, qf_kernel_id *id)
{
    if (r->kernel) return qf_kernel_parse(r->kernel, id);
    *id = (qf_kernel_id){.group = r->bits == 32 ? 0 : (int)r->group,
                         .quant = qf_quant_of_bits((int)r->bits)};
    if (id->quant == QF_QUANT_COUNT)
        return qf_fail(QF_USAGE, "--bits: %lld is no width (2, 3, 4, 8, 32)",
                       (long long)r->bits);
    QF_TRY(cli_isa_named("isa", r->isa, &id->isa));
    id->recipe = recipe_of(r->recipe);
    if (id->recipe == QF_RECIPE_COUNT) return qf_fail(QF_USAGE, "--recipe: no '%s'", r->recipe);
    if (r->tile) return qf_tile_parse(r->tile, &id->tile);
    id->tile = (qf_tile){.mr = 1, .nr = qf_isa_panel(id->isa), .unroll = 1};
    return QF_OK;
}

qf_status cli_cmd_emit(int argc, char **argv)
{
    static const char *const forms[] = {"ir", "asm", "obj"};
    request r = {.bits = 4, .group = 64, .recipe = "exact", .isa = "avx2", .form = "asm"};
    const cli_option options[] = {
        {"kernel", 'k', CLI_TEXT, &r.kernel, "NAME", "a kernel by its full name"},
        {"bits", 'b', CLI_INT, &r.bits, "N", "width of the weights: 2, 3, 4, 8, 32"},
        {"group", 'g', CLI_INT, &r.group, "N", "group size: 32, 64, 128"},
        {"recipe", 'r', CLI_TEXT, &r.recipe, "NAME",
         "a class (exact, fine, fast, table) or a recipe"},
        {"isa", 'i', CLI_TEXT, &r.isa, "NAME",
         "instruction set; sve: this machine's length, or 128 bits"},
        {"tile", 't', CLI_TEXT, &r.tile, "TILE", "e.g. 6x16_u2 (default 1 x one panel)"},
        {"form", 'f', CLI_TEXT, &r.form, "FORM", "ir, asm or obj"},
        {0}};
    qf_kernel_id id;
    qf_code code;
    int rest, form = 0;
    bool help;

    QF_TRY(cli_parse(argc, argv, "qforge emit [options]", options, &rest, &help));
    if (help) return QF_OK;
    QF_TRY(cli_no_operands(argc, argv, rest));
    while (form < 3 && strcmp(r.form, forms[form]) != 0) form++;
    if (form == 3) return qf_fail(QF_USAGE, "--form: '%s' is not ir, asm or obj", r.form);
    QF_TRY(kernel_of(&r, &id));
    QF_TRY(qf_codegen_emit(&id, (qf_code_form)form, &code));
    const bool written = fwrite(code.bytes, 1, code.size, stdout) == code.size;
    qf_code_release(&code);
    return written ? QF_OK : qf_fail(QF_IO, "cannot write to standard output");
}
