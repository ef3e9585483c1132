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

void tr_head_loss(tr_net *net, const int *target, int64_t N)
{
    for (int64_t n = 0, end; n < N; n = end) {
        end = slice_end(net, n, N);
        tr_head_logits(net, n, end, net->logits);
        qf_cross_entropy_forward(net->loss + n, net->logits, target + n, end - n,
                                 net->model.config.vocab, net->options.pool);
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
    const int vocab = net->model.config.vocab;
    const int64_t counted = qf_cross_entropy_counted(target, N);
    const float scale = counted ? 1 / (float)counted : 0;

    for (int64_t n = 0, end; n < N; n = end) {
        end = slice_end(net, n, N);
        tr_head_logits(net, n, end, net->logits);
        qf_cross_entropy_forward(net->loss + n, net->logits, target + n, end - n, vocab,
                                 net->options.pool);
        qf_cross_entropy_backward(net->logits, target + n, scale, end - n, vocab,
                                  net->options.pool);
        back_slice(net, n, end, dhead);
    }
}
