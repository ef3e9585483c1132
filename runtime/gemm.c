/* gemm.c -- products with packed weights. */
#include "qforge/gemm.h"

#include "product.h"
#include "qforge/activations.h"
#include "qforge/memory.h"

const char *qf_rung_name(qf_rung rung)
{
    static const char *const names[] = {
#define QF_RUNG(id, name) name,
#include "qforge/rungs.def"
#undef QF_RUNG
    };
    return names[rung];
}

qf_layout qf_source_layout(const qf_kernel_source *source, qf_accuracy accuracy, qf_quant quant,
                           int group)
{
    /* fp32 parameters for exact work (training moves the offsets), fp16 where every byte
     * of the weight stream counts. */
    const bool plain = quant == QF_F32;
    const qf_accuracy_row *class = qf_accuracy_of(qf_accuracy_on(accuracy, quant, source->isa));
    return (qf_layout){quant, plain ? 0 : group, qf_isa_panel(source->isa),
                       plain ? QF_PARAMS_F32 : class->params,
                       plain ? QF_ORDER_QUADS : class->order};
}

static bool layout_fits(const qf_layout *layout, const qf_kernel_id *id)
{
    const qf_layout wants = qf_layout_of(id);
    return layout->quant == wants.quant && layout->group == wants.group &&
           layout->panel == wants.panel && layout->params == wants.params &&
           layout->order == wants.order;
}

qf_status qf_gemm_with(const qf_kernel *kernel, const qf_packed *packed, int64_t m,
                       qf_pool *pool, qf_gemm *gemm)
{
    const qf_recipe_row *recipe = qf_recipe_of(kernel->id.recipe);
    const int unit = recipe->op == QF_FORWARD ? packed->layout.group : packed->layout.panel;

    if (!layout_fits(&packed->layout, &kernel->id)) {
        char name[QF_NAME_MAX];
        qf_kernel_print(&kernel->id, name);
        return qf_fail(QF_SHAPE, "%s cannot read these packed weights", name);
    }
    if (m < 1) return qf_fail(QF_SHAPE, "a product of %lld rows", (long long)m);
    if (unit && kernel->id.tile.kc % unit)
        return qf_fail(QF_SHAPE, "kc %d is no multiple of %d", kernel->id.tile.kc, unit);
    *gemm = (qf_gemm){
        .problem = {recipe->accuracy, recipe->op, kernel->id.quant, kernel->id.group, m,
                    packed->n, packed->k, qf_pool_threads(pool)},
        .kernel = *kernel,
        .packed = packed,
        .pool = pool,
    };
    return QF_OK;
}

qf_status qf_gemm_plan(const qf_kernel_source *source, const qf_packed *packed,
                       qf_accuracy accuracy, qf_op op, int64_t m, qf_pool *pool, qf_gemm *gemm)
{
    const qf_problem asked = {
        accuracy,  op,        packed->layout.quant, packed->layout.group, m,
        packed->n, packed->k, qf_pool_threads(pool)};
    const qf_problem problem = qf_problem_on(&asked, source->isa);
    qf_kernel kernel;

    QF_TRY(source->find(source->self, &problem, &kernel));
    return qf_gemm_with(&kernel, packed, m, pool, gemm);
}

/* Depth as the kernels see it. */
static int64_t padded_depth(const qf_gemm *gemm)
{
    const qf_layout *layout = &gemm->packed->layout;
    if (gemm->problem.op == QF_GRAD_INPUT) return gemm->packed->panels * layout->panel;
    return layout->group ? qf_groups(gemm->packed->k, layout->group) * layout->group
                         : gemm->packed->k;
}

/* Scratch comes first.  Behind the activations, which all threads read block after block, their
 * prefetchers' next strides would fall into it: with two threads, 16 rows and `quad` that was
 * more than half of the time. */
static int64_t scratch_bytes(const qf_gemm *gemm)
{
    return qf_pool_threads(gemm->pool) * qf_product_scratch(&gemm->kernel);
}

size_t qf_gemm_workspace(const qf_gemm *gemm)
{
    return (size_t)(scratch_bytes(gemm) +
                    qf_product_activations(&gemm->kernel, gemm->problem.m, padded_depth(gemm)));
}

static qf_product product_of(const qf_gemm *gemm, float *y, int64_t ldy, int64_t m,
                             bool accumulate, uint8_t *workspace)
{
    const qf_packed *packed = gemm->packed;
    const qf_layout *layout = &packed->layout;
    const int64_t depth = padded_depth(gemm);
    const qf_pitch panels = {layout->panel, packed->panel_bytes};
    const qf_pitch records = layout->quant == QF_F32
                                 ? (qf_pitch){1, layout->panel * (int64_t)sizeof(float)}
                                 : (qf_pitch){layout->group, qf_layout_record_bytes(layout)};
    const bool forward = gemm->problem.op == QF_FORWARD;

    return (qf_product){
        .kernel = &gemm->kernel,
        .m = m,
        .n = forward ? packed->n : packed->k,
        .depth = depth,
        .a = workspace + scratch_bytes(gemm),
        .w = packed->bytes,
        .w_stride = packed->panel_bytes,
        .w_depth = forward ? records : panels,
        .w_columns = forward ? panels : records,
        .c = y,
        .ldc = ldy,
        .accumulate = accumulate,
        .scratch = workspace,
    };
}

typedef struct task {
    qf_product product;
    const float *x;
    int64_t ldx, k;
    int parts;
} task;

static void pack(void *context, int part, int parts)
{
    const task *t = context;
    qf_product_pack(&t->product, t->x, t->ldx, 1, t->k, part, parts);
}

static void multiply(void *context, int part, int parts)
{
    const task *t = context;
    qf_product_run(&t->product, part, parts);
}

size_t qf_tail_workspace(const qf_gemm *gemm, int64_t k)
{
    const int mr = gemm->kernel.id.tile.mr;
    const int64_t rows = (gemm->problem.m + mr - 1) / mr * mr;
    return qf_round_up((size_t)(rows * k) * sizeof(float), QF_ALIGNMENT);
}

/* Blocks [k][mr]; those of a bias are 1. */
static qf_product_tail pack_tail(const qf_gemm *gemm, const qf_tail *tail, int64_t m)
{
    const int mr = gemm->kernel.id.tile.mr;
    const int64_t k = tail->w->k;
    float *blocks = tail->workspace;

    if (k > tail->bias)
        qf_activations_pack_f32(tail->x, tail->ldx, 1, 0, m, k - tail->bias,
                                tail->bias ? (int)k : 0, mr, tail->workspace);
    for (int64_t block = 0; tail->bias && block < (m + mr - 1) / mr; block++)
        for (int i = 0; i < mr; i++) blocks[(block + 1) * k * mr - 1 - i] = 1;
    return (qf_product_tail){blocks, tail->w->bytes, tail->w->panel_bytes, k};
}

void qf_gemm_run(const qf_gemm *gemm, const float *x, int64_t ldx, float *y, int64_t ldy,
                 int64_t m, bool accumulate, void *workspace)
{
    qf_gemm_run_tail(gemm, x, ldx, y, ldy, m, accumulate, NULL, workspace);
}

void qf_gemm_run_tail(const qf_gemm *gemm, const float *x, int64_t ldx, float *y, int64_t ldy,
                      int64_t m, bool accumulate, const qf_tail *tail, void *workspace)
{
    QF_ASSERT(m >= 0 && m <= gemm->problem.m);
    if (m == 0) return;
    task t = {.product = product_of(gemm, y, ldy, m, accumulate, workspace),
              .x = x,
              .ldx = ldx,
              .k = gemm->problem.op == QF_FORWARD ? gemm->packed->k : gemm->packed->n};
    if (tail) {
        QF_ASSERT(gemm->problem.op == QF_FORWARD && tail->w->layout.quant == QF_F32 &&
                  tail->w->layout.panel == gemm->packed->layout.panel &&
                  tail->w->n == gemm->packed->n && tail->w->k >= 1);
        t.product.tail = pack_tail(gemm, tail, m);
    }
    /* Packing pays for a second wake-up only when there is much of it. */
    if (m * t.k > 16384)
        qf_pool_run(gemm->pool, pack, &t);
    else
        pack(&t, 0, 1);
    if (qf_product_parts(gemm->pool, m, t.product.n, t.product.depth) > 1)
        qf_pool_run(gemm->pool, multiply, &t);
    else
        multiply(&t, 0, 1);
}
