/* batches.c -- windows over a stream of tokens. */
#include "batches.h"

#include <string.h>

#include "qforge/memory.h"
#include "qforge/random.h"

/* The Philox stream windows are drawn from; others belong to other purposes. */
enum { WINDOWS = 0x42415443 }; /* "BATC" */

qf_status tr_stream_of(const qf_corpus *corpus, tr_stream *stream)
{
    *stream = (tr_stream){0};
    for (int i = 0; i < corpus->sequences; i++) stream->count += corpus->length[i];
    stream->token = qf_alloc_array((size_t)stream->count, sizeof *stream->token);
    stream->start = qf_alloc_array((size_t)corpus->sequences, sizeof *stream->start);
    if (!stream->token || !stream->start) {
        tr_stream_release(stream);
        return QF_MEMORY;
    }
    int *at = stream->token;
    for (int i = 0; i < corpus->sequences; at += corpus->length[i++]) {
        memcpy(at, corpus->token[i], (size_t)corpus->length[i] * sizeof *at);
        stream->start[stream->records++] = at - stream->token;
    }
    return QF_OK;
}

void tr_stream_release(tr_stream *stream)
{
    qf_free(stream->start);
    qf_free(stream->token);
    qf_free(stream->given);
    *stream = (tr_stream){0};
}

qf_status tr_stream_check(const tr_stream *stream, int T, const char *path)
{
    if (stream->count > T) return QF_OK;
    return qf_fail(QF_RANGE, "%s: %lld tokens are too few for windows of %d", path,
                   (long long)stream->count, T);
}

qf_status tr_stream_align(tr_stream *stream, int T, const char *path)
{
    stream->starts = stream->records;
    while (stream->starts > 0 && stream->start[stream->starts - 1] + T >= stream->count)
        stream->starts--;
    if (stream->starts > 0) return QF_OK;
    return qf_fail(QF_RANGE, "%s: no record is followed by the %d tokens of a window", path, T);
}

/* A number below `bound` from 64 random bits; the bias, bound / 2^64, nobody can see. */
static int64_t below(uint64_t seed, uint64_t index, int64_t bound)
{
    uint32_t out[4];
    qf_philox(seed, WINDOWS, index, out);
    return (int64_t)(((uint64_t)out[0] << 32 | out[1]) % (uint64_t)bound);
}

void tr_batch_draw(const tr_stream *stream, uint64_t seed, int64_t step, int B, int T,
                   int *token, int *target)
{
    for (int b = 0; b < B; b++, token += T, target += T) {
        const int64_t places = stream->starts ? stream->starts : stream->count - T;
        int64_t at = below(seed, (uint64_t)step * (uint64_t)B + (uint64_t)b, places);
        if (stream->starts) at = stream->start[at];
        memcpy(token, stream->token + at, (size_t)T * sizeof *token);
        memcpy(target, stream->token + at + 1, (size_t)T * sizeof *target);
        for (int t = 0; stream->given && t < T; t++)
            if (stream->given[at + 1 + t]) target[t] = -1;
    }
}
