/* qforge/engine.h -- inference: logits of tokens, with a key-value cache.
 *
 * An engine packs the linears it was given (fp32, or one width each) for a kernel
 * source and an accuracy class, and plans every product once for single tokens and
 * once for chunks. */
#ifndef QFORGE_ENGINE_H
#define QFORGE_ENGINE_H

#include "qforge/gemm.h"
#include "qforge/model.h"
#include "qforge/qmodel.h"

typedef struct qf_engine qf_engine;

typedef struct qf_engine_options {
    const qf_kernel_source *source;
    qf_pool *pool;        /* may be NULL */
    qf_accuracy accuracy; /* of quantised linears; fp32 ones are always exact */
    int context;          /* positions of cache; 0: the model's */
    int chunk;            /* most tokens per step; 0: 128 */
} qf_engine_options;

/* The parameters not packed (embedding, norms) are borrowed: the model must outlive it. */
QF_MUST_CHECK qf_status qf_engine_create(const qf_engine_options *options,
                                         const qf_model *model, qf_engine **engine);
/* The same for a subnet of a quantised model, adapters folded in. */
QF_MUST_CHECK qf_status qf_engine_create_subnet(const qf_engine_options *options,
                                                const qf_qmodel *model, const qf_subnet *subnet,
                                                qf_engine **engine);

/* Where packed weights come from when no model in memory holds them: called once per
 * linear, layer * QF_LINEARS + kind in this order, the head last.  It chooses the format
 * and packs for qf_source_layout(source, accuracy, ...). */
typedef struct qf_supply {
    void *self;
    QF_MUST_CHECK qf_status (*pack)(void *self, const qf_kernel_source *source,
                                    qf_accuracy accuracy, int index, qf_packed *packed);
} qf_supply;
/* The same with every linear and the head from a supply, which is not used later; of
 * `base` only embedding and norms are read. */
QF_MUST_CHECK qf_status qf_engine_create_supplied(const qf_engine_options *options,
                                                  const qf_model *base, const qf_supply *supply,
                                                  qf_engine **engine);
void qf_engine_destroy(qf_engine *engine);

const qf_config *qf_engine_config(const qf_engine *engine);
int64_t qf_engine_weight_bytes(const qf_engine *engine); /* packed linears */
int64_t qf_engine_head_bytes(const qf_engine *engine);   /* the packed head */
int64_t qf_engine_cache_bytes(const qf_engine *engine);  /* keys and values */
/* How long the last step took over logits: final norm and head. */
int64_t qf_engine_head_ns(const qf_engine *engine);

/* Appends `count` tokens at position `position` (0 starts a new text; <= what was
 * appended before) and writes logits [count][vocab] (all true) or of the last token only
 * [1][vocab].  QF_SHAPE when the context would overflow or a token is out of range. */
QF_MUST_CHECK qf_status qf_engine_step(qf_engine *engine, const int *token, int count,
                                       int position, bool all, float *logits);

/* ---- generation ---- */
typedef struct qf_sampling {
    float temperature; /* 0: greedy */
    float top_p;       /* 1: all */
    uint64_t seed;
} qf_sampling;
/* The next token from logits [vocab] (changed in place); `index` counts the tokens drawn. */
int qf_sample(const qf_sampling *sampling, uint64_t index, float *logits, int vocab);

/* ---- likelihood of texts ---- */
typedef struct qf_likelihood {
    int64_t tokens; /* predicted */
    double nll;     /* sum of -log p, nats */
    int64_t bytes;  /* of text covered */
    double kl;      /* sum over tokens of KL(reference || this); 0 without reference */
} qf_likelihood;

/* Texts as token sequences cut to the context. */
typedef struct qf_corpus {
    int sequences;
    int *length;    /* [sequences], tokens with the begin token */
    int **token;    /* [sequences] */
    int64_t *bytes; /* [sequences], of text */
} qf_corpus;

struct qf_tokenizer;
/* Reads `path`: records separated by <|endoftext|> (one record when there is none),
 * begin token + record without the white space around it, cut to `context`; at most
 * `records` (0: all).  Records of fewer than two tokens are skipped.  */
QF_MUST_CHECK qf_status qf_corpus_load(const char *path, const struct qf_tokenizer *tokenizer,
                                       int context, int records, qf_corpus *corpus);
void qf_corpus_release(qf_corpus *corpus);

/* progress (may be NULL) is called after every sequence; returning false stops with
 * QF_INTERRUPTED. */
typedef bool qf_progress(void *context, int done, int total);
/* Sums over the corpus.  reference (may be NULL) is another engine for the KL term. */
QF_MUST_CHECK qf_status qf_engine_likelihood(qf_engine *engine, qf_engine *reference,
                                             const qf_corpus *corpus, qf_progress *progress,
                                             void *context, qf_likelihood *result);

#endif
