/* codegen.c -- from a kernel's name to bytes: the tables, the checks, the hash. */
#include "qforge/codegen.h"

#include <llvm/Config/llvm-config.h>

#include "isa.h"
#include "pipeline.h"
#include "qforge/hash.h"
#include "qforge/memory.h"
#include "recipe.h"
#include "tile.h"

static const cg_isa *const isas[] = {
#define QF_ISA(id, name, arch, vector_bytes, bytes, features) &cg_isa_##id,
#include "qforge/isas.def"
#undef QF_ISA
};

static const cg_recipe *const recipes[] = {
#define QF_RECIPE(id, name, accuracy, op, planes, formats, depth) &cg_recipe_##id,
#include "qforge/recipes.def"
#undef QF_RECIPE
};

const cg_isa cg_isa_C = {0}; /* the reference is compiled, not emitted */

const cg_isa *cg_isa_of(qf_isa isa)
{
    QF_ASSERT((unsigned)isa < QF_ISA_COUNT);
    return isas[isa];
}

const cg_recipe *cg_recipe_of(qf_recipe recipe)
{
    QF_ASSERT((unsigned)recipe < QF_RECIPE_COUNT);
    return recipes[recipe];
}

const char *qf_codegen_version(void)
{
    return "LLVM " LLVM_VERSION_STRING;
}

/* ---- checks ---- */

enum { PREFETCH_MOST = 64 }; /* KiB */

void cg_misfit(const cg_emit *e, qf_misfit misfit)
{
    if (e->misfit) *e->misfit = misfit;
}

qf_status cg_check_registers(const cg_emit *e, int accumulators, int others)
{
    if (accumulators + others <= e->isa->registers) return QF_OK;
    cg_misfit(e, QF_MISFIT_REGISTERS);
    return qf_fail(QF_UNSUPPORTED, "tile %dx%d needs %d of %d vector registers", e->id->tile.mr,
                   e->id->tile.nr, accumulators + others, e->isa->registers);
}

qf_status cg_check_not_unrolled(const cg_emit *e)
{
    if (e->id->tile.unroll == 1) return QF_OK;
    cg_misfit(e, QF_MISFIT_UNROLL);
    return qf_fail(QF_UNSUPPORTED, "recipe %s has no loop to unroll by %d",
                   qf_recipe_of(e->id->recipe)->name, e->id->tile.unroll);
}

static qf_status check_tile(const cg_emit *e)
{
    const qf_tile *tile = &e->id->tile;

    if (tile->mr < 1 || tile->mr > CG_ROWS_MAX)
        return qf_fail(QF_UNSUPPORTED, "mr %d is not between 1 and %d", tile->mr, CG_ROWS_MAX);
    if (tile->nr < e->panel || tile->nr % e->panel || tile->nr / e->panel > CG_PANELS_MAX)
        return qf_fail(QF_UNSUPPORTED, "nr %d is not 1 to %d panels of %d", tile->nr,
                       CG_PANELS_MAX, e->panel);
    if (tile->unroll != 1 && tile->unroll != 2 && tile->unroll != 4)
        return qf_fail(QF_UNSUPPORTED, "unroll %d is not 1, 2 or 4", tile->unroll);
    if (tile->align & (tile->align - 1) || tile->align < 0 || tile->align > 128)
        return qf_fail(QF_UNSUPPORTED, "align %d is no power of two up to 128", tile->align);
    if (tile->prefetch < 0 || tile->prefetch > PREFETCH_MOST)
        return qf_fail(QF_UNSUPPORTED, "pf %d is not between 0 and %d", tile->prefetch,
                       PREFETCH_MOST);
    if (tile->prefetch &&
        (qf_recipe_of(e->id->recipe)->depth != QF_DEPTH_WHOLE || e->id->quant == QF_F32)) {
        cg_misfit(e, QF_MISFIT_FORMAT);
        return qf_fail(QF_UNSUPPORTED, "recipe %s does not fetch ahead in %s weights",
                       qf_recipe_of(e->id->recipe)->name, qf_quant_of(e->id->quant)->name);
    }
    return QF_OK;
}

bool qf_codegen_emits(qf_isa isa)
{
    return cg_isa_of(isa)->triple;
}

static qf_status check_spec(const qf_kernel_id *id)
{
    const qf_recipe_row *recipe = qf_recipe_of(id->recipe);

    if (!qf_codegen_emits(id->isa))
        return qf_fail(QF_UNSUPPORTED, "kernels for '%s' are not emitted",
                       qf_isa_of(id->isa)->name);
    if (!qf_recipe_reads(id->recipe, id->quant) ||
        (id->quant != QF_F32 && !qf_group_valid(id->group)))
        return qf_fail(QF_UNSUPPORTED, "recipe %s has no kernels for %s, group %d",
                       recipe->name, qf_quant_of(id->quant)->name, id->group);
    return QF_OK;
}

static qf_status check(const qf_kernel_id *id, qf_misfit *misfit)
{
    *misfit = QF_MISFIT_FORMAT;
    QF_TRY(check_spec(id));
    const cg_emit e = {.id = id,
                       .isa = isas[id->isa],
                       .lanes = qf_isa_panel(id->isa) / 2,
                       .panel = qf_isa_panel(id->isa),
                       .misfit = misfit};
    *misfit = QF_MISFIT_TILE;
    QF_TRY(check_tile(&e));
    QF_TRY(cg_recipe_of(id->recipe)->check(&e));
    *misfit = QF_FITS;
    return QF_OK;
}

qf_status qf_codegen_check(const qf_kernel_id *id)
{
    qf_misfit misfit;
    return check(id, &misfit);
}

qf_misfit qf_codegen_misfit(const qf_kernel_id *id)
{
    qf_misfit misfit;
    if (check(id, &misfit) != QF_OK) qf_message_clear();
    return misfit;
}

qf_status qf_codegen_emit(const qf_kernel_id *id, qf_code_form form, qf_code *code)
{
    char symbol[QF_NAME_MAX];

    *code = (qf_code){0};
    QF_TRY(qf_codegen_check(id));
    qf_kernel_symbol(id, symbol);
    return cg_emit_function(id->isa, id, NULL, symbol, cg_recipe_of(id->recipe)->emit, form,
                            code);
}

void qf_code_release(qf_code *code)
{
    qf_free(code->bytes);
    *code = (qf_code){0};
}

void qf_code_hash(const qf_code *code, char hash[17])
{
    static const char digits[] = "0123456789abcdef";
    uint64_t h = qf_hash(QF_HASH_START, code->bytes, code->size);
    /* a finalizer for the high bits */
    h = (h ^ h >> 32) * 0x9E3779B97F4A7C15u;
    h ^= h >> 29;
    for (int i = 0; i < 16; i++) hash[i] = digits[h >> (60 - 4 * i) & 15];
    hash[16] = 0;
}
