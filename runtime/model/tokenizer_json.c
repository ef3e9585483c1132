/* tokenizer_json.c -- byte-pair encoding from Hugging Face's tokenizer.json, of two
 * families: SentencePiece's (spaces written as U+2581, bytes as "<0x0A>") and byte-level
 * (GPT-2's alphabet, words cut by regular expressions).
 *
 * Both are brought to plain bytes while loading: pieces hold real spaces and real bytes,
 * so encoding never rewrites the text.  What the pipeline of the file asks for beyond
 * that is refused, not ignored. */
#include "tokenizer_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "byte_level.h"
#include "qforge/file.h"
#include "qforge/memory.h"
#include "splitter.h"

static const char meta_space[] = "\xE2\x96\x81"; /* U+2581 */
enum { META_SPACE = sizeof meta_space - 1, RANKS_MAX = 1 << 24 };

/* ---- pieces ---- */

/* The bytes a piece of the file stands for, written to `into`; -1 when it has none. */
static ptrdiff_t plain(const qf_json_reader *r, const char *text, size_t length, char *into)
{
    ptrdiff_t count = 0;

    if (r->byte_level) return qf_byte_level_decode(text, length, into);
    for (size_t at = 0; at < length;) {
        const bool space =
            length - at >= META_SPACE && memcmp(text + at, meta_space, META_SPACE) == 0;
        into[count++] = space ? ' ' : text[at];
        at += space ? META_SPACE : 1;
    }
    return count;
}

static qf_status read_id(const qf_json_reader *r, const json_t *value, const char *what,
                         int *id)
{
    const json_int_t number = json_integer_value(value);

    if (!json_is_integer(value) || number < 0 || number > 0x7ffffffe)
        return qf_fail(QF_FORMAT, "%s: '%.40s' has no id", r->t->path, what);
    *id = (int)number;
    return QF_OK;
}

/* The largest id, and the bytes all pieces have together. */
static qf_status measure(const qf_json_reader *r, json_t *vocab, int *most, size_t *bytes)
{
    const char *key;
    json_t *value;
    size_t i;
    int id = 0;

    *most = -1;
    *bytes = 0;
    json_object_foreach(vocab, key, value)
    {
        QF_TRY(read_id(r, value, key, &id));
        *most = id > *most ? id : *most;
        *bytes += strlen(key);
    }
    json_array_foreach(json_object_get(r->root, "added_tokens"), i, value)
    {
        const char *content = json_string_value(json_object_get(value, "content"));
        if (!content || !*content)
            return qf_fail(QF_FORMAT, "%s: an added token without content", r->t->path);
        QF_TRY(read_id(r, json_object_get(value, "id"), content, &id));
        *most = id > *most ? id : *most;
        *bytes += strlen(content);
    }
    return QF_OK;
}

static qf_status take_pieces(qf_json_reader *r, json_t *vocab)
{
    qf_tokenizer *t = r->t;
    const char *key;
    json_t *value;

    json_object_foreach(vocab, key, value)
    {
        const int id = (int)json_integer_value(value);
        const ptrdiff_t length = plain(r, key, strlen(key), r->room);
        /* Control tokens may stand among the pieces in plain letters. */
        const size_t bytes = length < 0 ? strlen(key) : (size_t)length;
        if (length < 0) memcpy(r->room, key, bytes);
        t->pieces.text[id] = (qf_text){r->room, bytes};
        r->room += bytes;
    }
    /* By id, so that of equal pieces the lowest is found. */
    for (int id = 0; id < t->pieces.count; id++)
        if (t->pieces.text[id].length)
            qf_vocabulary_put(&t->pieces, id, t->pieces.text[id].bytes,
                              t->pieces.text[id].length);
    return QF_OK;
}

static void find_bytes(qf_json_reader *r, json_t *vocab)
{
    for (int b = 0; b < 256; b++) {
        char name[8];
        const char byte = (char)b;
        snprintf(name, sizeof name, "<0x%02X>", b);
        const json_t *id = json_object_get(vocab, name);
        if (r->byte_level)
            r->t->byte_id[b] = qf_vocabulary_find(&r->t->pieces, &byte, 1);
        else if (r->byte_fallback && id)
            r->t->byte_id[b] = (int)json_integer_value(id);
    }
}

/* ---- added tokens ---- */

static int longer_first(const void *left, const void *right)
{
    const qf_added *a = left, *b = right;
    if (a->length != b->length) return a->length > b->length ? -1 : 1;
    return a->id - b->id;
}

static qf_status take_added(qf_json_reader *r)
{
    const json_t *list = json_object_get(r->root, "added_tokens");
    qf_tokenizer *t = r->t;
    json_t *value;
    size_t i;

    t->added = qf_alloc_array(json_array_size(list), sizeof *t->added);
    if (!t->added) return QF_MEMORY;
    json_array_foreach(list, i, value)
    {
        const char *content = json_string_value(json_object_get(value, "content"));
        const size_t length = strlen(content);
        if (json_is_true(json_object_get(value, "single_word")))
            return qf_fail(QF_UNSUPPORTED, "%s: '%.40s' as a single word is not supported",
                           t->path, content);
        memcpy(r->room, content, length);
        t->added_starts[(unsigned char)content[0]] = true;
        t->added[t->added_count++] =
            (qf_added){.content = r->room,
                       .length = length,
                       .id = (int)json_integer_value(json_object_get(value, "id")),
                       .special = json_is_true(json_object_get(value, "special")),
                       .strip_before = json_is_true(json_object_get(value, "lstrip")),
                       .strip_after = json_is_true(json_object_get(value, "rstrip"))};
        r->room += length;
    }
    qsort(t->added, (size_t)t->added_count, sizeof *t->added, longer_first);
    return QF_OK;
}

/* Readers of the text see other added tokens, but not the special ones. */
static void text_of_added(qf_tokenizer *t)
{
    for (int i = 0; i < t->added_count; i++) {
        const qf_added *a = &t->added[i];
        t->text[a->id] = (qf_text){a->content, a->special ? 0 : a->length};
    }
}

/* ---- merges ---- */

static qf_status find_half(const qf_json_reader *r, const char *text, size_t length, int rank,
                           int *id)
{
    char *bytes = qf_alloc(length + 1);
    if (!bytes) return QF_MEMORY;
    const ptrdiff_t count = plain(r, text, length, bytes);
    *id = count < 0 ? -1 : qf_vocabulary_find(&r->t->pieces, bytes, (size_t)count);
    qf_free(bytes);
    if (*id >= 0) return QF_OK;
    return qf_fail(QF_FORMAT, "%s: merge %d joins something that is no piece", r->t->path,
                   rank);
}

static qf_status take_merge(const qf_json_reader *r, int rank, const char *a, size_t a_length,
                            const char *b, size_t b_length)
{
    qf_tokenizer *t = r->t;
    int left, right;

    QF_TRY(find_half(r, a, a_length, rank, &left));
    QF_TRY(find_half(r, b, b_length, rank, &right));
    const qf_text *x = &t->pieces.text[left], *y = &t->pieces.text[right];
    char *joined = qf_alloc(x->length + y->length);
    if (!joined) return QF_MEMORY;
    memcpy(joined, x->bytes, x->length);
    memcpy(joined + x->length, y->bytes, y->length);
    const int id = qf_vocabulary_find(&t->pieces, joined, x->length + y->length);
    qf_free(joined);
    if (id < 0) return qf_fail(QF_FORMAT, "%s: merge %d makes no piece", t->path, rank);
    qf_pairs_put(&t->merges, left, right, (qf_merge){(float)rank, id});
    return QF_OK;
}

static qf_status take_merges(qf_json_reader *r, const json_t *merges)
{
    json_t *value;
    size_t rank;

    if (json_array_size(merges) > RANKS_MAX)
        return qf_fail(QF_FORMAT, "%s: over %d merges", r->t->path, RANKS_MAX);
    QF_TRY(qf_pairs_init(&r->t->merges, json_array_size(merges)));
    json_array_foreach(merges, rank, value)
    {
        const char *text = json_string_value(value);
        const char *space = text ? strchr(text, ' ') : NULL;
        const char *a = json_string_value(json_array_get(value, 0));
        const char *b = json_string_value(json_array_get(value, 1));
        if (space)
            QF_TRY(take_merge(r, (int)rank, text, (size_t)(space - text), space + 1,
                              strlen(space + 1)));
        else if (a && b)
            QF_TRY(take_merge(r, (int)rank, a, strlen(a), b, strlen(b)));
        else
            return qf_fail(QF_FORMAT, "%s: merge %zu is no pair", r->t->path, rank);
    }
    return QF_OK;
}

static bool join(const void *self, int left, int right, qf_merge *merge)
{
    const qf_merge *found = qf_pairs_find(&((const qf_tokenizer *)self)->merges, left, right);
    if (found) *merge = *found;
    return found != NULL;
}

/* ---- encoding ---- */

static bool starts_with_space(const char *text, size_t length)
{
    return text[0] == ' ' ||
           (length >= META_SPACE && memcmp(text, meta_space, META_SPACE) == 0);
}

static bool wants_prefix(const qf_tokenizer *t, const char *text, size_t length, bool first)
{
    if (t->prefix == QF_PREFIX_NEVER || (t->prefix == QF_PREFIX_FIRST && !first)) return false;
    return !(t->prefix_missing && starts_with_space(text, length));
}

static qf_status encode_spaced(const qf_tokenizer *t, qf_merger *merger, const char *text,
                               size_t length, bool first, qf_ids *ids)
{
    qf_merger_clear(merger);
    if (wants_prefix(t, text, length, first)) QF_TRY(qf_add_character(t, merger, " ", 1));
    for (size_t at = 0; at < length;) {
        const size_t bytes = qf_character_length(text + at, length - at);
        const bool space = starts_with_space(text + at, bytes);
        if (space && t->split_words && merger->count) {
            QF_TRY(qf_merge_into(merger, ids));
            qf_merger_clear(merger);
        }
        QF_TRY(qf_add_character(t, merger, space ? " " : text + at, space ? 1 : bytes));
        at += bytes;
    }
    return qf_merge_into(merger, ids);
}

typedef struct word_sink {
    const qf_tokenizer *t;
    qf_merger *merger;
    qf_ids *ids;
} word_sink;

static qf_status encode_word(void *context, const char *text, size_t length)
{
    const word_sink *sink = context;

    if (sink->t->whole_words) {
        const int whole = qf_vocabulary_find(&sink->t->pieces, text, length);
        if (whole >= 0) return qf_ids_add(sink->ids, whole);
    }
    qf_merger_clear(sink->merger);
    for (size_t i = 0; i < length; i++)
        QF_TRY(qf_add_character(sink->t, sink->merger, text + i, 1));
    return qf_merge_into(sink->merger, sink->ids);
}

static qf_status encode_bytes(const qf_tokenizer *t, qf_merger *merger, const char *text,
                              size_t length, bool first, qf_ids *ids)
{
    word_sink sink = {t, merger, ids};

    if (!wants_prefix(t, text, length, first))
        return qf_splitter_run(t->splitter, text, length, encode_word, &sink);
    char *spaced = qf_alloc(length + 1);
    if (!spaced) return QF_MEMORY;
    spaced[0] = ' ';
    memcpy(spaced + 1, text, length);
    const qf_status status =
        qf_splitter_run(t->splitter, spaced, length + 1, encode_word, &sink);
    qf_free(spaced);
    return status;
}

/* ---- the file ---- */

static qf_status read_model(qf_json_reader *r, int vocab_of_model)
{
    const json_t *model = json_object_get(r->root, "model");
    json_t *vocab = json_object_get(model, "vocab");
    const char *type = json_string_value(json_object_get(model, "type"));
    const char *unknown = json_string_value(json_object_get(model, "unk_token"));
    qf_tokenizer *t = r->t;
    size_t bytes;
    int most;

    if (!json_is_object(vocab) || (type && strcmp(type, "BPE") != 0))
        return qf_fail(QF_UNSUPPORTED, "%s: a model of type '%.20s'; BPE is read", t->path,
                       type ? type : "?");
    QF_TRY(measure(r, vocab, &most, &bytes));
    if (most >= vocab_of_model)
        return qf_fail(QF_SHAPE, "%s: ids up to %d for a model of %d tokens", t->path, most,
                       vocab_of_model);
    r->byte_fallback = json_is_true(json_object_get(model, "byte_fallback"));
    t->whole_words = json_is_true(json_object_get(model, "ignore_merges"));
    t->fuse_unknown = json_is_true(json_object_get(model, "fuse_unk"));
    t->bytes = r->room = qf_alloc(bytes + 1);
    if (!t->bytes) return QF_MEMORY;
    QF_TRY(qf_vocabulary_init(&t->pieces, most + 1));
    QF_TRY(take_pieces(r, vocab));
    find_bytes(r, vocab);
    const json_t *id = unknown ? json_object_get(vocab, unknown) : NULL;
    if (id) t->unknown = (int)json_integer_value(id);
    QF_TRY(take_merges(r, json_object_get(model, "merges")));
    QF_TRY(take_added(r));
    QF_TRY(qf_tokenizer_make_texts(t, !r->byte_level));
    text_of_added(t);
    return QF_OK;
}

qf_status qf_tokenizer_of_json(qf_tokenizer *t, json_t *root, int vocab)
{
    qf_json_reader r = {.t = t, .root = root};

    QF_TRY(qf_json_read_pipeline(&r));
    t->encode = r.byte_level ? encode_bytes : encode_spaced;
    t->join = join;
    t->drops_space = !r.byte_level && t->prefix != QF_PREFIX_NEVER;
    QF_TRY(read_model(&r, vocab));
    return qf_json_read_ends(&r);
}

enum { FILE_BYTES_MAX = 256 << 20 };

qf_status qf_tokenizer_read_json(qf_tokenizer *t, int vocab)
{
    json_error_t error;
    char *text;
    size_t size;

    QF_TRY(qf_file_read(t->path, FILE_BYTES_MAX, &text, &size));
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    qf_free(text);
    if (!root) return qf_fail(QF_FORMAT, "%s: line %d: %s", t->path, error.line, error.text);
    const qf_status status = qf_tokenizer_of_json(t, root, vocab);
    json_decref(root);
    return status;
}
