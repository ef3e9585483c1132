/* tokenizer.c -- loading, encoding around added tokens, pieces of text. */
#include "qforge/tokenizer.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "qforge/file.h"
#include "qforge/memory.h"
#include "splitter.h"
#include "tokenizer_inside.h"

/* ---- pieces ---- */

/* The value of "<0x0A>", -1 for other texts. */
static int byte_named(const qf_text *text)
{
    static const char digits[] = "0123456789ABCDEF";
    char upper[6];

    if (text->length != sizeof upper) return -1;
    for (size_t i = 0; i < sizeof upper; i++)
        upper[i] = (char)toupper((unsigned char)text->bytes[i]);
    const char *high = memchr(digits, upper[3], 16), *low = memchr(digits, upper[4], 16);
    if (memcmp(upper, "<0X", 3) != 0 || upper[5] != '>' || !high || !low) return -1;
    return (int)(16 * (high - digits) + (low - digits));
}

qf_status qf_tokenizer_make_texts(qf_tokenizer *t, bool raw_bytes)
{
    t->text = qf_alloc_array((size_t)t->pieces.count, sizeof *t->text);
    if (!t->text) return QF_MEMORY;
    for (int b = 0; b < 256; b++) t->raw[b] = (char)b;
    for (int id = 0; id < t->pieces.count; id++) {
        const int byte = raw_bytes ? byte_named(&t->pieces.text[id]) : -1;
        t->text[id] = byte < 0 ? t->pieces.text[id] : (qf_text){&t->raw[byte], 1};
    }
    return QF_OK;
}

const char *qf_tokenizer_piece(const qf_tokenizer *t, int previous, int id, size_t *length)
{
    *length = 0;
    if (id < 0 || id >= t->pieces.count || !t->text[id].length) return "";
    const qf_text *text = &t->text[id];
    const size_t drop =
        t->drops_space && previous == t->bos && previous >= 0 && text->bytes[0] == ' ';
    *length = text->length - drop;
    return text->bytes + drop;
}

/* ---- encoding ---- */

qf_status qf_ids_add(qf_ids *ids, int id)
{
    if (ids->count == ids->room) {
        if (ids->room > 1 << 29) return qf_fail(QF_MEMORY, "a text of over 2^29 tokens");
        const int room = ids->room ? 2 * ids->room : 64;
        int *larger = qf_alloc_array((size_t)room, sizeof *larger);
        if (!larger) return QF_MEMORY;
        if (ids->count) memcpy(larger, ids->id, (size_t)ids->count * sizeof *larger);
        qf_free(ids->id);
        ids->id = larger;
        ids->room = room;
    }
    ids->id[ids->count++] = id;
    return QF_OK;
}

size_t qf_character_length(const char *text, size_t left)
{
    size_t length = 1;
    while (length < 4 && length < left && ((unsigned char)text[length] & 0xC0) == 0x80)
        length++;
    return length;
}

qf_status qf_add_character(const qf_tokenizer *t, qf_merger *merger, const char *text,
                           size_t length)
{
    const int id = qf_vocabulary_find(&t->pieces, text, length);
    if (id >= 0) return qf_merger_add(merger, id);
    bool spelt = true; /* every byte has a piece */
    for (size_t i = 0; i < length; i++) spelt &= t->byte_id[(unsigned char)text[i]] >= 0;
    if (!spelt) {
        const int last = merger->count ? merger->symbol[merger->count - 1].id : -1;
        if (t->unknown < 0 || (t->fuse_unknown && last == t->unknown)) return QF_OK;
        return qf_merger_add(merger, t->unknown);
    }
    for (size_t i = 0; i < length; i++)
        QF_TRY(qf_merger_add(merger, t->byte_id[(unsigned char)text[i]]));
    return QF_OK;
}

qf_status qf_merge_into(qf_merger *merger, qf_ids *ids)
{
    QF_TRY(qf_merger_run(merger));
    for (int i = 0; i < merger->count; i++) QF_TRY(qf_ids_add(ids, merger->symbol[i].id));
    return QF_OK;
}

/* The added token that stands at `text`; they are sorted longest first. */
static const qf_added *added_at(const qf_tokenizer *t, const char *text, size_t left)
{
    if (!t->added_starts[(unsigned char)text[0]]) return NULL;
    for (int i = 0; i < t->added_count; i++) {
        const qf_added *added = &t->added[i];
        if (added->length <= left && memcmp(added->content, text, added->length) == 0)
            return added;
    }
    return NULL;
}

static size_t spaces_before(const char *text, size_t begin, size_t end)
{
    while (end > begin && isspace((unsigned char)text[end - 1])) end--;
    return end;
}

static size_t spaces_after(const char *text, size_t at, size_t length)
{
    while (at < length && isspace((unsigned char)text[at])) at++;
    return at;
}

static qf_status encode_all(const qf_tokenizer *t, qf_merger *merger, const char *text,
                            size_t length, qf_ids *ids)
{
    size_t begin = 0;

    for (size_t at = 0; at < length && t->added_count;) {
        const qf_added *added = added_at(t, text + at, length - at);
        if (!added) {
            at++;
            continue;
        }
        const size_t end = added->strip_before ? spaces_before(text, begin, at) : at;
        if (end > begin)
            QF_TRY(t->encode(t, merger, text + begin, end - begin, begin == 0, ids));
        QF_TRY(qf_ids_add(ids, added->id));
        at += added->length;
        begin = at = added->strip_after ? spaces_after(text, at, length) : at;
    }
    if (begin == length) return QF_OK;
    return t->encode(t, merger, text + begin, length - begin, begin == 0, ids);
}

qf_status qf_tokenizer_encode(const qf_tokenizer *t, const char *text, size_t length,
                              int with_bos, int **ids, int *count)
{
    qf_merger merger = {.self = t, .join = t->join};
    qf_ids list = {0};
    qf_status status = QF_OK;

    if (with_bos && t->bos >= 0) status = qf_ids_add(&list, t->bos);
    if (status == QF_OK) status = encode_all(t, &merger, text, length, &list);
    if (status == QF_OK && !list.id) list.id = qf_alloc(sizeof *list.id); /* no tokens */
    if (status == QF_OK && !list.id) status = QF_MEMORY;
    qf_merger_release(&merger);
    if (status != QF_OK) {
        qf_free(list.id);
        list = (qf_ids){0};
    }
    *ids = list.id;
    *count = list.count;
    return status;
}

/* ---- loading ---- */

/* tokenizer.json, tokenizer.bin, or llama2.c's own name for it, tok512.bin. */
static qf_status find_file(const char *directory, int vocab, char **path)
{
    char own[32];
    snprintf(own, sizeof own, "tok%d.bin", vocab);
    const char *const names[] = {"tokenizer.json", "tokenizer.bin", own};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        *path = qf_path_join(directory, names[i]);
        if (!*path) return QF_MEMORY;
        if (qf_file_exists(*path)) return QF_OK;
        qf_free(*path);
        *path = NULL;
    }
    return qf_fail(QF_IO, "%s: holds no tokenizer.json, tokenizer.bin or %s", directory, own);
}

static bool ends_with(const char *text, const char *suffix)
{
    const size_t length = strlen(text), tail = strlen(suffix);
    return length >= tail && strcmp(text + length - tail, suffix) == 0;
}

static qf_status read_tokenizer(qf_tokenizer *t, const char *path, int vocab)
{
    t->bos = t->eos = t->unknown = -1;
    memset(t->byte_id, -1, sizeof t->byte_id);
    if (qf_directory_exists(path)) {
        QF_TRY(find_file(path, vocab, &t->path));
    } else {
        t->path = qf_strdup(path);
        if (!t->path) return QF_MEMORY;
    }
    if (strcmp(path, QF_TOKENIZER_BYTES) == 0 && !qf_file_exists(path))
        return qf_tokenizer_make_bytes(t, vocab);
    if (ends_with(t->path, ".json")) return qf_tokenizer_read_json(t, vocab);
    if (ends_with(t->path, ".model"))
        return qf_fail(QF_UNSUPPORTED, "%s: a SentencePiece model; tokenizer.json is read",
                       t->path);
    return qf_tokenizer_read_bin(t, vocab);
}

qf_status qf_tokenizer_load(const char *path, int vocab, qf_tokenizer **tokenizer)
{
    qf_tokenizer *fresh = qf_alloc(sizeof *fresh);

    *tokenizer = NULL;
    if (!fresh) return QF_MEMORY;
    const qf_status status = read_tokenizer(fresh, path, vocab);
    if (status == QF_OK)
        *tokenizer = fresh;
    else
        qf_tokenizer_free(fresh);
    return status;
}

void qf_tokenizer_free(qf_tokenizer *t)
{
    if (!t) return;
    qf_vocabulary_release(&t->pieces);
    qf_pairs_release(&t->merges);
    qf_splitter_destroy(t->splitter);
    qf_free(t->text);
    qf_free(t->score);
    qf_free(t->added);
    qf_free(t->bytes);
    qf_free(t->path);
    qf_free(t);
}

const char *qf_tokenizer_path(const qf_tokenizer *t)
{
    return t->path;
}

int qf_tokenizer_bos(const qf_tokenizer *t)
{
    return t->bos;
}

int qf_tokenizer_eos(const qf_tokenizer *t)
{
    return t->eos;
}
