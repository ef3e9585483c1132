/* engine_inside.h -- what building an engine and stepping it share. */
#ifndef QF_MODEL_ENGINE_INSIDE_H
#define QF_MODEL_ENGINE_INSIDE_H

#include "qforge/engine.h"
#include "qforge/ops.h"

/* One packed matrix with its two plans. */
typedef struct qf_engine_linear {
    qf_packed packed;
    qf_gemm one, many; /* a single token; up to a chunk */
} qf_engine_linear;

struct qf_engine {
    const qf_kernel_source *source;
    qf_pool *pool;
    qf_model base; /* borrowed pointers: embedding, norms, head */
    int context, chunk;
    int filled;               /* positions of the cache that hold something */
    int64_t head_ns;          /* the last step spent on logits */
    qf_engine_linear *linear; /* [layers * QF_LINEARS + 1], the head last */
    qf_attention attention;

    float *rope;          /* [context][head_dim] */
    float *key, *value;   /* [layers][context][kv_heads * head_dim] */
    float *x, *normed;    /* [chunk][dim] */
    float *query, *mixed; /* [chunk][heads * head_dim] */
    float *gate, *up;     /* [chunk][hidden] */
    void *workspace;
    qf_arena arena;
};

static inline int qf_engine_head(const qf_engine *engine)
{
    return engine->base.config.layers * QF_LINEARS;
}

#endif
