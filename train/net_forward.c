/* net_forward.c -- the blocks, forward. */
#include <string.h>

#include "net_inside.h"

static void forward_linear(tr_net *net, int layer, qf_linear_kind kind, const float *x,
                           float *y, int64_t N)
{
    net->linears.forward(net->linears.self, layer * QF_LINEARS + (int)kind, x, y, N);
}

static void observe(const tr_net *net, int layer, qf_linear_kind kind, const float *x,
                    int64_t N)
{
    int64_t n, k;
    if (!net->options.observe) return;
    qf_linear_shape(&net->model.config, kind, &n, &k);
    net->options.observe(net->options.observe_context, layer * QF_LINEARS + (int)kind, x, N, k);
}

/* out = x + attention(norm(x)) */
static void attend(tr_net *net, int layer, const tr_block *b, int B, int T)
{
    const qf_config *c = &net->model.config;
    qf_pool *pool = net->options.pool;
    const int64_t N = (int64_t)B * T, narrow = (int64_t)c->kv_heads * c->head_dim;

    qf_rmsnorm_forward(net->normed, b->attention_root, b->input,
                       net->model.attention_norm + (int64_t)layer * c->dim, N, c->dim,
                       c->norm_eps, pool);
    observe(net, layer, QF_LINEAR_QUERY, net->normed, N);
    forward_linear(net, layer, QF_LINEAR_QUERY, net->normed, b->q, N);
    forward_linear(net, layer, QF_LINEAR_KEY, net->normed, b->k, N);
    forward_linear(net, layer, QF_LINEAR_VALUE, net->normed, b->v, N);
    qf_rope_forward(b->q, net->rope, N, T, c->heads, c->head_dim, 0, pool);
    qf_rope_forward(b->k, net->rope, N, T, c->kv_heads, c->head_dim, 0, pool);
    qf_attention_forward(&net->attention, b->mixed, b->lse, b->q, b->k, b->v, T * narrow, B, T,
                         0, net->workspace);
    observe(net, layer, QF_LINEAR_OUTPUT, b->mixed, N);
    forward_linear(net, layer, QF_LINEAR_OUTPUT, b->mixed, b->middle, N);
    qf_residual_forward(b->middle, b->input, N * c->dim, pool);
}

/* out = middle + mlp(norm(middle)) */
static void feed_forward(tr_net *net, int layer, const tr_block *b, float *out, int64_t N)
{
    const qf_config *c = &net->model.config;
    qf_pool *pool = net->options.pool;

    qf_rmsnorm_forward(net->normed, b->mlp_root, b->middle,
                       net->model.mlp_norm + (int64_t)layer * c->dim, N, c->dim, c->norm_eps,
                       pool);
    observe(net, layer, QF_LINEAR_GATE, net->normed, N);
    forward_linear(net, layer, QF_LINEAR_GATE, net->normed, b->gate, N);
    forward_linear(net, layer, QF_LINEAR_UP, net->normed, b->up, N);
    qf_swiglu_forward(net->product, b->gate, b->up, N * c->hidden, pool);
    observe(net, layer, QF_LINEAR_DOWN, net->product, N);
    forward_linear(net, layer, QF_LINEAR_DOWN, net->product, out, N);
    qf_residual_forward(out, b->middle, N * c->dim, pool);
}

void tr_net_run_block(tr_net *net, int layer, float *x, int B, int T)
{
    tr_block b = net->block[layer];

    QF_ASSERT(B <= net->options.batch && T <= net->options.length);
    b.input = x;
    attend(net, layer, &b, B, T);
    feed_forward(net, layer, &b, x, (int64_t)B * T);
}

void tr_net_run_blocks(tr_net *net, const int *token, int B, int T)
{
    const qf_config *c = &net->model.config;
    const int64_t N = (int64_t)B * T;

    qf_embedding_forward(net->block[0].input, net->model.embedding, token, N, c->dim,
                         net->options.pool);
    for (int layer = 0; layer < c->layers; layer++) {
        const tr_block *b = &net->block[layer];
        /* Without backward all blocks share one buffer, and input is free by then. */
        float *out = layer + 1 < c->layers ? net->block[layer + 1].input : net->last;
        attend(net, layer, b, B, T);
        feed_forward(net, layer, b, out, N);
    }
    qf_rmsnorm_forward(net->normed, net->last_root, net->last, net->model.final_norm, N, c->dim,
                       c->norm_eps, net->options.pool);
}
