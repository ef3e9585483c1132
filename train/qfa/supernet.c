/* supernet.c -- packing, choosing, and the products of the chosen copies. */
#include "supernet.h"

#include <string.h>

#include "group_sums.h"
#include "qforge/gemm.h"
#include "qforge/memory.h"

typedef struct copy {
    qf_packed packed;
    qf_gemm forward, grad;
} copy;

struct tr_supernet {
    const qf_qmodel *model;
    tr_adapters *adapters; /* NULL: none in training */
    qf_pool *pool;
    int linears;
    int64_t rows;
    copy *copy;       /* [linears][widths] */
    uint8_t *chosen;  /* [linears] position among the widths */
    float **fold;     /* [threads] room for one linear's offsets */
    float *sums;      /* [rows][groups] of the input in hand */
    int sums_of;      /* linear whose input they are of, -1: none */
    float *dm;        /* [n][groups] */
    qf_sgemm outer;   /* dM = dy^T X */
    qf_sgemm times_a; /* dB = s dM A^T */
    qf_sgemm times_b; /* dA = s B^T dM */
    void *workspace;
};

static void shape_of(const tr_supernet *s, int index, int64_t *n, int64_t *groups, int64_t *k)
{
    qf_linear_shape(&s->model->base.config, (qf_linear_kind)(index % QF_LINEARS), n, k);
    *groups = qf_groups(*k, s->model->group);
}

/* The largest of each dimension over the seven shapes. */
static void largest_shape(const tr_supernet *s, int64_t *n, int64_t *groups)
{
    *n = *groups = 0;
    for (int i = 0; i < QF_LINEARS; i++) {
        int64_t rows, count, k;
        shape_of(s, i, &rows, &count, &k);
        *n = rows > *n ? rows : *n;
        *groups = count > *groups ? count : *groups;
    }
}

/* ---- making one ---- */
/* What the model's own adapters are, they stay. */
static void fold_for_good(tr_supernet *s, int index, int width)
{
    qf_qmodel_merged_offsets(s->model, index, s->model->width[width], s->fold[0]);
    qf_packed_set_offsets(&s->copy[index * s->model->widths + width].packed, s->fold[0]);
}

/* Of a copy that its file can give again only the offsets stay, where adapters move them. */
static qf_status pack_packed(tr_supernet *s, const qf_kernel_source *source, int index,
                             int width, qf_packed *packed)
{
    const int bits = s->model->width[width];
    const qf_qmatrix matrix = qf_qmodel_matrix(s->model, index, bits);
    const qf_layout layout = qf_source_layout(source, QF_EXACT, matrix.quant, s->model->group);

    QF_TRY(qf_qmodel_take(s->model, index, bits));
    const qf_status status = qf_pack_quantised(&layout, &matrix, packed);
    if (status == QF_OK && !s->adapters && s->model->rank) fold_for_good(s, index, width);
    if (s->adapters)
        qf_qmodel_drop_codes(s->model, index, bits);
    else
        qf_qmodel_drop(s->model, index, bits);
    return status;
}

static qf_status pack_copy(tr_supernet *s, const qf_kernel_source *source, int index, int width,
                           bool backward)
{
    copy *c = &s->copy[index * s->model->widths + width];

    QF_TRY(pack_packed(s, source, index, width, &c->packed));
    QF_TRY(
        qf_gemm_plan(source, &c->packed, QF_EXACT, QF_FORWARD, s->rows, s->pool, &c->forward));
    if (!backward) return QF_OK;
    return qf_gemm_plan(source, &c->packed, QF_EXACT, QF_GRAD_INPUT, s->rows, s->pool,
                        &c->grad);
}

static qf_status make_gradients(tr_supernet *s, const qf_kernel_source *source)
{
    const int rank = tr_adapters_options_of(s->adapters)->rank;
    int64_t n, groups;

    largest_shape(s, &n, &groups);
    s->sums = qf_alloc_array((size_t)(s->rows * groups), sizeof *s->sums);
    s->dm = qf_alloc_array((size_t)(n * groups), sizeof *s->dm);
    if (!s->sums || !s->dm) return QF_MEMORY;
    QF_TRY(qf_sgemm_plan(source, (qf_sgemm_shape){n, groups, s->rows, true, false}, s->pool,
                         &s->outer));
    if (rank == 0) return QF_OK;
    QF_TRY(qf_sgemm_plan(source, (qf_sgemm_shape){n, rank, groups, false, true}, s->pool,
                         &s->times_a));
    return qf_sgemm_plan(source, (qf_sgemm_shape){rank, groups, n, true, false}, s->pool,
                         &s->times_b);
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static qf_status make_workspace(tr_supernet *s, bool backward)
{
    size_t most = 0;

    for (int i = 0; i < s->linears * s->model->widths; i++) {
        most = larger(most, qf_gemm_workspace(&s->copy[i].forward));
        if (backward) most = larger(most, qf_gemm_workspace(&s->copy[i].grad));
    }
    if (s->sums) most = larger(most, qf_sgemm_workspace(&s->outer));
    if (s->sums && tr_adapters_options_of(s->adapters)->rank) {
        most = larger(most, qf_sgemm_workspace(&s->times_a));
        most = larger(most, qf_sgemm_workspace(&s->times_b));
    }
    s->workspace = qf_alloc_array(most, 1);
    return s->workspace ? QF_OK : QF_MEMORY;
}

static qf_status make_fold(tr_supernet *s)
{
    const int threads = qf_pool_threads(s->pool);
    int64_t n, groups;

    largest_shape(s, &n, &groups);
    s->fold = qf_alloc_array((size_t)threads, sizeof *s->fold);
    if (!s->fold) return QF_MEMORY;
    for (int i = 0; i < threads; i++) {
        s->fold[i] = qf_alloc_array((size_t)(n * groups), sizeof **s->fold);
        if (!s->fold[i]) return QF_MEMORY;
    }
    return QF_OK;
}

static qf_status fill(tr_supernet *s, const qf_kernel_source *source, bool backward)
{
    const int widths = s->model->widths;

    s->copy = qf_alloc_array((size_t)(s->linears * widths), sizeof *s->copy);
    s->chosen = qf_alloc_array((size_t)s->linears, 1);
    if (!s->copy || !s->chosen) return QF_MEMORY;
    if (s->adapters || s->model->rank) QF_TRY(make_fold(s));
    for (int i = 0; i < s->linears * widths; i++)
        QF_TRY(pack_copy(s, source, i / widths, i % widths, backward));
    if (s->adapters && backward) QF_TRY(make_gradients(s, source));
    return make_workspace(s, backward);
}

qf_status tr_supernet_create(const qf_kernel_source *source, qf_pool *pool, int64_t rows,
                             const qf_qmodel *model, tr_adapters *adapters, bool backward,
                             tr_supernet **supernet)
{
    tr_supernet *s = qf_alloc(sizeof *s);

    if (!s) return QF_MEMORY;
    *s = (tr_supernet){.model = model,
                       .adapters = adapters,
                       .pool = pool,
                       .linears = model->base.config.layers * QF_LINEARS,
                       .rows = rows,
                       .sums_of = -1};
    const qf_status status = fill(s, source, backward);
    if (status != QF_OK) {
        tr_supernet_destroy(s);
        return status;
    }
    *supernet = s;
    return QF_OK;
}

void tr_supernet_destroy(tr_supernet *s)
{
    if (!s) return;
    for (int i = 0; s->copy && i < s->linears * s->model->widths; i++)
        qf_packed_release(&s->copy[i].packed);
    for (int i = 0; s->fold && i < qf_pool_threads(s->pool); i++) qf_free(s->fold[i]);
    qf_free(s->copy);
    qf_free(s->chosen);
    qf_free(s->fold);
    qf_free(s->sums);
    qf_free(s->dm);
    qf_free(s->workspace);
    qf_free(s);
}

/* ---- choosing ---- */
static copy *current(const tr_supernet *s, int index)
{
    return &s->copy[index * s->model->widths + s->chosen[index]];
}

static void fold_adapters(void *context, int part, int parts)
{
    const tr_supernet *s = context;
    for (int i = part; i < s->linears; i += parts) {
        tr_adapters_offsets(s->adapters, i, s->chosen[i], s->fold[part]);
        qf_packed_set_offsets(&current(s, i)->packed, s->fold[part]);
    }
}

qf_status tr_supernet_choose(tr_supernet *s, const qf_subnet *subnet)
{
    if (subnet->count != s->linears)
        return qf_fail(QF_SHAPE, "a subnet of %d linears for a model of %d", subnet->count,
                       s->linears);
    for (int i = 0; i < s->linears; i++) {
        int at = 0;
        while (at < s->model->widths && s->model->width[at] != subnet->bits[i]) at++;
        if (at == s->model->widths)
            return qf_fail(QF_USAGE, "the model has no %d-bit copy of its linears",
                           subnet->bits[i]);
        s->chosen[i] = (uint8_t)at;
    }
    if (s->adapters) qf_pool_run(s->pool, fold_adapters, s);
    return QF_OK;
}

int tr_supernet_chosen(const tr_supernet *s, int index)
{
    return s->chosen[index];
}

/* ---- running ---- */
static void forward(void *self, int index, const float *x, float *y, int64_t N)
{
    tr_supernet *s = self;
    const copy *c = current(s, index);

    s->sums_of = -1; /* new activations: the sums in hand are stale */
    qf_gemm_run(&c->forward, x, c->packed.k, y, c->packed.n, N, false, s->workspace);
}

/* Query, key and value read the same input, and so do gate and up: the first of them to
 * ask makes the sums. */
static int input_of(int index)
{
    const int kind = index % QF_LINEARS;
    if (kind == QF_LINEAR_KEY || kind == QF_LINEAR_VALUE) return index - kind + QF_LINEAR_QUERY;
    if (kind == QF_LINEAR_UP) return index - kind + QF_LINEAR_GATE;
    return index;
}

/* dm: of the offsets, times s. */
static void component_gradient(tr_supernet *s, const tr_adapter *adapter, int64_t n,
                               int64_t groups)
{
    const int rank = tr_adapters_options_of(s->adapters)->rank;

    if (rank == 0) {
        for (int64_t i = 0; i < n * groups; i++) adapter->db[i] += s->dm[i];
        return;
    }
    qf_sgemm_run(&s->times_a, n, rank, groups, s->dm, groups, adapter->a, groups, adapter->db,
                 rank, true, s->workspace);
    qf_sgemm_run(&s->times_b, rank, groups, n, adapter->b, rank, s->dm, groups, adapter->da,
                 groups, true, s->workspace);
}

static void adapter_gradient(tr_supernet *s, int index, const float *dy, const float *x,
                             int64_t N)
{
    const float scale = tr_adapters_options_of(s->adapters)->scale;
    int64_t n, groups, k;

    shape_of(s, index, &n, &groups, &k);
    if (s->sums_of != input_of(index))
        tr_group_sums(x, N, k, s->model->group, s->sums, s->pool);
    s->sums_of = input_of(index);
    qf_sgemm_run(&s->outer, n, groups, N, dy, n, s->sums, groups, s->dm, groups, false,
                 s->workspace);
    for (int64_t i = 0; i < n * groups; i++) s->dm[i] *= scale;
    for (int c = 0; c < tr_adapters_components(s->adapters); c++) {
        const tr_adapter adapter = tr_adapters_at(s->adapters, index, c);
        if (tr_adapters_uses(s->adapters, c, s->chosen[index]))
            component_gradient(s, &adapter, n, groups);
    }
}

static void backward(void *self, int index, const float *dy, const float *x, float *dx,
                     bool accumulate, int64_t N)
{
    tr_supernet *s = self;
    const copy *c = current(s, index);

    if (dx)
        qf_gemm_run(&c->grad, dy, c->packed.n, dx, c->packed.k, N, accumulate, s->workspace);
    if (s->sums) adapter_gradient(s, index, dy, x, N);
}

tr_linears tr_supernet_linears(tr_supernet *s)
{
    return (tr_linears){.self = s, .forward = forward, .backward = backward};
}
