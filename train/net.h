/* net.h -- a LLaMA network over B sequences of T tokens: loss, logits, gradients.
 *
 * The net owns activations and knows the layers; what its linears are made of is behind
 * tr_linears, so that full-precision training (linear_f32.h) and a supernet of quantised
 * copies with adapters run the same code.  Embedding, norms and head are fp32 and
 * borrowed from a qf_model.
 *
 * Kept for backward, per block and token: the residual stream before attention and before
 * the MLP, q, k, v, attention's output and log-sum-exp, gate and up.  Normed inputs and
 * the gated product are cheap and made again.  Logits exist for a slice of rows at a time:
 * the head's backward runs while they are there. */
#ifndef QF_TRAIN_NET_H
#define QF_TRAIN_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "qforge/gemm.h"
#include "qforge/model.h"

/* The seven products of every block; index = layer * QF_LINEARS + kind.  Calls come from
 * one thread, in the order of the network; none may fail. */
typedef struct tr_linears {
    void *self;
    /* y[N][n] = x[N][k] W^T */
    void (*forward)(void *self, int index, const float *x, float *y, int64_t N);
    /* dx[N][k] (+)= dy[N][n] W, and adds into the gradients of its own parameters, for
     * which x is the input that forward saw.  dx is NULL when nobody wants it. */
    void (*backward)(void *self, int index, const float *dy, const float *x, float *dx,
                     bool accumulate, int64_t N);
} tr_linears;

/* Sees x[N][k], the input of linear `index`, during forward.  Called once per distinct
 * input: QUERY's stands for KEY and VALUE, GATE's for UP; then OUTPUT's and DOWN's. */
typedef void tr_observe(void *context, int index, const float *x, int64_t N, int64_t k);

typedef struct tr_net_options {
    const qf_kernel_source *source;
    qf_pool *pool;       /* may be NULL */
    int batch, length;   /* most sequences, most tokens of each (<= the context) */
    bool backward;       /* gradients will be asked for */
    int64_t slice;       /* rows whose logits are in memory at once; 0: as many as fit 8 MB */
    tr_observe *observe; /* may be NULL */
    void *observe_context;
    /* Distillation: a network of the same vocabulary and at least this room, whose
     * predictions make up `share` of what is wanted of this one (qf_taught_entropy_forward);
     * it runs with every loss asked for.  Borrowed, may be NULL. */
    struct tr_net *teacher;
    float share;
} tr_net_options;

/* Where gradients of the fp32 parameters are added; shapes as in qf_model.  NULL: not
 * wanted.  For tied embeddings let head == embedding. */
typedef struct tr_gradients {
    float *embedding, *attention_norm, *mlp_norm, *final_norm, *head;
} tr_gradients;

typedef struct tr_net tr_net;

/* model (embedding, norms, head) and linears.self are borrowed for the net's life. */
QF_MUST_CHECK qf_status tr_net_create(const tr_net_options *options, const qf_model *model,
                                      tr_linears linears, tr_net **net);
void tr_net_destroy(tr_net *net);       /* NULL is fine */
size_t tr_net_bytes(const tr_net *net); /* activations and workspaces */

/* token, target [B][T]; target < 0 is not counted.  QF_RANGE when a token or a target is
 * not in the vocabulary.  *loss: mean of -log p over counted targets, in nats;
 * with a teacher, of the cross entropy with the mixture. */
QF_MUST_CHECK qf_status tr_net_loss(tr_net *net, const int *token, const int *target, int B,
                                    int T, double *loss);
/* The same, and adds the gradient of the mean loss into `gradients` (fp32 parameters; may
 * be NULL) and, through tr_linears.backward, of the linears. */
QF_MUST_CHECK qf_status tr_net_gradient(tr_net *net, const int *token, const int *target, int B,
                                        int T, const tr_gradients *gradients, double *loss);
/* Loss of every token of the last call, [B * T]; 0 where not counted. */
const float *tr_net_token_losses(const tr_net *net);
/* logits [B * T][vocab]. */
QF_MUST_CHECK qf_status tr_net_logits(tr_net *net, const int *token, int B, int T,
                                      float *logits);

/* ---- block by block, for those who keep the residual stream themselves ---- */
/* x [B * T][dim]: the stream before the first block.  Fails as tr_net_loss does. */
QF_MUST_CHECK qf_status tr_net_embed(tr_net *net, const int *token, int B, int T, float *x);
/* x before block `layer` becomes x after it. */
void tr_net_run_block(tr_net *net, int layer, float *x, int B, int T);

#endif
