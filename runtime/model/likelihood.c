/* likelihood.c -- how probable a corpus is under a model, and how far its predictions lie
 * from another's. */
#include <math.h>
#include <string.h>

#include "../ops/exponential.h"
#include "../ops/rows.h"
#include "engine_inside.h"
#include "qforge/engine.h"
#include "qforge/memory.h"

enum { ROWS = 128 };

typedef struct scorer {
    qf_engine *engine, *reference;
    qf_pool *pool;
    int vocab, rows;
    float *logits, *expected; /* [ROWS][vocab]; expected: of the reference */
    double nll[ROWS], kl[ROWS];
    const int *target; /* [rows] */
} scorer;

/* log of the sum of exponentials. */
QF_VECTORISED static double log_sum(const float *x, int64_t n)
{
    float top = -INFINITY;
    double lane[QF_LANES] = {0}, sum = 0;
    const int64_t whole = n - n % QF_LANES;

    for (int64_t i = 0; i < n; i++) top = x[i] > top ? x[i] : top;
    for (int64_t i = 0; i < whole; i += QF_LANES)
        for (int l = 0; l < QF_LANES; l++) lane[l] += (double)qf_expf(x[i + l] - top);
    for (int64_t i = whole; i < n; i++) lane[0] += (double)qf_expf(x[i] - top);
    for (int l = 0; l < QF_LANES; l++) sum += lane[l];
    return (double)top + log(sum);
}

/* sum over tokens of p (log p - log q), both given as logits with their log-sums. */
QF_VECTORISED static double divergence(const float *p, double p_sum, const float *q,
                                       double q_sum, int64_t n)
{
    double lane[QF_LANES] = {0}, sum = 0;
    const float p_log = (float)p_sum;
    const double shift = q_sum - p_sum;
    const int64_t whole = n - n % QF_LANES;

    for (int64_t i = 0; i < whole; i += QF_LANES)
        for (int l = 0; l < QF_LANES; l++)
            lane[l] += (double)qf_expf(p[i + l] - p_log) *
                       ((double)p[i + l] - (double)q[i + l] + shift);
    for (int64_t i = whole; i < n; i++)
        lane[0] += (double)qf_expf(p[i] - p_log) * ((double)p[i] - (double)q[i] + shift);
    for (int l = 0; l < QF_LANES; l++) sum += lane[l];
    return sum;
}

static void score_rows(void *context, int part, int parts)
{
    scorer *s = context;
    const qf_range rows = qf_partition(s->rows, 1, part, parts);

    for (int64_t i = rows.begin; i < rows.end; i++) {
        const float *logits = s->logits + i * s->vocab;
        const double sum = log_sum(logits, s->vocab);
        s->nll[i] = sum - (double)logits[s->target[i]];
        s->kl[i] = 0;
        if (!s->reference) continue;
        const float *expected = s->expected + i * s->vocab;
        s->kl[i] = divergence(expected, log_sum(expected, s->vocab), logits, sum, s->vocab);
    }
}

static qf_status score_sequence(scorer *s, const int *token, int length, qf_likelihood *result)
{
    for (int at = 0; at < length - 1; at += ROWS) {
        s->rows = length - 1 - at < ROWS ? length - 1 - at : ROWS;
        s->target = token + at + 1;
        QF_TRY(qf_engine_step(s->engine, token + at, s->rows, at, true, s->logits));
        if (s->reference)
            QF_TRY(qf_engine_step(s->reference, token + at, s->rows, at, true, s->expected));
        qf_pool_run(s->pool, score_rows, s);
        for (int i = 0; i < s->rows; i++) {
            result->nll += s->nll[i];
            result->kl += s->kl[i];
        }
        result->tokens += s->rows;
    }
    return QF_OK;
}

static qf_status score_corpus(scorer *s, const qf_corpus *corpus, qf_progress *progress,
                              void *context, qf_likelihood *result)
{
    for (int i = 0; i < corpus->sequences; i++) {
        QF_TRY(score_sequence(s, corpus->token[i], corpus->length[i], result));
        result->bytes += corpus->bytes[i];
        if (progress && !progress(context, i + 1, corpus->sequences))
            return qf_fail(QF_INTERRUPTED, "interrupted after %d of %d texts", i + 1,
                           corpus->sequences);
    }
    return QF_OK;
}

qf_status qf_engine_likelihood(qf_engine *engine, qf_engine *reference, const qf_corpus *corpus,
                               qf_progress *progress, void *context, qf_likelihood *result)
{
    const int vocab = qf_engine_config(engine)->vocab;
    scorer s = {.engine = engine, .reference = reference, .pool = engine->pool, .vocab = vocab};
    qf_status status = QF_MEMORY;

    *result = (qf_likelihood){0};
    if (reference && qf_engine_config(reference)->vocab != vocab)
        return qf_fail(QF_SHAPE, "a reference of %d tokens for a model of %d",
                       qf_engine_config(reference)->vocab, vocab);
    s.logits = qf_alloc_array((size_t)ROWS * (size_t)vocab, sizeof(float));
    if (reference) s.expected = qf_alloc_array((size_t)ROWS * (size_t)vocab, sizeof(float));
    if (s.logits && (!reference || s.expected))
        status = score_corpus(&s, corpus, progress, context, result);
    qf_free(s.logits);
    qf_free(s.expected);
    return status;
}
