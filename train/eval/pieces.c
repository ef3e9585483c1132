/* pieces.c -- byte-pair encoding over the distinct words of a text.
 *
 *     words   distinct words with their counts, each a list of piece ids
 *     repeat  count adjacent pairs, merge the most frequent (of equals the smallest ids)
 *
 * Distinct words are few, so pairs are counted afresh for every merge. */
#include "qforge/hash.h"
#include "qforge/pieces.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "qforge/file.h"
#include "qforge/memory.h"

enum { BYTES_END = 259, WORD_MAX = 64, PIECE_MAX = 64, PAIR_SLOTS = 1 << 16 };

typedef struct word {
    const char *text; /* in the input */
    int bytes;        /* of it */
    int64_t count;
    int length; /* pieces */
    int piece[WORD_MAX];
} word;

typedef struct piece {
    char text[PIECE_MAX];
    int length;
} piece;

typedef struct pair_count {
    int64_t count; /* 0: empty slot */
    int left, right;
} pair_count;

typedef struct learner {
    word *words;
    int count, capacity;
    int *slot; /* hash of words: index, -1 empty */
    int slots;
    piece *pieces;
    int learned, vocab;
    pair_count *pairs; /* hash, PAIR_SLOTS */
} learner;

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static int character_bytes(const char *at, const char *end)
{
    const uint8_t lead = (uint8_t)*at;
    int bytes = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
    for (int i = 1; i < bytes; i++)
        if (at + i >= end || ((uint8_t)at[i] & 0xc0) != 0x80) return 1;
    return bytes;
}

/* Length of the next word: a space and letters, or one character. */
static int next_word(const char *at, const char *end)
{
    const char *c = at + (*at == ' ');
    while (c < end && is_letter(*c) && c - at < WORD_MAX - 1) c++;
    return c > at + (*at == ' ') ? (int)(c - at) : character_bytes(at, end);
}

static uint64_t hash_bytes(const char *text, int bytes)
{
    return qf_hash(QF_HASH_START, text, (size_t)bytes);
}

static int *word_slot(const learner *l, const char *text, int bytes)
{
    uint64_t at = hash_bytes(text, bytes) % (uint64_t)l->slots;
    while (l->slot[at] >= 0) {
        const word *w = &l->words[l->slot[at]];
        if (w->bytes == bytes && memcmp(w->text, text, (size_t)bytes) == 0) break;
        at = (at + 1) % (uint64_t)l->slots;
    }
    return &l->slot[at];
}

/* Words beyond the room for them (a text without repetition) are left out. */
static void add_word(learner *l, const char *text, int bytes)
{
    int *slot = word_slot(l, text, bytes);
    if (*slot < 0 && l->count < l->capacity) {
        *slot = l->count++;
        l->words[*slot] = (word){.text = text, .bytes = bytes};
    }
    if (*slot >= 0) l->words[*slot].count++;
}

static void collect_words(learner *l, const char *text, size_t size)
{
    static const char marker[] = "<|endoftext|>";
    const char *end = text + size;
    while (text < end) {
        if ((size_t)(end - text) >= sizeof marker - 1 &&
            memcmp(text, marker, sizeof marker - 1) == 0) {
            text += sizeof marker - 1;
            continue;
        }
        const int bytes = next_word(text, end);
        add_word(l, text, bytes);
        text += bytes;
    }
}

static int piece_of(const learner *l, const char *text, int bytes)
{
    for (int p = BYTES_END; p < l->learned; p++)
        if (l->pieces[p].length == bytes && memcmp(l->pieces[p].text, text, (size_t)bytes) == 0)
            return p;
    return -1;
}

static bool add_piece(learner *l, const char *left, int left_bytes, const char *right,
                      int right_bytes)
{
    if (l->learned == l->vocab || left_bytes + right_bytes >= PIECE_MAX) return false;
    piece *p = &l->pieces[l->learned++];
    memcpy(p->text, left, (size_t)left_bytes);
    memcpy(p->text + left_bytes, right, (size_t)right_bytes);
    p->length = left_bytes + right_bytes;
    return true;
}

/* Words as characters; characters become pieces in the order they appear. */
static qf_status split_words(learner *l)
{
    for (int i = 0; i < l->count; i++) {
        word *w = &l->words[i];
        for (const char *at = w->text, *end = at + w->bytes; at < end;) {
            const int bytes = character_bytes(at, end);
            int id = piece_of(l, at, bytes);
            if (id < 0) {
                id = l->learned;
                if (!add_piece(l, at, bytes, "", 0))
                    return qf_fail(QF_RANGE,
                                   "a vocabulary of %d has no room for the "
                                   "characters of the text",
                                   l->vocab);
            }
            w->piece[w->length++] = id;
            at += bytes;
        }
    }
    return QF_OK;
}

static void count_pair(learner *l, int left, int right, int64_t count)
{
    uint64_t at =
        ((uint64_t)left * 0x9E3779B97F4A7C15u ^ (uint64_t)right * 0xC2B2AE3D27D4EB4Fu);
    at = (at ^ at >> 29) % PAIR_SLOTS;
    for (int tries = 0; tries < PAIR_SLOTS; tries++, at = (at + 1) % PAIR_SLOTS) {
        pair_count *p = &l->pairs[at];
        if (p->count && (p->left != left || p->right != right)) continue;
        *p = (pair_count){p->count + count, left, right};
        return;
    }
}

static pair_count best_pair(learner *l)
{
    pair_count best = {0};
    memset(l->pairs, 0, PAIR_SLOTS * sizeof *l->pairs);
    for (int i = 0; i < l->count; i++)
        for (int p = 0; p + 1 < l->words[i].length; p++)
            count_pair(l, l->words[i].piece[p], l->words[i].piece[p + 1], l->words[i].count);
    for (int s = 0; s < PAIR_SLOTS; s++) {
        const pair_count *p = &l->pairs[s];
        if (p->count < best.count || p->count == 0) continue;
        if (p->count > best.count || p->left < best.left ||
            (p->left == best.left && p->right < best.right))
            best = *p;
    }
    return best;
}

static void merge(word *w, const pair_count *pair, int id)
{
    int length = 0;
    for (int p = 0; p < w->length; p++) {
        const bool hit =
            p + 1 < w->length && w->piece[p] == pair->left && w->piece[p + 1] == pair->right;
        w->piece[length++] = hit ? id : w->piece[p];
        p += hit;
    }
    w->length = length;
}

static void learn_merges(learner *l)
{
    while (l->learned < l->vocab) {
        const pair_count pair = best_pair(l);
        if (pair.count < 2) return;
        const piece *left = &l->pieces[pair.left], *right = &l->pieces[pair.right];
        const int id = l->learned;
        if (!add_piece(l, left->text, left->length, right->text, right->length)) return;
        for (int i = 0; i < l->count; i++) merge(&l->words[i], &pair, id);
    }
}

/* ---- tokenizer.bin: u32 longest; per piece f32 score, u32 length, bytes ---- */

static void name_special(int id, piece *p)
{
    static const char *const name[3] = {"<unk>", "\n<s>\n", "\n</s>\n"};
    p->length = id < 3 ? snprintf(p->text, PIECE_MAX, "%s", name[id])
                       : snprintf(p->text, PIECE_MAX, "<0x%02X>", id - 3);
}

static qf_status write_pieces(const learner *l, const char *path)
{
    uint32_t longest = 0;
    qf_output output;

    for (int p = 0; p < l->learned; p++)
        if ((uint32_t)l->pieces[p].length > longest) longest = (uint32_t)l->pieces[p].length;
    QF_TRY(qf_output_open(path, &output));
    qf_status status = qf_output_write(&output, &longest, sizeof longest);
    for (int p = 0; status == QF_OK && p < l->learned; p++) {
        /* Earlier merges score higher; specials and bytes never take part. */
        const float score = p < BYTES_END ? 0 : (float)-(p - BYTES_END);
        const uint32_t length = (uint32_t)l->pieces[p].length;
        status = qf_output_write(&output, &score, sizeof score);
        if (status == QF_OK) status = qf_output_write(&output, &length, sizeof length);
        if (status == QF_OK) status = qf_output_write(&output, l->pieces[p].text, length);
    }
    if (status == QF_OK) return qf_output_commit(&output);
    qf_output_abandon(&output);
    return status;
}

static qf_status learn(learner *l, const char *text, size_t size, const char *path)
{
    l->words = qf_alloc_array((size_t)l->capacity, sizeof *l->words);
    l->slot = qf_alloc_array((size_t)l->slots, sizeof *l->slot);
    l->pieces = qf_alloc_array((size_t)l->vocab, sizeof *l->pieces);
    l->pairs = qf_alloc_array(PAIR_SLOTS, sizeof *l->pairs);
    if (!l->words || !l->slot || !l->pieces || !l->pairs) return QF_MEMORY;
    memset(l->slot, -1, (size_t)l->slots * sizeof *l->slot);
    for (int id = 0; id < BYTES_END; id++) name_special(id, &l->pieces[id]);
    l->learned = BYTES_END;
    collect_words(l, text, size);
    QF_TRY(split_words(l));
    learn_merges(l);
    return write_pieces(l, path);
}

qf_status qf_pieces_learn(const char *text, size_t size, int vocab, const char *path,
                          int *learned)
{
    learner l = {.capacity = 1 << 15, .slots = 1 << 17, .vocab = vocab};
    if (vocab <= BYTES_END || vocab > 1 << 15)
        return qf_fail(QF_RANGE, "a vocabulary of %d pieces: from %d to %d", vocab,
                       BYTES_END + 1, 1 << 15);
    const qf_status status = learn(&l, text, size, path);
    if (learned) *learned = l.learned;
    qf_free(l.pairs);
    qf_free(l.pieces);
    qf_free(l.slot);
    qf_free(l.words);
    return status;
}
