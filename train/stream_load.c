/* stream_load.c -- a text file as one stream of tokens. */
#include <limits.h>

#include "batches.h"
#include "instructions.h"

qf_status tr_stream_load(const char *path, const qf_tokenizer *tokenizer, tr_stream *stream)
{
    qf_corpus corpus;
    if (tr_is_instructions(path)) return tr_instructions_load(path, tokenizer, stream);
    *stream = (tr_stream){0};
    QF_TRY(qf_corpus_load(path, tokenizer, INT_MAX, 0, &corpus));
    const qf_status status = tr_stream_of(&corpus, stream);
    qf_corpus_release(&corpus);
    return status;
}
