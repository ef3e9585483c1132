/* bundle_emit.c -- the objects of a bundle; nothing that can be judged is shipped unjudged. */
#include <string.h>

#include "bundle_inside.h"
#include "judge.h"
#include "qforge/memory.h"

static const double judge_seconds = 10;
static const uint64_t judge_seed = 1;

/* The very code that is shipped, loaded and heard. */
static qf_status judge(qf_jit *jit, const qf_kernel_id *id, qf_bundle_object *object)
{
    qf_kernel kernel = {.id = *id};
    qf_validation verdict;
    char loaded[17], shipped[17];

    QF_TRY(qf_jit_get(jit, id, &kernel.run, loaded));
    qf_code_hash(&object->code, shipped);
    if (strcmp(loaded, shipped) != 0)
        return qf_fail(QF_CODEGEN, "%s: not the same code when made again", object->symbol);
    QF_TRY(qf_judge(&kernel, judge_seed, judge_seconds, &verdict));
    if (verdict.verdict != QF_VERDICT_OK)
        return qf_fail(QF_WRONG, "%s: %s, %s", object->symbol, qf_verdict_name(verdict.verdict),
                       verdict.detail);
    object->judged = true;
    return QF_OK;
}

static qf_bundle_object *find(const qf_bundle *bundle, const char *symbol)
{
    int i = 0;
    while (i < bundle->object_count && strcmp(bundle->objects[i].symbol, symbol) != 0) i++;
    return i < bundle->object_count ? &bundle->objects[i] : NULL;
}

static qf_status emit(qf_bundle *bundle, const qf_kernel_id *id, const char *symbol,
                      qf_bundle_object **object)
{
    *object = &bundle->objects[bundle->object_count];
    (*object)->isa = id->isa;
    memcpy((*object)->symbol, symbol, sizeof(*object)->symbol);
    QF_TRY(qf_codegen_emit(id, QF_CODE_OBJECT, &(*object)->code));
    bundle->object_count++;
    return QF_OK;
}

static qf_status emit_all(qf_bundle *bundle, uint32_t here, qf_jit *jit)
{
    for (qf_bundle_row *row = bundle->rows; row < bundle->rows + bundle->count; row++) {
        char symbol[QF_NAME_MAX] = "";

        if (row->rung == QF_RUNG_REFERENCE) continue;
        qf_kernel_symbol(&row->kernel, symbol);
        qf_bundle_object *object = find(bundle, symbol);
        if (!object) {
            QF_TRY(emit(bundle, &row->kernel, symbol, &object));
            if (here >> row->kernel.isa & 1) QF_TRY(judge(jit, &row->kernel, object));
        }
        row->judged = object->judged;
    }
    return QF_OK;
}

qf_status qf_bundle_emit(qf_bundle *bundle, uint32_t here)
{
    qf_jit *jit;

    bundle->objects = qf_alloc_array((size_t)bundle->count, sizeof *bundle->objects);
    if (!bundle->objects) return QF_MEMORY;
    QF_TRY(qf_jit_create(NULL, &jit));
    const qf_status status = emit_all(bundle, here, jit);
    qf_jit_destroy(jit);
    return status;
}
