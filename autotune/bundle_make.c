/* bundle_make.c -- which kernels a bundle holds, and their objects. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "bundle_inside.h"
#include "qforge/cpu.h"
#include "qforge/memory.h"
#include "qforge/store.h"
#include "space.h"

/* As far as a tuned shape speaks for another (source.c). */
static const double nearest_limit = 2.5;

/* ---- the machine each instruction set is chosen for ----------------------------------------
 */

/* This one where it runs the ISA; else one of which nothing is known but that. */
static qf_status machine_for(qf_isa isa, qf_cpu *cpu)
{
    const qf_status status = qf_cpu_detect_as(isa, cpu);

    if (status != QF_UNSUPPORTED) return status;
    qf_message_clear();
    *cpu = (qf_cpu){.isas = 1u << isa | 1u << QF_ISA_C,
                    .vector_bytes = qf_isa_of(isa)->vector_bytes,
                    .cores = 1};
    return QF_OK;
}

/* ---- from the ledger -----------------------------------------------------------------------
 */

typedef struct reading {
    qf_bundle *bundle;
    char tune_key[QF_ISA_COUNT][QF_KEY_MAX]; /* "": this machine lacks the ISA */
} reading;

static bool same_kind(const qf_problem *a, const qf_problem *b)
{
    return a->accuracy == b->accuracy && a->op == b->op && a->quant == b->quant &&
           a->group == b->group;
}

/* Whether the ledger's answer is better than the one the row has. */
static bool is_better(const qf_bundle_row *found, const qf_bundle_row *row)
{
    if (found->rung != row->rung) return found->rung > row->rung;
    if (found->here != row->here) return found->here;
    const double near = qf_problem_distance(&found->tuned, &found->problem);
    const double far = qf_problem_distance(&row->tuned, &row->problem);
    return near != far ? near < far : found->unix_us > row->unix_us;
}

static bool visit(void *context, const char *tune_key, int code_abi, const qf_best *best)
{
    const reading *r = context;

    if (code_abi != QF_CODE_ABI || qf_codegen_check(&best->kernel) != QF_OK) return true;
    for (qf_bundle_row *row = r->bundle->rows; row < r->bundle->rows + r->bundle->count;
         row++) {
        if (row->kernel.isa != best->kernel.isa || !same_kind(&row->problem, &best->problem))
            continue;
        const double distance = qf_problem_distance(&row->problem, &best->problem);
        if (distance > nearest_limit) continue;
        const qf_bundle_row found = {
            .problem = row->problem,
            .kernel = best->kernel,
            .rung = distance == 0 ? QF_RUNG_EXACT : QF_RUNG_NEAREST,
            .tuned = best->problem,
            .here = strcmp(tune_key, r->tune_key[best->kernel.isa]) == 0,
            .unix_us = best->unix_us,
        };
        if (is_better(&found, row)) *row = found;
    }
    return true;
}

static qf_status ask_ledger(const qf_bundle_request *request, qf_bundle *bundle)
{
    reading r = {.bundle = bundle};

    if (!request->store) return QF_OK;
    for (int isa = 0; isa < QF_ISA_COUNT; isa++) {
        qf_cpu cpu;
        if (!(request->isas >> isa & 1)) continue;
        QF_TRY(machine_for((qf_isa)isa, &cpu));
        memcpy(r.tune_key[isa], cpu.tune_key, sizeof cpu.tune_key);
    }
    const qf_status status = qf_store_each_best(request->store, NULL, visit, &r);
    if (status == QF_OK) qf_message_clear(); /* of rows whose kernels are made no more */
    return status;
}

/* ---- from the prior ------------------------------------------------------------------------
 */

static qf_status ask_prior(qf_bundle *bundle)
{
    qf_isa known = QF_ISA_C; /* whose machine `cpu` is */
    qf_cpu cpu;

    for (qf_bundle_row *row = bundle->rows; row < bundle->rows + bundle->count; row++) {
        qf_space space;

        if (row->rung != QF_RUNG_REFERENCE) continue;
        if (row->kernel.isa != known) QF_TRY(machine_for(row->kernel.isa, &cpu));
        known = row->kernel.isa;
        QF_TRY(qf_space_build(&cpu, &row->problem, QF_RECIPE_COUNT, &space));
        if (space.count) {
            row->kernel = space.item[0].kernel;
            row->rung = QF_RUNG_PRIOR;
        }
        qf_space_release(&space);
    }
    return QF_OK;
}

/* ---- objects -------------------------------------------------------------------------------
 */

static bool is_emitted(const qf_bundle *bundle, const char *symbol)
{
    int i = 0;
    while (i < bundle->object_count && strcmp(bundle->objects[i].symbol, symbol) != 0) i++;
    return i < bundle->object_count;
}

static qf_status emit(qf_bundle *bundle)
{
    bundle->objects = qf_alloc_array((size_t)bundle->count, sizeof *bundle->objects);
    if (!bundle->objects) return QF_MEMORY;
    for (const qf_bundle_row *row = bundle->rows; row < bundle->rows + bundle->count; row++) {
        qf_bundle_object *object = &bundle->objects[bundle->object_count];
        char symbol[QF_NAME_MAX];

        if (row->rung == QF_RUNG_REFERENCE) continue;
        qf_kernel_symbol(&row->kernel, symbol);
        if (is_emitted(bundle, symbol)) continue;
        object->isa = row->kernel.isa;
        memcpy(object->symbol, symbol, sizeof symbol);
        QF_TRY(qf_codegen_emit(&row->kernel, QF_CODE_OBJECT, &object->code));
        bundle->object_count++;
    }
    return QF_OK;
}

/* ---- the whole -----------------------------------------------------------------------------
 */

static qf_status check_name(const char *name)
{
    enum { MOST = 64 };
    size_t length = 0;

    while (isalnum((unsigned char)name[length]) || name[length] == '_') length++;
    if (!name[length] && length && length <= MOST && !isdigit((unsigned char)*name))
        return QF_OK;
    return qf_fail(QF_USAGE, "'%.64s' is no name of letters, digits and _", name);
}

static qf_status check(const qf_bundle_request *request)
{
    QF_TRY(check_name(request->name));
    for (int isa = 0; isa < QF_ISA_COUNT; isa++) {
        const bool wanted = request->isas >> isa & 1;
        if (wanted && !qf_codegen_emits((qf_isa)isa))
            return qf_fail(QF_UNSUPPORTED, "kernels for '%s' are not emitted",
                           qf_isa_of((qf_isa)isa)->name);
    }
    if (__builtin_popcount(request->isas) * (int64_t)request->count > QF_TABLE_MAX)
        return qf_fail(QF_RANGE, "a bundle holds up to %d kernels", QF_TABLE_MAX);
    return QF_OK;
}

static void add_archive(qf_bundle *bundle, const char *arch)
{
    const bool own = strcmp(arch, bundle->arch) == 0;

    for (int i = 0; i < bundle->archive_count; i++)
        if (strcmp(bundle->archives[i].arch, arch) == 0) return;
    qf_bundle_archive *archive = &bundle->archives[bundle->archive_count++];
    *archive = (qf_bundle_archive){.arch = arch, .whole = own};
    snprintf(archive->path, sizeof archive->path, "%s%slib%s.a", own ? "" : arch,
             own ? "" : "/", bundle->name);
}

static void add_isa(const qf_bundle_request *request, qf_isa isa, qf_bundle *bundle)
{
    for (int i = 0; i < request->count; i++)
        bundle->rows[bundle->count++] = (qf_bundle_row){
            .problem = request->problems[i], .kernel.isa = isa, .rung = QF_RUNG_REFERENCE};
    add_archive(bundle, qf_isa_of(isa)->arch);
}

static qf_status start(const qf_bundle_request *request, qf_bundle *bundle)
{
    struct utsname system;
    const int most = __builtin_popcount(request->isas) * request->count;

    bundle->name = qf_strdup(request->name);
    bundle->rows = qf_alloc_array((size_t)most, sizeof *bundle->rows);
    if (!bundle->name || !bundle->rows) return QF_MEMORY;
    if (uname(&system) == 0)
        memcpy(bundle->arch, system.machine, strnlen(system.machine, sizeof bundle->arch - 1));
    for (int isa = 0; isa < QF_ISA_COUNT; isa++)
        if (request->isas >> isa & 1) add_isa(request, (qf_isa)isa, bundle);
    return QF_OK;
}

qf_status qf_bundle_make(const qf_bundle_request *request, qf_bundle *bundle)
{
    *bundle = (qf_bundle){0};
    QF_TRY(check(request));
    qf_status status = start(request, bundle);
    if (status == QF_OK) status = ask_ledger(request, bundle);
    if (status == QF_OK) status = ask_prior(bundle);
    if (status == QF_OK) status = emit(bundle);
    if (status != QF_OK) qf_bundle_release(bundle);
    return status;
}

void qf_bundle_release(qf_bundle *bundle)
{
    for (int i = 0; i < bundle->object_count; i++) qf_code_release(&bundle->objects[i].code);
    qf_free(bundle->objects);
    qf_free(bundle->rows);
    qf_free(bundle->name);
    *bundle = (qf_bundle){0};
}
