/* vocabulary.c -- open addressing, at most half full. */
#include "vocabulary.h"

#include <string.h>

#include "qforge/hash.h"
#include "qforge/memory.h"

static size_t slots_for(size_t count)
{
    size_t slots = 16;
    while (slots < 2 * count) slots *= 2;
    return slots;
}

static size_t mix(uint64_t hash)
{
    hash *= 0x9e3779b97f4a7c15u;
    return (size_t)(hash ^ hash >> 32);
}

static size_t hash_bytes(const char *bytes, size_t length)
{
    return mix(qf_hash(QF_HASH_START, bytes, length));
}

qf_status qf_vocabulary_init(qf_vocabulary *v, int count)
{
    *v = (qf_vocabulary){.count = count, .slots = slots_for((size_t)count)};
    v->text = qf_alloc_array((size_t)count, sizeof *v->text);
    v->slot = qf_alloc_array(v->slots, sizeof *v->slot);
    if (!v->text || !v->slot) {
        qf_vocabulary_release(v);
        return QF_MEMORY;
    }
    memset(v->slot, -1, v->slots * sizeof *v->slot);
    return QF_OK;
}

void qf_vocabulary_release(qf_vocabulary *v)
{
    qf_free(v->text);
    qf_free(v->slot);
    *v = (qf_vocabulary){0};
}

/* The slot that holds these bytes, or the empty one where they would go. */
static int *slot_of(const qf_vocabulary *v, const char *bytes, size_t length)
{
    for (size_t at = hash_bytes(bytes, length);; at++) {
        int *slot = &v->slot[at & (v->slots - 1)];
        if (*slot < 0) return slot;
        const qf_text *text = &v->text[*slot];
        if (text->length == length && memcmp(text->bytes, bytes, length) == 0) return slot;
    }
}

void qf_vocabulary_put(qf_vocabulary *v, int id, const char *bytes, size_t length)
{
    QF_ASSERT(id >= 0 && id < v->count);
    v->text[id] = (qf_text){bytes, length};
    int *slot = slot_of(v, bytes, length);
    if (*slot < 0) *slot = id;
}

int qf_vocabulary_find(const qf_vocabulary *v, const char *bytes, size_t length)
{
    return *slot_of(v, bytes, length);
}

/* ---- pairs ---- */

qf_status qf_pairs_init(qf_pairs *pairs, size_t count)
{
    *pairs = (qf_pairs){.slots = slots_for(count)};
    pairs->key = qf_alloc_array(pairs->slots, sizeof *pairs->key);
    pairs->merge = qf_alloc_array(pairs->slots, sizeof *pairs->merge);
    if (!pairs->key || !pairs->merge) {
        qf_pairs_release(pairs);
        return QF_MEMORY;
    }
    memset(pairs->key, -1, pairs->slots * sizeof *pairs->key);
    return QF_OK;
}

void qf_pairs_release(qf_pairs *pairs)
{
    qf_free(pairs->key);
    qf_free(pairs->merge);
    *pairs = (qf_pairs){0};
}

static size_t pair_slot(const qf_pairs *pairs, uint64_t key)
{
    size_t at = mix(key) & (pairs->slots - 1);
    while (pairs->key[at] != UINT64_MAX && pairs->key[at] != key)
        at = (at + 1) & (pairs->slots - 1);
    return at;
}

static uint64_t pair_key(int left, int right)
{
    return (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
}

void qf_pairs_put(qf_pairs *pairs, int left, int right, qf_merge merge)
{
    const uint64_t key = pair_key(left, right);
    const size_t at = pair_slot(pairs, key);
    if (pairs->key[at] == key) return;
    pairs->key[at] = key;
    pairs->merge[at] = merge;
}

const qf_merge *qf_pairs_find(const qf_pairs *pairs, int left, int right)
{
    const uint64_t key = pair_key(left, right);
    const size_t at = pair_slot(pairs, key);
    return pairs->key[at] == key ? &pairs->merge[at] : NULL;
}
