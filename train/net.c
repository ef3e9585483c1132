/* net.c -- memory and entrances of the network. */
#include "net.h"

#include "net_inside.h"

/* Floats of logits in memory at once: 8 MB, which stays in a large cache. */
enum { LOGITS_AT_ONCE = 2 << 20, LEAST_SLICE = 64 };

static float *floats(qf_arena *arena, int64_t rows, int64_t columns)
{
    return qf_arena_take(arena, (size_t)rows * (size_t)columns * sizeof(float));
}

static void take_block(const qf_config *c, qf_arena *arena, int64_t N, tr_block *b)
{
    const int64_t wide = (int64_t)c->heads * c->head_dim;
    const int64_t narrow = (int64_t)c->kv_heads * c->head_dim;
    *b = (tr_block){
        .input = floats(arena, N, c->dim),
        .middle = floats(arena, N, c->dim),
        .attention_root = floats(arena, N, 1),
        .mlp_root = floats(arena, N, 1),
        .q = floats(arena, N, wide),
        .k = floats(arena, N, narrow),
        .v = floats(arena, N, narrow),
        .mixed = floats(arena, N, wide),
        .lse = floats(arena, N, c->heads),
        .gate = floats(arena, N, c->hidden),
        .up = floats(arena, N, c->hidden),
    };
}

static void take_gradients(tr_net *net, const qf_config *c, qf_arena *arena, int64_t N)
{
    const int64_t wide = (int64_t)c->heads * c->head_dim;
    const int64_t narrow = (int64_t)c->kv_heads * c->head_dim;
    net->dx = floats(arena, N, c->dim);
    net->dnormed = floats(arena, N, c->dim);
    net->dq = floats(arena, N, wide);
    net->dk = floats(arena, N, narrow);
    net->dv = floats(arena, N, narrow);
    net->dmixed = floats(arena, N, wide);
    net->dgate = floats(arena, N, c->hidden);
    net->dup = floats(arena, N, c->hidden);
    net->dproduct = floats(arena, N, c->hidden);
}

/* Run twice: to measure, then for real. */
static void take_all(tr_net *net, qf_arena *arena, size_t workspace)
{
    const qf_config *c = &net->model.config;
    const int64_t N = (int64_t)net->options.batch * net->options.length;
    tr_block one;

    for (int layer = 0; layer < c->layers; layer++) {
        if (layer == 0 || net->options.backward) take_block(c, arena, N, &one);
        net->block[layer] = one;
    }
    net->last = floats(arena, N, c->dim);
    net->last_root = floats(arena, N, 1);
    net->rope = floats(arena, net->options.length, c->head_dim);
    net->normed = floats(arena, N, c->dim);
    net->product = floats(arena, N, c->hidden);
    net->loss = floats(arena, N, 1);
    net->logits = floats(arena, net->slice, c->vocab);
    if (net->options.backward) take_gradients(net, c, arena, N);
    net->workspace = qf_arena_take(arena, workspace);
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static qf_status plan_head(tr_net *net, size_t *workspace)
{
    const tr_net_options *o = &net->options;
    const int64_t vocab = net->model.config.vocab, dim = net->model.config.dim;
    const qf_sgemm_shape logits = {net->slice, vocab, dim, false, true};
    const qf_sgemm_shape input = {net->slice, dim, vocab, false, false};
    const qf_sgemm_shape weight = {vocab, dim, net->slice, true, false};

    QF_TRY(qf_sgemm_plan(o->source, logits, o->pool, &net->head));
    *workspace = larger(*workspace, qf_sgemm_workspace(&net->head));
    if (!o->backward) return QF_OK;
    QF_TRY(qf_sgemm_plan(o->source, input, o->pool, &net->head_input));
    QF_TRY(qf_sgemm_plan(o->source, weight, o->pool, &net->head_weight));
    *workspace = larger(*workspace, qf_sgemm_workspace(&net->head_input));
    *workspace = larger(*workspace, qf_sgemm_workspace(&net->head_weight));
    return QF_OK;
}

static qf_status check_teacher(const tr_net *net)
{
    const tr_net *teacher = net->options.teacher;

    if (!teacher) return QF_OK;
    if (teacher->model.config.vocab != net->model.config.vocab)
        return qf_fail(QF_SHAPE, "the teacher has a vocabulary of %d, the model one of %d",
                       teacher->model.config.vocab, net->model.config.vocab);
    if (teacher->options.batch < net->options.batch ||
        teacher->options.length < net->options.length || teacher->slice < net->slice)
        return qf_fail(QF_SHAPE, "the teacher has too little room");
    return QF_OK;
}

static qf_status build(tr_net *net)
{
    const tr_net_options *o = &net->options;
    const qf_config *c = &net->model.config;
    const int64_t N = (int64_t)o->batch * o->length;
    qf_arena measured = {0};

    if (o->batch < 1 || o->length < 1 || o->length > c->context)
        return qf_fail(QF_SHAPE, "%d sequences of %d tokens: the model's context is %d",
                       o->batch, o->length, c->context);
    net->slice = LOGITS_AT_ONCE / c->vocab;
    if (net->slice < LEAST_SLICE) net->slice = LEAST_SLICE;
    if (o->slice > 0) net->slice = o->slice;
    if (net->slice > N) net->slice = N;
    QF_TRY(check_teacher(net));
    QF_TRY(qf_attention_plan(o->source, c->heads, c->kv_heads, c->head_dim, o->length,
                             o->length, o->backward, o->pool, &net->attention));
    size_t workspace = qf_attention_workspace(&net->attention);
    QF_TRY(plan_head(net, &workspace));
    net->block = qf_alloc_array((size_t)c->layers, sizeof *net->block);
    if (!net->block) return QF_MEMORY;
    take_all(net, &measured, workspace);
    QF_TRY(qf_arena_init(&net->arena, measured.used));
    take_all(net, &net->arena, workspace);
    qf_rope_table(net->rope, o->length, c->head_dim, c->rope_theta);
    return QF_OK;
}

qf_status tr_net_create(const tr_net_options *options, const qf_model *model,
                        tr_linears linears, tr_net **out)
{
    *out = NULL;
    tr_net *net = qf_alloc(sizeof *net);
    if (!net) return QF_MEMORY;
    net->options = *options;
    net->model = *model;
    net->linears = linears;
    const qf_status status = build(net);
    if (status == QF_OK)
        *out = net;
    else
        tr_net_destroy(net);
    return status;
}

void tr_net_destroy(tr_net *net)
{
    if (!net) return;
    qf_free(net->block);
    qf_arena_release(&net->arena);
    qf_free(net);
}

size_t tr_net_bytes(const tr_net *net)
{
    return net->arena.size;
}

static qf_status check(const tr_net *net, const int *token, const int *target, int B, int T)
{
    const int vocab = net->model.config.vocab;
    if (B < 1 || T < 1 || B > net->options.batch || T > net->options.length)
        return qf_fail(QF_SHAPE, "%d sequences of %d tokens: the network has room for %d of %d",
                       B, T, net->options.batch, net->options.length);
    for (int64_t n = 0; n < (int64_t)B * T; n++) {
        if (token[n] < 0 || token[n] >= vocab)
            return qf_fail(QF_RANGE, "token %d is not in a vocabulary of %d", token[n], vocab);
        if (target && target[n] >= vocab)
            return qf_fail(QF_RANGE, "token %d is not in a vocabulary of %d", target[n], vocab);
    }
    return QF_OK;
}

static double mean_loss(const tr_net *net, const int *target, int64_t N)
{
    const int64_t counted = qf_cross_entropy_counted(target, N);
    return counted ? qf_cross_entropy_sum(net->loss, N) / (double)counted : 0;
}

/* Its last hidden states stay in its `normed`. */
static void run_teacher(const tr_net *net, const int *token, int B, int T)
{
    if (net->options.teacher) tr_net_run_blocks(net->options.teacher, token, B, T);
}

qf_status tr_net_loss(tr_net *net, const int *token, const int *target, int B, int T,
                      double *loss)
{
    QF_TRY(check(net, token, target, B, T));
    run_teacher(net, token, B, T);
    tr_net_run_blocks(net, token, B, T);
    tr_head_loss(net, target, (int64_t)B * T);
    *loss = mean_loss(net, target, (int64_t)B * T);
    return QF_OK;
}

qf_status tr_net_gradient(tr_net *net, const int *token, const int *target, int B, int T,
                          const tr_gradients *gradients, double *loss)
{
    static const tr_gradients none;
    if (!gradients) gradients = &none;
    QF_ASSERT(net->options.backward);
    QF_TRY(check(net, token, target, B, T));
    run_teacher(net, token, B, T);
    tr_net_run_blocks(net, token, B, T);
    tr_head_gradient(net, target, (int64_t)B * T, gradients->head);
    *loss = mean_loss(net, target, (int64_t)B * T);
    tr_net_run_back(net, token, B, T, gradients);
    return QF_OK;
}

const float *tr_net_token_losses(const tr_net *net)
{
    return net->loss;
}

qf_status tr_net_logits(tr_net *net, const int *token, int B, int T, float *logits)
{
    const int64_t N = (int64_t)B * T, vocab = net->model.config.vocab;
    QF_TRY(check(net, token, NULL, B, T));
    tr_net_run_blocks(net, token, B, T);
    for (int64_t n = 0; n < N; n += net->slice)
        tr_head_logits(net, n, n + net->slice < N ? n + net->slice : N, logits + n * vocab);
    return QF_OK;
}

qf_status tr_net_embed(tr_net *net, const int *token, int B, int T, float *x)
{
    QF_TRY(check(net, token, NULL, B, T));
    qf_embedding_forward(x, net->model.embedding, token, (int64_t)B * T, net->model.config.dim,
                         net->options.pool);
    return QF_OK;
}
