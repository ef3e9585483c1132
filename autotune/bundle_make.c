/* bundle_make.c -- which kernels a bundle holds, and their objects. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "bundle_inside.h"
#include "qforge/cpu.h"
#include "qforge/memory.h"
#include "qforge/store.h"
#include "search/neighbours.h"
#include "space.h"

/* The machine kernels of each instruction set are chosen for: this one where it runs them,
 * else one of which nothing is known but that it does. */
typedef struct making {
    const qf_bundle_request *request;
    qf_bundle *bundle;
    qf_cpu cpu[QF_ISA_COUNT];
    uint32_t here; /* those this machine runs */
} making;

static qf_status learn_machine(making *m, qf_isa isa)
{
    const qf_status status = qf_cpu_detect_as(isa, &m->cpu[isa]);

    if (status == QF_OK) m->here |= 1u << isa;
    if (status != QF_UNSUPPORTED) return status;
    qf_message_clear();
    m->cpu[isa] = (qf_cpu){.isas = 1u << isa | 1u << QF_ISA_C,
                           .vector_bytes = qf_isa_of(isa)->vector_bytes,
                           .cores = 1};
    return QF_OK;
}

/* ---- from the ledger -------------------------------------------------------------------- */

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
    const making *m = context;

    if (code_abi != QF_CODE_ABI || qf_codegen_check(&best->kernel) != QF_OK) return true;
    for (qf_bundle_row *row = m->bundle->rows; row < m->bundle->rows + m->bundle->count;
         row++) {
        if (row->kernel.isa != best->kernel.isa || !same_kind(&row->problem, &best->problem))
            continue;
        const double distance = qf_problem_distance(&row->problem, &best->problem);
        if (distance > QF_NEAR) continue;
        const qf_bundle_row found = {
            .problem = row->problem,
            .kernel = best->kernel,
            .rung = distance == 0 ? QF_RUNG_EXACT : QF_RUNG_NEAREST,
            .tuned = best->problem,
            .here = strcmp(tune_key, m->cpu[best->kernel.isa].tune_key) == 0,
            .unix_us = best->unix_us,
        };
        if (is_better(&found, row)) *row = found;
    }
    return true;
}

static qf_status ask_ledger(making *m)
{
    if (!m->request->store) return QF_OK;
    QF_TRY(qf_store_each_best(m->request->store, NULL, visit, m));
    qf_message_clear(); /* of rows whose kernels are made no more */
    return QF_OK;
}

/* ---- from the prior ---------------------------------------------------------------------- */

static qf_status ask_prior(const making *m)
{
    for (qf_bundle_row *row = m->bundle->rows; row < m->bundle->rows + m->bundle->count;
         row++) {
        const qf_cpu *cpu = &m->cpu[row->kernel.isa];
        qf_space space;

        if (row->rung != QF_RUNG_REFERENCE) continue;
        QF_TRY(qf_space_build(cpu, &row->problem, QF_RECIPE_COUNT, &space));
        if (space.count) {
            row->kernel = space.item[0].kernel;
            row->rung = QF_RUNG_PRIOR;
        }
        qf_space_release(&space);
    }
    return QF_OK;
}

/* ---- the whole --------------------------------------------------------------------------- */

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

static qf_status add_isa(making *m, qf_isa isa)
{
    qf_bundle *bundle = m->bundle;

    const int first = bundle->count;

    for (int i = 0; i < m->request->count; i++) {
        const qf_bundle_row row = {.problem = qf_problem_on(&m->request->problems[i], isa),
                                   .kernel.isa = isa,
                                   .rung = QF_RUNG_REFERENCE};
        int known = first;
        while (known < bundle->count &&
               !qf_problem_equal(&bundle->rows[known].problem, &row.problem))
            known++;
        if (known == bundle->count) bundle->rows[bundle->count++] = row;
    }
    add_archive(bundle, qf_isa_of(isa)->arch);
    return learn_machine(m, isa);
}

static qf_status start(making *m)
{
    const qf_bundle_request *request = m->request;
    qf_bundle *bundle = m->bundle;
    struct utsname system;
    const int most = __builtin_popcount(request->isas) * request->count;

    bundle->name = qf_strdup(request->name);
    bundle->rows = qf_alloc_array((size_t)most, sizeof *bundle->rows);
    if (!bundle->name || !bundle->rows) return QF_MEMORY;
    if (uname(&system) == 0)
        memcpy(bundle->arch, system.machine, strnlen(system.machine, sizeof bundle->arch - 1));
    for (int isa = 0; isa < QF_ISA_COUNT; isa++)
        if (request->isas >> isa & 1) QF_TRY(add_isa(m, (qf_isa)isa));
    return QF_OK;
}

static qf_status make(making *m)
{
    QF_TRY(start(m));
    QF_TRY(ask_ledger(m));
    QF_TRY(ask_prior(m));
    return qf_bundle_emit(m->bundle, m->here);
}

qf_status qf_bundle_make(const qf_bundle_request *request, qf_bundle *bundle)
{
    *bundle = (qf_bundle){0};
    QF_TRY(check(request));
    making *m = qf_alloc(sizeof *m);
    if (!m) return QF_MEMORY;
    m->request = request;
    m->bundle = bundle;
    const qf_status status = make(m);
    if (status != QF_OK) qf_bundle_release(bundle);
    qf_free(m);
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
