/* engine_create.c -- packs the linears, plans every product, lays out cache and
 * activations. */
#include <string.h>

#include "engine_inside.h"

enum { CHUNK = 128 };

static qf_status plan_linear(const qf_engine *engine, qf_accuracy accuracy,
                             qf_engine_linear *linear)
{
    QF_TRY(qf_gemm_plan(engine->source, &linear->packed, accuracy, QF_FORWARD, 1, engine->pool,
                        &linear->one));
    return qf_gemm_plan(engine->source, &linear->packed, accuracy, QF_FORWARD, engine->chunk,
                        engine->pool, &linear->many);
}

static qf_status add_f32(const qf_engine *engine, const float *w, int64_t n, int64_t k,
                         qf_engine_linear *linear)
{
    const qf_layout layout = qf_source_layout(engine->source, QF_EXACT, QF_F32, 0);

    QF_TRY(qf_pack_f32(&layout, w, k, n, k, &linear->packed));
    return plan_linear(engine, QF_EXACT, linear);
}

static qf_status add_linears(qf_engine *engine, const qf_model *model)
{
    for (int i = 0; i < qf_engine_head(engine); i++) {
        int64_t n, k;
        qf_linear_shape(&model->config, (qf_linear_kind)(i % QF_LINEARS), &n, &k);
        QF_ASSERT(model->linear[i]);
        QF_TRY(add_f32(engine, model->linear[i], n, k, &engine->linear[i]));
    }
    return QF_OK;
}

/* ---- subnets ---- */

static qf_status add_quantised(qf_engine *engine, const qf_qmodel *model, int index, int bits,
                               qf_accuracy accuracy, float *offset)
{
    qf_qmatrix matrix = qf_qmodel_matrix(model, index, bits);
    const qf_layout layout =
        qf_source_layout(engine->source, accuracy, matrix.quant, matrix.group);

    qf_qmodel_merged_offsets(model, index, bits, offset);
    matrix.offset = offset;
    QF_TRY(qf_pack_quantised(&layout, &matrix, &engine->linear[index].packed));
    return plan_linear(engine, accuracy, &engine->linear[index]);
}

/* Offsets of the largest linear, with room for an adapter's sum. */
static float *make_offsets(const qf_qmodel *model)
{
    int64_t most = 0;
    for (int kind = 0; kind < QF_LINEARS; kind++) {
        int64_t n, k;
        qf_linear_shape(&model->base.config, (qf_linear_kind)kind, &n, &k);
        const int64_t count = n * qf_groups(k, model->group);
        most = count > most ? count : most;
    }
    return qf_alloc_array((size_t)most, sizeof(float));
}

static qf_status check_subnet(const qf_qmodel *model, const qf_subnet *subnet)
{
    if (subnet->count != model->base.config.layers * QF_LINEARS)
        return qf_fail(QF_SHAPE, "a subnet of %d linears for a model of %d", subnet->count,
                       model->base.config.layers * QF_LINEARS);
    for (int i = 0; i < subnet->count; i++)
        if (!qf_qmodel_linear(model, i, subnet->bits[i]))
            return qf_fail(QF_USAGE, "the model has no %d-bit copy of its linears",
                           subnet->bits[i]);
    return QF_OK;
}

static qf_status add_subnet(qf_engine *engine, const qf_qmodel *model, const qf_subnet *subnet,
                            qf_accuracy accuracy)
{
    qf_status status = QF_OK;

    QF_TRY(check_subnet(model, subnet));
    float *offset = make_offsets(model);
    if (!offset) return QF_MEMORY;
    for (int i = 0; status == QF_OK && i < subnet->count; i++) {
        status = qf_qmodel_take(model, i, subnet->bits[i]);
        if (status == QF_OK)
            status = add_quantised(engine, model, i, subnet->bits[i], accuracy, offset);
        qf_qmodel_drop(model, i, subnet->bits[i]);
    }
    qf_free(offset);
    return status;
}

/* ---- supplies ---- */

/* fp32 weights have exact products only. */
static qf_status add_supplied(qf_engine *engine, const qf_supply *supply, qf_accuracy accuracy)
{
    for (int i = 0; i <= qf_engine_head(engine); i++) {
        qf_engine_linear *linear = &engine->linear[i];
        QF_TRY(supply->pack(supply->self, engine->source, accuracy, i, &linear->packed));
        const bool plain = linear->packed.layout.quant == QF_F32;
        QF_TRY(plan_linear(engine, plain ? QF_EXACT : accuracy, linear));
    }
    return QF_OK;
}

/* ---- room ---- */

static size_t most_workspace(const qf_engine *engine)
{
    size_t most = qf_attention_workspace(&engine->attention);
    for (int i = 0; i <= qf_engine_head(engine); i++) {
        const size_t one = qf_gemm_workspace(&engine->linear[i].one);
        const size_t many = qf_gemm_workspace(&engine->linear[i].many);
        most = one > most ? one : most;
        most = many > most ? many : most;
    }
    return most;
}

static void lay_out(qf_engine *engine, qf_arena *arena)
{
    const qf_config *c = &engine->base.config;
    const size_t chunk = (size_t)engine->chunk * sizeof(float);
    const size_t cache = (size_t)c->layers * (size_t)engine->context * (size_t)c->kv_heads *
                         (size_t)c->head_dim * sizeof(float);
    const size_t wide = (size_t)c->heads * (size_t)c->head_dim;

    engine->rope =
        qf_arena_take(arena, (size_t)engine->context * (size_t)c->head_dim * sizeof(float));
    engine->key = qf_arena_take(arena, cache);
    engine->value = qf_arena_take(arena, cache);
    engine->x = qf_arena_take(arena, chunk * (size_t)c->dim);
    engine->normed = qf_arena_take(arena, chunk * (size_t)c->dim);
    engine->query = qf_arena_take(arena, chunk * wide);
    engine->mixed = qf_arena_take(arena, chunk * wide);
    engine->gate = qf_arena_take(arena, chunk * (size_t)c->hidden);
    engine->up = qf_arena_take(arena, chunk * (size_t)c->hidden);
    engine->workspace = qf_arena_take(arena, most_workspace(engine));
}

static qf_status make_room(qf_engine *engine)
{
    const qf_config *c = &engine->base.config;
    qf_arena measure = {0};

    QF_TRY(qf_attention_plan(engine->source, c->heads, c->kv_heads, c->head_dim, engine->chunk,
                             engine->context, false, engine->pool, &engine->attention));
    lay_out(engine, &measure);
    QF_TRY(qf_arena_init(&engine->arena, measure.used));
    lay_out(engine, &engine->arena);
    qf_rope_table(engine->rope, engine->context, c->head_dim, c->rope_theta);
    return QF_OK;
}

/* ---- creation ---- */

static qf_status check_options(const qf_engine_options *options)
{
    if (options->context < 0)
        return qf_fail(QF_RANGE, "a context of %d tokens", options->context);
    if (options->chunk < 0) return qf_fail(QF_RANGE, "chunks of %d tokens", options->chunk);
    return QF_OK;
}

/* What full-precision and quantised engines have in common before their linears. */
static qf_status begin(const qf_engine_options *options, const qf_model *base,
                       qf_engine **engine)
{
    const qf_config *c = &base->config;

    *engine = NULL;
    QF_TRY(check_options(options));
    qf_engine *fresh = qf_alloc(sizeof *fresh);
    if (!fresh) return QF_MEMORY;
    fresh->source = options->source;
    fresh->pool = options->pool;
    fresh->base = *base;
    fresh->context = options->context ? options->context : c->context;
    fresh->chunk = options->chunk ? options->chunk : CHUNK;
    if (fresh->chunk > fresh->context) fresh->chunk = fresh->context;
    fresh->linear = qf_alloc_array((size_t)c->layers * QF_LINEARS + 1, sizeof *fresh->linear);
    *engine = fresh;
    return fresh->linear ? QF_OK : QF_MEMORY;
}

static qf_status finish(qf_engine *engine)
{
    const qf_config *c = &engine->base.config;
    QF_TRY(add_f32(engine, engine->base.head, c->vocab, c->dim,
                   &engine->linear[qf_engine_head(engine)]));
    return make_room(engine);
}

static qf_status give(qf_status status, qf_engine **engine)
{
    if (status == QF_OK) return QF_OK;
    qf_engine_destroy(*engine);
    *engine = NULL;
    return status;
}

qf_status qf_engine_create(const qf_engine_options *options, const qf_model *model,
                           qf_engine **engine)
{
    qf_status status = begin(options, model, engine);
    if (status == QF_OK) status = add_linears(*engine, model);
    if (status == QF_OK) status = finish(*engine);
    return give(status, engine);
}

qf_status qf_engine_create_subnet(const qf_engine_options *options, const qf_qmodel *model,
                                  const qf_subnet *subnet, qf_engine **engine)
{
    qf_status status = begin(options, &model->base, engine);
    if (status == QF_OK) status = add_subnet(*engine, model, subnet, options->accuracy);
    if (status == QF_OK) status = finish(*engine);
    return give(status, engine);
}

qf_status qf_engine_create_supplied(const qf_engine_options *options, const qf_model *base,
                                    const qf_supply *supply, qf_engine **engine)
{
    qf_status status = begin(options, base, engine);
    if (status == QF_OK) status = add_supplied(*engine, supply, options->accuracy);
    if (status == QF_OK) status = make_room(*engine);
    return give(status, engine);
}

void qf_engine_destroy(qf_engine *engine)
{
    if (!engine) return;
    for (int i = 0; engine->linear && i <= qf_engine_head(engine); i++)
        qf_packed_release(&engine->linear[i].packed);
    qf_free(engine->linear);
    qf_arena_release(&engine->arena);
    qf_free(engine);
}

const qf_config *qf_engine_config(const qf_engine *engine)
{
    return &engine->base.config;
}

static int64_t linear_bytes(const qf_engine *engine, int index)
{
    const qf_packed *packed = &engine->linear[index].packed;
    return packed->panels * packed->panel_bytes;
}

int64_t qf_engine_weight_bytes(const qf_engine *engine)
{
    int64_t bytes = 0;
    for (int i = 0; i < qf_engine_head(engine); i++) bytes += linear_bytes(engine, i);
    return bytes;
}

int64_t qf_engine_head_bytes(const qf_engine *engine)
{
    return linear_bytes(engine, qf_engine_head(engine));
}

int64_t qf_engine_cache_bytes(const qf_engine *engine)
{
    const qf_config *c = &engine->base.config;
    return 2 * (int64_t)c->layers * engine->context * c->kv_heads * c->head_dim *
           (int64_t)sizeof(float);
}

int64_t qf_engine_head_ns(const qf_engine *engine)
{
    return engine->head_ns;
}
