/* tokenizer_bin.c -- tokenizer.bin of llama2.c: u32 longest piece, then per piece
 * f32 score, i32 length, bytes.  Ids 0, 1, 2 are unknown, begin, end; 3..258 the bytes.
 * The best-scored pair of neighbours is joined first. */
#include <math.h>
#include <string.h>

#include "qforge/file.h"
#include "qforge/memory.h"
#include "tokenizer_inside.h"

enum { FILE_BYTES_MAX = 64 << 20, FIRST_BYTE = 3, LEAST_PIECES = FIRST_BYTE + 256 };

typedef struct cursor {
    const char *path, *data;
    size_t size, at;
} cursor;

static qf_status next_piece(cursor *c, float *score, qf_text *piece)
{
    int32_t length;

    if (c->size - c->at < sizeof *score + sizeof length)
        return qf_fail(QF_FORMAT, "%s: truncated at byte %zu", c->path, c->at);
    memcpy(score, c->data + c->at, sizeof *score);
    memcpy(&length, c->data + c->at + sizeof *score, sizeof length);
    c->at += sizeof *score + sizeof length;
    if (length < 0 || (size_t)length > c->size - c->at)
        return qf_fail(QF_FORMAT, "%s: a piece of %d bytes at byte %zu of %zu", c->path, length,
                       c->at, c->size);
    if (!isfinite(*score))
        return qf_fail(QF_FORMAT, "%s: the score at byte %zu is no number", c->path,
                       c->at - sizeof length);
    *piece = (qf_text){c->data + c->at, (size_t)length};
    c->at += (size_t)length;
    return QF_OK;
}

static qf_status count_pieces(cursor c, int *count)
{
    qf_text piece;
    float score;

    for (*count = 0; c.at < c.size; (*count)++) QF_TRY(next_piece(&c, &score, &piece));
    return QF_OK;
}

static qf_status take_pieces(qf_tokenizer *t, cursor c)
{
    for (int id = 0; id < t->pieces.count; id++) {
        qf_text piece = {0};
        QF_TRY(next_piece(&c, &t->score[id], &piece));
        qf_vocabulary_put(&t->pieces, id, piece.bytes, piece.length);
        if (piece.length > t->longest) t->longest = piece.length;
    }
    for (int b = 0; b < 256; b++) t->byte_id[b] = FIRST_BYTE + b;
    return QF_OK;
}

enum { JOINED_MAX = 512 };

static bool join(const void *self, int left, int right, qf_merge *merge)
{
    const qf_tokenizer *t = self;
    const qf_text *a = &t->pieces.text[left], *b = &t->pieces.text[right];
    char joined[JOINED_MAX];

    if (a->length + b->length > t->longest) return false;
    memcpy(joined, a->bytes, a->length);
    memcpy(joined + a->length, b->bytes, b->length);
    merge->id = qf_vocabulary_find(&t->pieces, joined, a->length + b->length);
    if (merge->id < 0) return false;
    merge->cost = -t->score[merge->id];
    return true;
}

/* The text starts with a space whether it has one or not. */
static qf_status encode(const qf_tokenizer *t, qf_merger *merger, const char *text,
                        size_t length, bool first, qf_ids *ids)
{
    (void)first;
    qf_merger_clear(merger);
    if (length) QF_TRY(qf_add_character(t, merger, " ", 1));
    for (size_t at = 0; at < length;) {
        const size_t bytes = qf_character_length(text + at, length - at);
        QF_TRY(qf_add_character(t, merger, text + at, bytes));
        at += bytes;
    }
    return qf_merge_into(merger, ids);
}

qf_status qf_tokenizer_read_bin(qf_tokenizer *t, int vocab)
{
    cursor c = {.path = t->path, .at = sizeof(uint32_t)};
    int count;

    QF_TRY(qf_file_read(t->path, FILE_BYTES_MAX, &t->bytes, &c.size));
    c.data = t->bytes;
    if (c.size < c.at) return qf_fail(QF_FORMAT, "%s: truncated, %zu bytes", t->path, c.size);
    QF_TRY(count_pieces(c, &count));
    if (count < LEAST_PIECES)
        return qf_fail(QF_FORMAT, "%s: %d pieces, no room for the 256 bytes", t->path, count);
    if (count != vocab)
        return qf_fail(QF_SHAPE, "%s: %d pieces for a model of %d tokens", t->path, count,
                       vocab);
    QF_TRY(qf_vocabulary_init(&t->pieces, count));
    t->score = qf_alloc_array((size_t)count, sizeof *t->score);
    if (!t->score) return QF_MEMORY;
    QF_TRY(take_pieces(t, c));
    if (t->longest > JOINED_MAX)
        return qf_fail(QF_FORMAT, "%s: a piece of %zu bytes, more than %d", t->path, t->longest,
                       JOINED_MAX);
    t->encode = encode;
    t->join = join;
    t->bos = 1;
    t->eos = 2;
    t->unknown = 0;
    t->drops_space = true;
    return qf_tokenizer_make_texts(t, true);
}
