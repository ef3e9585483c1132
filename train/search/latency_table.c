/* latency_table.c -- times every shape and width of a model's linears. */
#include "qforge/latency_table.h"

#include <string.h>

#include "qforge/memory.h"
#include "qforge/random.h"
#include "qforge/store.h"

/* One product over rotating copies of its weights. */
typedef struct rotation {
    qf_gemm gemm;
    qf_packed view; /* what gemm reads; bytes moves from copy to copy */
    uint8_t *copies;
    int64_t stride;
    int count, next;
    float *x, *y;
    void *workspace;
} rotation;

static void turn(void *context)
{
    rotation *r = context;
    r->view.bytes = r->copies + r->next * r->stride;
    r->next = r->next + 1 < r->count ? r->next + 1 : 0;
    qf_gemm_run(&r->gemm, r->x, r->view.k, r->y, r->view.n, 1, false, r->workspace);
}

/* Weights that mean nothing: the time does not depend on values. */
static qf_status pack_noise(const qf_layout *layout, int64_t n, int64_t k, qf_packed *packed)
{
    const int64_t groups = n * qf_groups(k, layout->group);
    uint8_t *code = qf_alloc((size_t)(n * k));
    float *scale = qf_alloc_array((size_t)groups, 2 * sizeof *scale);
    qf_status status = QF_MEMORY;

    if (code && scale) {
        const unsigned mask = (1u << qf_quant_of(layout->quant)->bits) - 1;
        qf_random random = qf_random_init(1, (uint64_t)layout->quant);
        for (int64_t i = 0; i < n * k; i++) code[i] = (uint8_t)(qf_random_u32(&random) & mask);
        for (int64_t i = 0; i < groups; i++) scale[i] = 0.01f, scale[groups + i] = -0.02f;
        const qf_qmatrix matrix = {layout->quant, layout->group, n, k, code,
                                   scale,         scale + groups};
        status = qf_pack_quantised(layout, &matrix, packed);
    }
    qf_free(scale);
    qf_free(code);
    return status;
}

static qf_status rotation_open(const qf_latency_options *options, const qf_packed *packed,
                               qf_cache_mode mode, rotation *r)
{
    const int64_t bytes = packed->panels * packed->panel_bytes;
    const int64_t wanted = 2 * qf_cpu_cache_bytes(options->cpu, 3);
    const int threads = qf_pool_threads(options->pool);

    memset(r, 0, sizeof *r);
    r->view = *packed;
    r->stride = (int64_t)qf_round_up((size_t)bytes, QF_ALIGNMENT);
    r->count = mode == QF_COLD ? (int)(wanted / r->stride) + 1
                               : qf_cache_copies(options->cpu, mode, bytes, threads);
    QF_TRY(
        qf_gemm_plan(options->source, packed, QF_FAST, QF_FORWARD, 1, options->pool, &r->gemm));
    r->gemm.packed = &r->view;
    r->copies = qf_alloc_array((size_t)r->count, (size_t)r->stride);
    r->x = qf_alloc_array((size_t)packed->k, sizeof *r->x);
    r->y = qf_alloc_array((size_t)packed->n, sizeof *r->y);
    r->workspace = qf_alloc(qf_gemm_workspace(&r->gemm));
    if (!r->copies || !r->x || !r->y || !r->workspace) return QF_MEMORY;
    for (int c = 0; c < r->count; c++)
        memcpy(r->copies + c * r->stride, packed->bytes, (size_t)bytes);
    for (int64_t i = 0; i < packed->k; i++) r->x[i] = (float)(i % 17 - 8);
    return QF_OK;
}

static void rotation_close(rotation *r)
{
    qf_free(r->workspace);
    qf_free(r->y);
    qf_free(r->x);
    qf_free(r->copies);
}

static qf_status time_row(const qf_latency_options *options, const qf_packed *packed,
                          qf_cache_mode mode, qf_latency *row)
{
    qf_measure_options how = qf_measure_defaults;
    rotation r;

    how.max_seconds = options->seconds > 0 ? options->seconds : 0.05;
    how.min_seconds = how.max_seconds / 5;
    qf_status status = rotation_open(options, packed, mode, &r);
    if (status == QF_OK) {
        const qf_timing timing = qf_measure(&how, turn, NULL, &r);
        *row = qf_latency_of(&r.gemm.kernel.id, &timing);
    }
    rotation_close(&r);
    return status;
}

/* The ledger's row, if the kernel that would run now made it. */
static qf_status recall(const qf_latency_options *options, const qf_problem *problem,
                        qf_cache_mode mode, qf_latency *row)
{
    qf_kernel kernel;

    if (!options->store) return QF_NOT_FOUND;
    QF_TRY(qf_latency_get(options->store, options->cpu, problem, mode, row));
    QF_TRY(options->source->find(options->source->self, problem, &kernel));
    return qf_kernel_equal(&kernel.id, &row->kernel) ? QF_OK : QF_NOT_FOUND;
}

static qf_status fill_row(const qf_latency_options *options, const qf_problem *problem,
                          qf_cache_mode mode, qf_packed *packed, qf_latency_table *table,
                          double *ns)
{
    qf_latency row;
    qf_status status = recall(options, problem, mode, &row);

    if (status == QF_NOT_FOUND) {
        const qf_layout layout =
            qf_source_layout(options->source, QF_FAST, problem->quant, problem->group);
        if (!packed->bytes) QF_TRY(pack_noise(&layout, problem->n, problem->k, packed));
        QF_TRY(time_row(options, packed, mode, &row));
        if (options->store && options->keep)
            QF_TRY(qf_latency_put(options->store, options->cpu, problem, mode, &row));
        table->measured++;
        status = QF_OK;
    } else if (status == QF_OK) {
        table->remembered++;
    }
    *ns = row.ns;
    return status;
}

/* An earlier linear of the same shape; QF_LINEARS when there is none. */
static int twin_of(const qf_config *config, int kind)
{
    int64_t n, k, other_n, other_k;
    qf_linear_shape(config, (qf_linear_kind)kind, &n, &k);
    for (int other = 0; other < kind; other++) {
        qf_linear_shape(config, (qf_linear_kind)other, &other_n, &other_k);
        if (n == other_n && k == other_k) return other;
    }
    return QF_LINEARS;
}

static qf_status fill_shape(const qf_latency_options *options, int kind, int w,
                            qf_latency_table *table)
{
    qf_problem problem = {.accuracy = QF_FAST,
                          .op = QF_FORWARD,
                          .quant = qf_quant_of_bits(table->width[w]),
                          .group = table->group,
                          .m = 1,
                          .threads = table->threads};
    qf_packed packed = {0};
    qf_status status = QF_OK;

    qf_linear_shape(&table->config, (qf_linear_kind)kind, &problem.n, &problem.k);
    for (int mode = QF_WARM; status == QF_OK && mode <= QF_COLD; mode++)
        status = fill_row(options, &problem, (qf_cache_mode)mode, &packed, table,
                          &table->ns[mode][kind][w]);
    qf_packed_release(&packed);
    return status;
}

qf_status qf_latency_measure(const qf_latency_options *options, const qf_config *config,
                             int group, const int *width, int widths, qf_latency_table *table)
{
    memset(table, 0, sizeof *table);
    table->config = *config;
    table->group = group;
    table->threads = qf_pool_threads(options->pool);
    table->widths = widths;
    memcpy(table->width, width, (size_t)widths * sizeof *width);
    table->cache_bytes = qf_cpu_cache_bytes(options->cpu, 3);
    table->scale = 1;
    for (int kind = 0; kind < QF_LINEARS; kind++) {
        const int twin = twin_of(config, kind);
        for (int w = 0; w < widths; w++) {
            if (twin == QF_LINEARS) QF_TRY(fill_shape(options, kind, w, table));
            for (int mode = QF_WARM; twin < QF_LINEARS && mode <= QF_COLD; mode++)
                table->ns[mode][kind][w] = table->ns[mode][twin][w];
            if (options->progress &&
                !options->progress(options->progress_context, kind * widths + w + 1,
                                   QF_LINEARS * widths))
                return QF_INTERRUPTED;
        }
    }
    return QF_OK;
}
