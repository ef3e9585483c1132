/* corpus.c -- a text file as token sequences. */
#include <ctype.h>
#include <string.h>

#include "qforge/engine.h"
#include "qforge/file.h"
#include "qforge/memory.h"
#include "qforge/tokenizer.h"

static const char separator[] = "<|endoftext|>";

typedef struct loader {
    const qf_tokenizer *tokenizer;
    const char *path;
    int context, most; /* most: records wanted */
    qf_corpus *corpus;
} loader;

/* How far the record at `text` goes; *next is where the one after it starts. */
static size_t record_length(const char *text, size_t left, size_t *next)
{
    const char *end = memmem(text, left, separator, sizeof separator - 1);

    *next = end ? (size_t)(end - text) + sizeof separator - 1 : left;
    return end ? (size_t)(end - text) : left;
}

static int count_records(const char *text, size_t left)
{
    int count = 0;
    for (size_t next; left; text += next, left -= next, count++)
        record_length(text, left, &next);
    return count;
}

/* Bytes that tokens 1..length-1 stand for. */
static int64_t covered(const qf_tokenizer *tokenizer, const int *token, int length)
{
    int64_t bytes = 0;
    for (int i = 1; i < length; i++) {
        size_t piece;
        qf_tokenizer_piece(tokenizer, token[i - 1], token[i], &piece);
        bytes += (int64_t)piece;
    }
    return bytes;
}

static qf_status add_record(const loader *l, const char *text, size_t length)
{
    qf_corpus *corpus = l->corpus;
    int *token, count;

    /* The line ends around a separator belong to the file, not to the text. */
    while (length && isspace((unsigned char)text[length - 1])) length--;
    for (; length && isspace((unsigned char)*text); length--) text++;
    QF_TRY(qf_tokenizer_encode(l->tokenizer, text, length, 1, &token, &count));
    const int kept = count < l->context ? count : l->context;
    if (kept < 2) {
        qf_free(token);
        return QF_OK;
    }
    const int at = corpus->sequences++;
    corpus->token[at] = token;
    corpus->length[at] = kept;
    corpus->bytes[at] = kept < count ? covered(l->tokenizer, token, kept) : (int64_t)length;
    return QF_OK;
}

static qf_status add_records(const loader *l, const char *text, size_t left)
{
    for (size_t next; left && l->corpus->sequences < l->most; text += next, left -= next) {
        const size_t length = record_length(text, left, &next);
        QF_TRY(add_record(l, text, length));
    }
    if (l->corpus->sequences) return QF_OK;
    return qf_fail(QF_FORMAT, "%s: no text to read", l->path);
}

static qf_status make_room(qf_corpus *corpus, int records)
{
    corpus->length = qf_alloc_array((size_t)records, sizeof *corpus->length);
    corpus->token = qf_alloc_array((size_t)records, sizeof *corpus->token);
    corpus->bytes = qf_alloc_array((size_t)records, sizeof *corpus->bytes);
    return corpus->length && corpus->token && corpus->bytes ? QF_OK : QF_MEMORY;
}

qf_status qf_corpus_load(const char *path, const qf_tokenizer *tokenizer, int context,
                         int records, qf_corpus *corpus)
{
    char *text;
    size_t size;

    *corpus = (qf_corpus){0};
    if (context < 2) return qf_fail(QF_RANGE, "%s: sequences of %d tokens", path, context);
    if (records < 0) return qf_fail(QF_RANGE, "%s: %d records", path, records);
    QF_TRY(qf_file_read(path, SIZE_MAX / 4, &text, &size));
    const int all = count_records(text, size);
    const loader l = {tokenizer, path, context, records ? records : all, corpus};
    qf_status status = make_room(corpus, l.most < all ? l.most : all);
    if (status == QF_OK) status = add_records(&l, text, size);
    qf_free(text);
    if (status != QF_OK) qf_corpus_release(corpus);
    return status;
}

void qf_corpus_release(qf_corpus *corpus)
{
    for (int i = 0; i < corpus->sequences; i++) qf_free(corpus->token[i]);
    qf_free(corpus->length);
    qf_free(corpus->token);
    qf_free(corpus->bytes);
    *corpus = (qf_corpus){0};
}
