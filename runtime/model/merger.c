/* merger.c -- the symbols are a linked list inside an array; a candidate whose symbols
 * have changed since it was noted is skipped when it comes up. */
#include "merger.h"

#include <string.h>

#include "qforge/memory.h"

void qf_merger_release(qf_merger *m)
{
    qf_free(m->symbol);
    qf_free(m->heap);
    *m = (qf_merger){0};
}

void qf_merger_clear(qf_merger *m)
{
    m->count = 0;
    m->candidates = 0;
}

static void *grown(void *old, size_t used, size_t room, size_t size)
{
    void *larger = qf_alloc_array(room, size);
    if (!larger) return NULL;
    if (used) memcpy(larger, old, used * size);
    qf_free(old);
    return larger;
}

qf_status qf_merger_add(qf_merger *m, int id)
{
    if (m->count == m->room) {
        const int room = m->room ? 2 * m->room : 64;
        if (m->room > 1 << 29) return qf_fail(QF_MEMORY, "a text of over 2^29 symbols");
        qf_symbol *larger = grown(m->symbol, (size_t)m->count, (size_t)room, sizeof *larger);
        if (!larger) return QF_MEMORY;
        m->symbol = larger;
        m->room = room;
    }
    m->symbol[m->count] = (qf_symbol){id, m->count - 1, m->count + 1};
    m->count++;
    return QF_OK;
}

/* ---- heap ---- */

static bool before(const qf_candidate *a, const qf_candidate *b)
{
    return a->cost != b->cost ? a->cost < b->cost : a->at < b->at;
}

static void swap(qf_candidate *a, qf_candidate *b)
{
    const qf_candidate kept = *a;
    *a = *b;
    *b = kept;
}

static qf_status push(qf_merger *m, qf_candidate candidate)
{
    if (m->candidates == m->heap_room) {
        const size_t room = m->heap_room ? 2 * m->heap_room : 64;
        qf_candidate *larger = grown(m->heap, m->candidates, room, sizeof *larger);
        if (!larger) return QF_MEMORY;
        m->heap = larger;
        m->heap_room = room;
    }
    size_t at = m->candidates++;
    m->heap[at] = candidate;
    for (; at && before(&m->heap[at], &m->heap[(at - 1) / 2]); at = (at - 1) / 2)
        swap(&m->heap[at], &m->heap[(at - 1) / 2]);
    return QF_OK;
}

static qf_candidate pop(qf_merger *m)
{
    const qf_candidate top = m->heap[0];
    const size_t count = --m->candidates;

    m->heap[0] = m->heap[count];
    for (size_t at = 0;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < count; child++)
            if (before(&m->heap[child], &m->heap[least])) least = child;
        if (least == at) return top;
        swap(&m->heap[at], &m->heap[least]);
        at = least;
    }
}

/* ---- merging ---- */

static qf_status consider(qf_merger *m, int at)
{
    qf_merge merge;

    if (at < 0 || m->symbol[at].next >= m->count) return QF_OK;
    const int left = m->symbol[at].id, right = m->symbol[m->symbol[at].next].id;
    if (!m->join(m->self, left, right, &merge)) return QF_OK;
    return push(m, (qf_candidate){merge.cost, at, left, right, merge.id});
}

static bool still_true(const qf_merger *m, const qf_candidate *c)
{
    const qf_symbol *left = &m->symbol[c->at];
    return left->id == c->left && left->next < m->count && m->symbol[left->next].id == c->right;
}

static void join_at(qf_merger *m, const qf_candidate *c)
{
    qf_symbol *left = &m->symbol[c->at], *right = &m->symbol[left->next];
    left->id = c->joined;
    left->next = right->next;
    right->id = -1;
    if (left->next < m->count) m->symbol[left->next].previous = c->at;
}

static void compact(qf_merger *m)
{
    int kept = 0;
    for (int at = 0; at < m->count; at = m->symbol[at].next) m->symbol[kept++] = m->symbol[at];
    m->count = kept;
}

qf_status qf_merger_run(qf_merger *m)
{
    for (int i = 0; i + 1 < m->count; i++) QF_TRY(consider(m, i));
    while (m->candidates) {
        const qf_candidate best = pop(m);
        if (!still_true(m, &best)) continue;
        join_at(m, &best);
        QF_TRY(consider(m, m->symbol[best.at].previous));
        QF_TRY(consider(m, best.at));
    }
    compact(m);
    return QF_OK;
}
