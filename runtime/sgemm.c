/* sgemm.c -- fp32 products of two plain matrices: both are packed on the way in, then
 * the same kernels and loops run as for fp32 weights. */
#include "product.h"
#include "qforge/memory.h"
#include "qforge/pack.h"

qf_status qf_sgemm_plan(const qf_kernel_source *source, qf_sgemm_shape shape, qf_pool *pool,
                        qf_sgemm *sgemm)
{
    const qf_problem problem = {QF_EXACT, QF_FORWARD, QF_F32,  0,
                                shape.m,  shape.n,    shape.k, qf_pool_threads(pool)};

    if (shape.m < 1 || shape.n < 1 || shape.k < 1)
        return qf_fail(QF_SHAPE, "a product of %lldx%lldx%lld", (long long)shape.m,
                       (long long)shape.n, (long long)shape.k);
    *sgemm = (qf_sgemm){.shape = shape, .pool = pool};
    return source->find(source->self, &problem, &sgemm->kernel);
}

static int64_t panels_bytes(int panel, int64_t n, int64_t k)
{
    return (int64_t)qf_round_up((size_t)((n + panel - 1) / panel * panel * k) * sizeof(float),
                                QF_ALIGNMENT);
}

size_t qf_sgemm_workspace(const qf_sgemm *sgemm)
{
    const qf_sgemm_shape *s = &sgemm->shape;
    return (size_t)(qf_product_activations(&sgemm->kernel, s->m, s->k) +
                    panels_bytes(qf_isa_panel(sgemm->kernel.id.isa), s->n, s->k) +
                    qf_pool_threads(sgemm->pool) * qf_product_scratch(&sgemm->kernel));
}

typedef struct task {
    qf_product product;
    const float *a, *b;
    int64_t a_row, a_k; /* strides of op(a)[m][k] */
    int64_t b_row, b_k; /* strides of op(b) as weights: row n, column k */
    int64_t k;
    int panel;
    float *panels;
} task;

static void pack(void *context, int part, int parts)
{
    const task *t = context;
    const int64_t n = t->product.n;
    const qf_range own = qf_partition((n + t->panel - 1) / t->panel, 1, part, parts);

    qf_pack_f32_panels(t->panel, t->b, t->b_row, t->b_k, n, t->k, own.begin, own.end,
                       t->panels);
    qf_product_pack(&t->product, t->a, t->a_row, t->a_k, t->k, part, parts);
}

static void multiply(void *context, int part, int parts)
{
    const task *t = context;
    qf_product_run(&t->product, part, parts);
}

void qf_sgemm_run(const qf_sgemm *sgemm, int64_t m, int64_t n, int64_t k, const float *a,
                  int64_t lda, const float *b, int64_t ldb, float *c, int64_t ldc,
                  bool accumulate, void *workspace)
{
    const qf_sgemm_shape *shape = &sgemm->shape;
    const int panel = qf_isa_panel(sgemm->kernel.id.isa);
    uint8_t *const activations = workspace;

    QF_ASSERT(m <= shape->m && n <= shape->n && k <= shape->k);
    if (m < 1 || n < 1) return;
    uint8_t *const panels = activations + qf_product_activations(&sgemm->kernel, m, k);
    task t = {
        .product = {.kernel = &sgemm->kernel,
                    .m = m,
                    .n = n,
                    .depth = k,
                    .a = activations,
                    .w = panels,
                    .w_stride = panel * k * (int64_t)sizeof(float),
                    .w_depth = {1, panel * (int64_t)sizeof(float)},
                    .w_columns = {panel, panel * k * (int64_t)sizeof(float)},
                    .c = c,
                    .ldc = ldc,
                    .accumulate = accumulate,
                    .scratch = panels + panels_bytes(panel, n, k)},
        .a = a,
        .b = b,
        .a_row = shape->a_transposed ? 1 : lda,
        .a_k = shape->a_transposed ? lda : 1,
        .b_row = shape->b_transposed ? ldb : 1,
        .b_k = shape->b_transposed ? 1 : ldb,
        .k = k,
        .panel = panel,
        .panels = (float *)(void *)panels,
    };
    if (qf_product_parts(sgemm->pool, m, n, k) > 1) {
        qf_pool_run(sgemm->pool, pack, &t);
        qf_pool_run(sgemm->pool, multiply, &t);
    } else {
        pack(&t, 0, 1);
        multiply(&t, 0, 1);
    }
}
