/* aot.c -- a table of compiled kernels as a source of kernels, and products by it. */
#include "qforge/aot.h"

#include <sys/utsname.h>

#include "cpu_isas.h"
#include "qforge/gemm.h"
#include "qforge/memory.h"

/* A row as values. */
typedef struct entry {
    qf_problem problem;
    qf_kernel_id kernel;
    const qf_aot_kernel *row;
} entry;

struct qf_aot {
    qf_kernel_source source;
    entry *entries; /* owned */
    int count;
};

struct qf_aot_weights {
    const qf_aot *aot;
    qf_accuracy accuracy;
    qf_packed packed;
};

struct qf_aot_product {
    qf_gemm gemm;
    const qf_aot_kernel *row;
};

static const qf_aot_kernel plain = {"", "reference", qf_reference_gemm, QF_CODE_ABI};
static const int64_t most_size = INT64_C(1) << 28;

const char *qf_aot_error(void)
{
    return qf_message();
}

/* ---- the table --------------------------------------------------------------------------- */

static qf_status read_row(const qf_aot_kernel *row, entry *e)
{
    if (row->abi != QF_CODE_ABI)
        return qf_fail(QF_UNSUPPORTED, "%s is code of version %lld, this program calls %d",
                       row->kernel, (long long)row->abi, QF_CODE_ABI);
    e->row = row;
    QF_TRY(qf_problem_parse(row->problem, &e->problem));
    return qf_kernel_parse(row->kernel, &e->kernel);
}

static qf_status read_table(const qf_aot_kernel *table, qf_aot *aot)
{
    int rows = 0;

    while (table[rows].kernel) rows++;
    aot->entries = qf_alloc_array((size_t)rows, sizeof *aot->entries);
    if (!aot->entries) return QF_MEMORY;
    for (; aot->count < rows; aot->count++)
        QF_TRY(read_row(&table[aot->count], &aot->entries[aot->count]));
    return QF_OK;
}

/* The best instruction set that has kernels, runs here and may be seen. */
static qf_status choose_isa(qf_aot *aot)
{
    struct utsname system;
    uint32_t isas = 0;
    qf_isa best;

    const uint32_t usable = qf_isas_usable(uname(&system) == 0 ? system.machine : "unknown");
    QF_TRY(qf_isas_wished(usable, &best));
    for (int i = 0; i < aot->count; i++) isas |= 1u << aot->entries[i].kernel.isa;
    aot->source.isa = qf_isas_best(isas & usable & ((2u << best) - 1));
    return QF_OK;
}

/* Any kernel of the class and format computes any shape; the nearest one's is likely fast. */
static const entry *nearest(const qf_aot *aot, const qf_problem *p)
{
    const entry *best = NULL;
    double least = 0;

    for (const entry *e = aot->entries; e < aot->entries + aot->count; e++) {
        const qf_problem *q = &e->problem;
        if (e->kernel.isa != aot->source.isa || q->accuracy != p->accuracy || q->op != p->op ||
            q->quant != p->quant || q->group != p->group)
            continue;
        const double distance = qf_problem_distance(q, p);
        if (best && distance >= least) continue;
        best = e, least = distance;
    }
    return best;
}

static qf_status find(void *self, const qf_problem *problem, qf_kernel *kernel)
{
    const qf_aot *aot = self;
    const entry *e = nearest(aot, problem);

    if (e) {
        const bool same = qf_problem_distance(&e->problem, problem) == 0;
        *kernel = (qf_kernel){e->kernel, e->row->run, same ? QF_RUNG_EXACT : QF_RUNG_NEAREST};
        return QF_OK;
    }
    return qf_reference_find(aot->source.isa, problem, kernel);
}

qf_aot *qf_aot_open(const qf_aot_kernel *table)
{
    qf_aot *aot = qf_alloc(sizeof *aot);

    if (!aot) return NULL;
    aot->source = (qf_kernel_source){aot, QF_ISA_C, find};
    if (read_table(table, aot) == QF_OK && choose_isa(aot) == QF_OK) return aot;
    qf_aot_close(aot);
    return NULL;
}

void qf_aot_close(qf_aot *aot)
{
    if (aot) qf_free(aot->entries);
    qf_free(aot);
}

const char *qf_aot_isa(const qf_aot *aot)
{
    return qf_isa_of(aot->source.isa)->name;
}

/* ---- weights ----------------------------------------------------------------------------- */

static qf_status check_matrix(const qf_qmatrix *matrix, int bits, qf_accuracy accuracy)
{
    if (accuracy == QF_ACCURACY_COUNT)
        return qf_fail(QF_USAGE, "the accuracy is none of exact, fine and fast");
    if (matrix->quant == QF_QUANT_COUNT || matrix->quant == QF_F32)
        return qf_fail(QF_USAGE, "weights of %d bits, not 2, 3, 4 or 8", bits);
    if (!qf_group_valid(matrix->group))
        return qf_fail(QF_SHAPE, "groups of %d, not 32, 64 or 128", matrix->group);
    if (matrix->n < 1 || matrix->k < 1 || matrix->n > most_size || matrix->k > most_size)
        return qf_fail(QF_SHAPE, "weights of %lld x %lld", (long long)matrix->n,
                       (long long)matrix->k);
    return qf_qmatrix_check(matrix, "weights");
}

qf_aot_weights *qf_aot_pack(const qf_aot *aot, const char *accuracy, int bits, int group,
                            int64_t n, int64_t k, const uint8_t *code, const float *scale,
                            const float *offset)
{
    const qf_accuracy class = qf_accuracy_named(accuracy);
    const qf_qmatrix matrix = {qf_quant_of_bits(bits), group, n, k, code, scale, offset};

    if (check_matrix(&matrix, bits, class) != QF_OK) return NULL;
    const qf_layout layout = qf_source_layout(&aot->source, class, matrix.quant, group);
    qf_aot_weights *weights = qf_alloc(sizeof *weights);
    if (!weights) return NULL;
    *weights = (qf_aot_weights){.aot = aot, .accuracy = class};
    if (qf_pack_quantised(&layout, &matrix, &weights->packed) == QF_OK) return weights;
    qf_free(weights);
    return NULL;
}

void qf_aot_weights_free(qf_aot_weights *weights)
{
    if (weights) qf_packed_release(&weights->packed);
    qf_free(weights);
}

/* ---- products ---------------------------------------------------------------------------- */

qf_aot_team *qf_aot_team_create(int threads)
{
    qf_pool *pool;
    return qf_pool_create(threads, &pool) == QF_OK ? pool : NULL;
}

void qf_aot_team_free(qf_aot_team *team)
{
    qf_pool_destroy(team);
}

static qf_status plan(const qf_aot_weights *weights, int64_t m, qf_pool *team,
                      qf_aot_product *product)
{
    const qf_aot *aot = weights->aot;

    if (m < 1 || m > most_size)
        return qf_fail(QF_SHAPE, "a product of %lld rows", (long long)m);
    QF_TRY(qf_gemm_plan(&aot->source, &weights->packed, weights->accuracy, QF_FORWARD, m, team,
                        &product->gemm));
    const entry *e = nearest(aot, &product->gemm.problem);
    product->row = e ? e->row : &plain;
    return QF_OK;
}

qf_aot_product *qf_aot_plan(const qf_aot_weights *weights, int64_t m, qf_aot_team *team)
{
    qf_aot_product *product = qf_alloc(sizeof *product);

    if (!product) return NULL;
    if (plan(weights, m, team, product) == QF_OK) return product;
    qf_free(product);
    return NULL;
}

void qf_aot_product_free(qf_aot_product *product)
{
    qf_free(product);
}

const char *qf_aot_kernel_name(const qf_aot_product *product)
{
    return product->row->kernel;
}

const char *qf_aot_kernel_problem(const qf_aot_product *product)
{
    return product->row->problem;
}

size_t qf_aot_workspace(const qf_aot_product *product)
{
    return qf_gemm_workspace(&product->gemm) + QF_ALIGNMENT;
}

int qf_aot_run(const qf_aot_product *product, const float *x, int64_t ldx, float *y,
               int64_t ldy, int64_t m, int accumulate, void *workspace)
{
    const qf_problem *p = &product->gemm.problem;
    uint8_t *space = workspace;

    if (m < 0 || m > p->m || ldx < p->k || ldy < p->n) {
        (void)qf_fail(
            QF_SHAPE,
            "a product of %lld rows, ldx %lld and ldy %lld, planned as %lld x %lld x %lld",
            (long long)m, (long long)ldx, (long long)ldy, (long long)p->m, (long long)p->n,
            (long long)p->k);
        return -1;
    }
    space += (QF_ALIGNMENT - (uintptr_t)space % QF_ALIGNMENT) % QF_ALIGNMENT;
    qf_gemm_run(&product->gemm, x, ldx, y, ldy, m, accumulate != 0, space);
    return 0;
}
