/* net_head.c -- from the last hidden states to the loss and back, a slice of rows at a
 * time, because logits are the widest thing in the network. */
#include "net_inside.h"

void tr_head_logits(tr_net *net, int64_t begin, int64_t end, float *logits)
{
    const int64_t dim = net->model.config.dim, vocab = net->model.config.vocab;
    qf_sgemm_run(&net->head, end - begin, vocab, dim, net->normed + begin * dim, dim,
                 net->model.head, dim, logits, vocab, false, net->workspace);
}

static int64_t slice_end(const tr_net *net, int64_t begin, int64_t N)
{
    return begin + net->slice < N ? begin + net->slice : N;
}

/* Losses of rows [begin, end); leaves probabilities in net->logits, and the teacher's in
 * its own. */
static void forward_slice(tr_net *net, const int *target, int64_t begin, int64_t end)
{
    const tr_net_options *o = &net->options;
    const int vocab = net->model.config.vocab;

    tr_head_logits(net, begin, end, net->logits);
    if (!o->teacher) {
        qf_cross_entropy_forward(net->loss + begin, net->logits, target + begin, end - begin,
                                 vocab, o->pool);
        return;
    }
    tr_head_logits(o->teacher, begin, end, o->teacher->logits);
    qf_taught_entropy_forward(net->loss + begin, net->logits, o->teacher->logits, o->share,
                              target + begin, end - begin, vocab, o->pool);
}

/* Probabilities become `scale` times the gradient of the logits. */
static void logits_gradient(tr_net *net, const int *target, int64_t rows, float scale)
{
    const tr_net_options *o = &net->options;
    const int vocab = net->model.config.vocab;

    if (o->teacher)
        qf_taught_entropy_backward(net->logits, o->teacher->logits, o->share, target, scale,
                                   rows, vocab, o->pool);
    else
        qf_cross_entropy_backward(net->logits, target, scale, rows, vocab, o->pool);
}

void tr_head_loss(tr_net *net, const int *target, int64_t N)
{
    for (int64_t n = 0, end; n < N; n = end) {
        end = slice_end(net, n, N);
        forward_slice(net, target, n, end);
    }
}

/* dnormed = dlogits W,  dW += dlogits^T normed */
static void back_slice(tr_net *net, int64_t begin, int64_t end, float *dhead)
{
    const int64_t dim = net->model.config.dim, vocab = net->model.config.vocab;
    const int64_t m = end - begin, at = begin * dim;
    qf_sgemm_run(&net->head_input, m, dim, vocab, net->logits, vocab, net->model.head, dim,
                 net->dnormed + at, dim, false, net->workspace);
    if (!dhead) return;
    qf_sgemm_run(&net->head_weight, vocab, dim, m, net->logits, vocab, net->normed + at, dim,
                 dhead, dim, true, net->workspace);
}

void tr_head_gradient(tr_net *net, const int *target, int64_t N, float *dhead)
{
    const int64_t counted = qf_cross_entropy_counted(target, N);
    const float scale = counted ? 1 / (float)counted : 0;

    for (int64_t n = 0, end; n < N; n = end) {
        end = slice_end(net, n, N);
        forward_slice(net, target, n, end);
        logits_gradient(net, target + n, end - n, scale);
        back_slice(net, n, end, dhead);
    }
}
