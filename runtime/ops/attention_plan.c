/* attention_plan.c -- kernels and workspace for attention. */
#include "attention.h"

static qf_status plan_backward(const qf_kernel_source *source, qf_attention *a)
{
    const qf_sgemm_shape scatter = {
        .m = a->keys, .n = a->D, .k = qf_query_block(a), .a_transposed = true};
    return qf_sgemm_plan(source, scatter, NULL, &a->scatter);
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

qf_status qf_attention_plan(const qf_kernel_source *source, int H, int G, int D, int queries,
                            int keys, bool backward, qf_pool *pool, qf_attention *a)
{
    *a = (qf_attention){.H = H,
                        .G = G,
                        .D = D,
                        .queries = queries,
                        .keys = keys,
                        .backward = backward,
                        .pool = pool};
    if (G < 1 || H % G != 0 || D < 2 || D % 2 || queries < 1 || keys < queries)
        return qf_fail(QF_SHAPE, "attention of %d heads on %d, %d wide, %d queries on %d keys",
                       H, G, D, queries, keys);
    const int block = qf_query_block(a);
    const qf_sgemm_shape score = {.m = block, .n = keys, .k = D, .b_transposed = true};
    const qf_sgemm_shape mix = {.m = block, .n = D, .k = keys};
    QF_TRY(qf_sgemm_plan(source, score, NULL, &a->score));
    QF_TRY(qf_sgemm_plan(source, mix, NULL, &a->mix));
    size_t product = larger(qf_sgemm_workspace(&a->score), qf_sgemm_workspace(&a->mix));
    if (backward) {
        QF_TRY(plan_backward(source, a));
        product = larger(product, qf_sgemm_workspace(&a->scatter));
    }
    a->part_bytes = qf_score_bytes(a) * (backward ? 2 : 1) + qf_round_up(product, QF_ALIGNMENT);
    return QF_OK;
}

size_t qf_attention_workspace(const qf_attention *a)
{
    return a->part_bytes * (size_t)qf_pool_threads(a->pool);
}
