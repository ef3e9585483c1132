/* net_inside.h -- what the files of the network share. */
#ifndef QF_TRAIN_NET_INSIDE_H
#define QF_TRAIN_NET_INSIDE_H

#include "net.h"
#include "qforge/memory.h"
#include "qforge/ops.h"

/* What backward needs of one block; N = B * T rows. */
typedef struct tr_block {
    float *input;          /* [N][dim] residual stream before attention */
    float *middle;         /* [N][dim] and before the MLP */
    float *attention_root; /* [N] of the norms */
    float *mlp_root;       /* [N] */
    float *q, *k, *v;      /* [N][H*D], [N][G*D]; q and k are rotated */
    float *mixed, *lse;    /* [N][H*D], [N][H] attention's output */
    float *gate, *up;      /* [N][hidden] */
} tr_block;

struct tr_net {
    tr_net_options options;
    qf_model model; /* a view */
    tr_linears linears;
    qf_arena arena;

    tr_block *block;  /* [layers]; all the same memory without backward */
    float *last;      /* [N][dim] residual stream after the last block */
    float *last_root; /* [N] */
    float *rope;      /* [length][D] */
    float *normed;    /* [N][dim] */
    float *product;   /* [N][hidden] silu(gate) * up */
    float *loss;      /* [N] */

    /* gradients, reused from block to block */
    float *dx;                     /* [N][dim] of the residual stream */
    float *dnormed;                /* [N][dim] */
    float *dq, *dk, *dv;           /* of one block */
    float *dmixed;                 /* [N][H*D] */
    float *dgate, *dup, *dproduct; /* [N][hidden] */

    /* head: a slice of rows at a time */
    int64_t slice;
    float *logits; /* [slice][vocab] */
    qf_sgemm head, head_input, head_weight;
    qf_attention attention;
    void *workspace;
};

/* Runs the blocks; leaves the final norm's output in net->normed. */
void tr_net_run_blocks(tr_net *net, const int *token, int B, int T);
/* From net->dnormed (gradient of the final norm's output) down to the embedding. */
void tr_net_run_back(tr_net *net, const int *token, int B, int T,
                     const tr_gradients *gradients);

/* Logits of rows [begin, end) of net->normed, into `logits`. */
void tr_head_logits(tr_net *net, int64_t begin, int64_t end, float *logits);
/* Loss of all rows into net->loss; with `gradients`, also net->dnormed and the head's. */
void tr_head_loss(tr_net *net, const int *target, int64_t N);
void tr_head_gradient(tr_net *net, const int *target, int64_t N, float *dhead);

#endif
