/* net_backward.c -- the blocks, backward.  net->dx carries the gradient of the residual
 * stream: every branch reads it and adds into it. */
#include <string.h>

#include "net_inside.h"

static void back_linear(tr_net *net, int layer, qf_linear_kind kind, const float *dy,
                        const float *x, float *dx, bool accumulate, int64_t N)
{
    net->linears.backward(net->linears.self, layer * QF_LINEARS + (int)kind, dy, x, dx,
                          accumulate, N);
}

static void clear(float *x, int64_t n)
{
    memset(x, 0, (size_t)n * sizeof *x);
}

static float *row(float *gradient, int layer, int dim)
{
    return gradient ? gradient + (int64_t)layer * dim : NULL;
}

static void back_feed_forward(tr_net *net, int layer, const tr_block *b, int64_t N,
                              const tr_gradients *g)
{
    const qf_config *c = &net->model.config;
    qf_pool *pool = net->options.pool;
    const float *norm = net->model.mlp_norm + (int64_t)layer * c->dim;

    qf_swiglu_forward(net->product, b->gate, b->up, N * c->hidden, pool);
    back_linear(net, layer, QF_LINEAR_DOWN, net->dx, net->product, net->dproduct, false, N);
    clear(net->dgate, N * c->hidden);
    clear(net->dup, N * c->hidden);
    qf_swiglu_backward(net->dgate, net->dup, net->dproduct, b->gate, b->up, N * c->hidden,
                       pool);
    qf_rmsnorm_forward(net->normed, NULL, b->middle, norm, N, c->dim, c->norm_eps, pool);
    back_linear(net, layer, QF_LINEAR_GATE, net->dgate, net->normed, net->dnormed, false, N);
    back_linear(net, layer, QF_LINEAR_UP, net->dup, net->normed, net->dnormed, true, N);
    qf_rmsnorm_backward(net->dx, row(g->mlp_norm, layer, c->dim), net->dnormed, b->middle, norm,
                        b->mlp_root, N, c->dim, pool);
}

/* Gradients of q, k, v before rotation, from that of attention's output. */
static void back_mix(tr_net *net, const tr_block *b, int B, int T)
{
    const qf_config *c = &net->model.config;
    qf_pool *pool = net->options.pool;
    const int64_t N = (int64_t)B * T;

    clear(net->dq, N * c->heads * c->head_dim);
    clear(net->dk, N * c->kv_heads * c->head_dim);
    clear(net->dv, N * c->kv_heads * c->head_dim);
    qf_attention_backward(&net->attention, net->dq, net->dk, net->dv, net->dmixed, b->mixed,
                          b->lse, b->q, b->k, b->v, B, T, net->workspace);
    qf_rope_backward(net->dq, net->rope, N, T, c->heads, c->head_dim, 0, pool);
    qf_rope_backward(net->dk, net->rope, N, T, c->kv_heads, c->head_dim, 0, pool);
}

/* wanted: whether anything below this block asks for a gradient. */
static void back_attend(tr_net *net, int layer, const tr_block *b, int B, int T, bool wanted,
                        const tr_gradients *g)
{
    const qf_config *c = &net->model.config;
    qf_pool *pool = net->options.pool;
    const int64_t N = (int64_t)B * T;
    const float *norm = net->model.attention_norm + (int64_t)layer * c->dim;
    float *dnormed = wanted ? net->dnormed : NULL;

    back_linear(net, layer, QF_LINEAR_OUTPUT, net->dx, b->mixed, net->dmixed, false, N);
    back_mix(net, b, B, T);
    qf_rmsnorm_forward(net->normed, NULL, b->input, norm, N, c->dim, c->norm_eps, pool);
    back_linear(net, layer, QF_LINEAR_QUERY, net->dq, net->normed, dnormed, false, N);
    back_linear(net, layer, QF_LINEAR_KEY, net->dk, net->normed, dnormed, true, N);
    back_linear(net, layer, QF_LINEAR_VALUE, net->dv, net->normed, dnormed, true, N);
    if (!wanted) return;
    qf_rmsnorm_backward(net->dx, row(g->attention_norm, layer, c->dim), dnormed, b->input, norm,
                        b->attention_root, N, c->dim, pool);
}

void tr_net_run_back(tr_net *net, const int *token, int B, int T, const tr_gradients *gradients)
{
    const qf_config *c = &net->model.config;
    const int64_t N = (int64_t)B * T;

    clear(net->dx, N * c->dim);
    qf_rmsnorm_backward(net->dx, gradients->final_norm, net->dnormed, net->last,
                        net->model.final_norm, net->last_root, N, c->dim, net->options.pool);
    for (int layer = c->layers - 1; layer >= 0; layer--) {
        const bool wanted = layer > 0 || gradients->embedding || gradients->attention_norm;
        back_feed_forward(net, layer, &net->block[layer], N, gradients);
        back_attend(net, layer, &net->block[layer], B, T, wanted, gradients);
    }
    if (gradients->embedding)
        qf_embedding_backward(gradients->embedding, net->dx, token, N, c->dim,
                              net->options.pool);
}
