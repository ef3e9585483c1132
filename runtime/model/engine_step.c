/* engine_step.c -- tokens through the network.
 *
 *     x = embedding[token]
 *     every block:  x += W_o attention(rope(W_q n), rope(W_k n), W_v n),  n = norm(x)
 *                   x += W_down (silu(W_gate n) * W_up n),                n = norm(x)
 *     logits = W_head norm(x)
 *
 * Keys and values are written by their products straight into the cache. */
#include "engine_inside.h"
#include "qforge/clock.h"

static void multiply(const qf_engine *engine, int index, const float *x, float *y, int64_t rows,
                     bool accumulate)
{
    const qf_engine_linear *linear = &engine->linear[index];
    qf_gemm_run(rows == 1 ? &linear->one : &linear->many, x, linear->packed.k, y,
                linear->packed.n, rows, accumulate, engine->workspace);
}

static void attend(qf_engine *engine, int layer, int rows, int position)
{
    const qf_config *c = &engine->base.config;
    const int first = layer * QF_LINEARS;
    const int64_t narrow = (int64_t)c->kv_heads * c->head_dim;
    float *keys = engine->key + layer * engine->context * narrow;
    float *values = engine->value + layer * engine->context * narrow;

    qf_rmsnorm_forward(engine->normed, NULL, engine->x,
                       engine->base.attention_norm + (int64_t)layer * c->dim, rows, c->dim,
                       c->norm_eps, engine->pool);
    multiply(engine, first + QF_LINEAR_QUERY, engine->normed, engine->query, rows, false);
    multiply(engine, first + QF_LINEAR_KEY, engine->normed, keys + position * narrow, rows,
             false);
    multiply(engine, first + QF_LINEAR_VALUE, engine->normed, values + position * narrow, rows,
             false);
    qf_rope_forward(engine->query, engine->rope, rows, rows, c->heads, c->head_dim, position,
                    engine->pool);
    qf_rope_forward(keys + position * narrow, engine->rope, rows, rows, c->kv_heads,
                    c->head_dim, position, engine->pool);
    qf_attention_forward(&engine->attention, engine->mixed, NULL, engine->query, keys, values,
                         engine->context * narrow, 1, rows, position, engine->workspace);
    multiply(engine, first + QF_LINEAR_OUTPUT, engine->mixed, engine->x, rows, true);
}

static void feed_forward(qf_engine *engine, int layer, int rows)
{
    const qf_config *c = &engine->base.config;
    const int first = layer * QF_LINEARS;

    qf_rmsnorm_forward(engine->normed, NULL, engine->x,
                       engine->base.mlp_norm + (int64_t)layer * c->dim, rows, c->dim,
                       c->norm_eps, engine->pool);
    multiply(engine, first + QF_LINEAR_GATE, engine->normed, engine->gate, rows, false);
    multiply(engine, first + QF_LINEAR_UP, engine->normed, engine->up, rows, false);
    qf_swiglu_forward(engine->gate, engine->gate, engine->up, (int64_t)rows * c->hidden,
                      engine->pool);
    multiply(engine, first + QF_LINEAR_DOWN, engine->gate, engine->x, rows, true);
}

/* Logits of the rows [from, rows) of x. */
static void predict(qf_engine *engine, int from, int rows, float *logits)
{
    const qf_config *c = &engine->base.config;
    const int64_t at = (int64_t)from * c->dim, start = qf_now_ns();

    qf_rmsnorm_forward(engine->normed + at, NULL, engine->x + at, engine->base.final_norm,
                       rows - from, c->dim, c->norm_eps, engine->pool);
    multiply(engine, qf_engine_head(engine), engine->normed + at, logits, rows - from, false);
    engine->head_ns += qf_now_ns() - start;
}

static void run_chunk(qf_engine *engine, const int *token, int rows, int position)
{
    const qf_config *c = &engine->base.config;

    qf_embedding_forward(engine->x, engine->base.embedding, token, rows, c->dim, engine->pool);
    for (int layer = 0; layer < c->layers; layer++) {
        attend(engine, layer, rows, position);
        feed_forward(engine, layer, rows);
    }
}

static qf_status check_step(const qf_engine *engine, const int *token, int count, int position)
{
    if (count < 1 || position < 0 || position > engine->filled)
        return qf_fail(QF_SHAPE, "%d tokens at position %d of a text of %d", count, position,
                       engine->filled);
    if (count > engine->context - position)
        return qf_fail(QF_SHAPE, "%d tokens at position %d do not fit a context of %d", count,
                       position, engine->context);
    for (int i = 0; i < count; i++)
        if (token[i] < 0 || token[i] >= engine->base.config.vocab)
            return qf_fail(QF_SHAPE, "token %d is not one of %d", token[i],
                           engine->base.config.vocab);
    return QF_OK;
}

qf_status qf_engine_step(qf_engine *engine, const int *token, int count, int position, bool all,
                         float *logits)
{
    const int vocab = engine->base.config.vocab;

    QF_TRY(check_step(engine, token, count, position));
    engine->head_ns = 0;
    for (int done = 0; done < count; done += engine->chunk) {
        const int left = count - done, rows = left < engine->chunk ? left : engine->chunk;
        run_chunk(engine, token + done, rows, position + done);
        if (all)
            predict(engine, 0, rows, logits + (int64_t)done * vocab);
        else if (rows == left)
            predict(engine, rows - 1, rows, logits);
    }
    engine->filled = position + count;
    return QF_OK;
}
