/* attention.h -- what attention's forward and backward share. */
#ifndef QF_OPS_ATTENTION_H
#define QF_OPS_ATTENTION_H

#include "qforge/memory.h"
#include "qforge/ops.h"

/* Queries whose scores are in memory at once: enough rows for a product to run well. */
enum { QF_QUERY_BLOCK = 64 };

static inline int qf_query_block(const qf_attention *a)
{
    return a->queries < QF_QUERY_BLOCK ? a->queries : QF_QUERY_BLOCK;
}

/* A thread's workspace: scores [block][keys], their gradient likewise (backward), then
 * what the products need. */
typedef struct qf_attention_space {
    float *score, *dscore;
    void *product;
} qf_attention_space;

static inline size_t qf_score_bytes(const qf_attention *a)
{
    return qf_round_up((size_t)qf_query_block(a) * (size_t)a->keys * sizeof(float),
                       QF_ALIGNMENT);
}

static inline qf_attention_space qf_attention_space_of(const qf_attention *a, void *workspace,
                                                       int part)
{
    uint8_t *base = (uint8_t *)workspace + (size_t)part * a->part_bytes;
    const size_t score = qf_score_bytes(a);
    uint8_t *second = base + score;
    return (qf_attention_space){
        .score = (float *)(void *)base,
        .dscore = a->backward ? (float *)(void *)second : NULL,
        .product = a->backward ? second + score : second,
    };
}

#endif
