/* judge.c -- the list of hearings, held in a process of their own. */
#include "judge.h"

#include <stdio.h>

#include "hearing.h"
#include "qforge/pack.h"
#include "worker.h"

/* What is left when the kernel takes its judge along. */
typedef struct transcript {
    qf_status status;
    qf_validation validation;
    int every, turn; /* one in so many hearings is held; the next one's number */
    char at[64];     /* the hearing going on */
} transcript;

/* ---- the list -------------------------------------------------------------------------- */

typedef struct lengths {
    int64_t value[6];
    int count;
} lengths;

static void push(lengths *list, int64_t value)
{
    if (value < 1) return;
    for (int i = 0; i < list->count; i++)
        if (list->value[i] == value) return;
    list->value[list->count++] = value;
}

/* Around one tile, and past a whole one by an odd number. */
static lengths around(int64_t tile, int64_t beyond)
{
    lengths list = {.count = 0};
    push(&list, 1);
    push(&list, tile - 1);
    push(&list, tile);
    push(&list, tile + 1);
    push(&list, 2 * tile + beyond);
    return list;
}

/* Around the unit depth is padded to: ragged below one, one, and two and a half.  Where it is
 * not padded, seven is what leaves the most of loops unrolled by four. */
static lengths depths_of(const qf_kernel_id *id)
{
    const bool grad = qf_recipe_of(id->recipe)->op == QF_GRAD_INPUT;
    const int64_t whole = grad ? qf_isa_panel(id->isa) : id->group ? id->group : 32;
    lengths list = {.count = 0};
    push(&list, 7);
    push(&list, whole);
    push(&list, 2 * whole + whole / 2 + 1);
    return list;
}

static lengths columns_of(const qf_kernel_id *id)
{
    lengths list = around(id->tile.nr, qf_isa_panel(id->isa) + 3);
    /* Columns of a grad product come in groups with scales of their own; whole ones end where
     * the weights do. */
    if (qf_recipe_of(id->recipe)->op == QF_GRAD_INPUT) {
        list.value[list.count - 1] = id->group + id->tile.nr + 3;
        push(&list, id->group);
    }
    return list;
}

/* Hearings of one kernel, one after the other. */
typedef struct sitting {
    const qf_kernel *kernel;
    uint64_t seed;
    transcript *record;
    qf_courtroom room;
} sitting;

/* Holds a hearing; false ends them all. */
static bool hold(sitting *s, const qf_hearing *hearing)
{
    transcript *record = s->record;
    qf_validation *v = &record->validation;
    qf_finding finding;

    qf_hearing_print(hearing, record->at);
    record->status = qf_hear(&s->room, s->kernel, hearing, &finding);
    if (record->status != QF_OK) return false;
    v->cases++;
    if (!(finding.worst_error <= v->worst_error)) v->worst_error = finding.worst_error;
    if (!finding.wrong) return true;
    v->verdict = QF_VERDICT_WRONG;
    snprintf(v->detail, sizeof v->detail, "%.60s: %.95s", record->at, finding.detail);
    return false;
}

/* Numbers change fastest and come in threes, so that every kind of number meets every
 * other choice, which alternate in twos; the tail goes round in sevens. */
static bool hold_shape(sitting *s, int64_t m, int64_t columns, int64_t depth)
{
    const bool forward = qf_recipe_of(s->kernel->id.recipe)->op == QF_FORWARD;

    for (int data = 0; data < QF_DATA_COUNT; data++) {
        const int turn = s->record->turn++;
        const qf_hearing hearing = {
            .m = m,
            .columns = columns,
            .depth = depth,
            .data = (qf_data)data,
            .side = turn & 1 ? QF_GUARD_START : QF_GUARD_END,
            .accumulate = turn >> 1 & 1,
            .apart = turn >> 2 & 1,
            .stepwise = turn >> 3 & 1,
            .tail = forward ? turn % 7 % 4 : 0,
            .seed = s->seed + (uint64_t)turn,
        };
        if (turn % s->record->every) continue;
        if (!hold(s, &hearing)) return false;
    }
    return true;
}

/* The last tile may end within each of its vectors, which have masks of their own; a block of
 * columns may be several tiles, each with its own code (emit_grad.c). */
static void hold_edges(sitting *s)
{
    const qf_kernel_id *id = &s->kernel->id;
    const int lanes = qf_isa_panel(id->isa) / 2, nr = id->tile.nr;
    const int span = nr > QF_BLOCK_K ? nr : QF_BLOCK_K;
    const lengths depths = depths_of(id);

    for (int first = 0; first < span; first += lanes)
        if (!hold_shape(s, id->tile.mr + 1, first + lanes / 2, depths.value[1])) return;
}

static void hold_lengths(sitting *s)
{
    const qf_kernel *kernel = s->kernel;
    const lengths rows = around(kernel->id.tile.mr, 1), columns = columns_of(&kernel->id),
                  depths = depths_of(&kernel->id);

    for (int d = 0; d < depths.count; d++)
        for (int j = 0; j < columns.count; j++)
            for (int i = 0; i < rows.count; i++)
                if (!hold_shape(s, rows.value[i], columns.value[j], depths.value[d])) return;
    hold_edges(s);
}

static void hold_all(const qf_kernel *kernel, uint64_t seed, transcript *record)
{
    sitting s = {.kernel = kernel, .seed = seed, .record = record};

    hold_lengths(&s);
    qf_courtroom_release(&s.room);
}

/* ---- apart ----------------------------------------------------------------------------- */

typedef struct matter {
    const qf_kernel *kernel;
    uint64_t seed;
} matter;

static qf_status judge_apart(void *context, void *record)
{
    const matter *m = context;
    transcript *t = record;

    hold_all(m->kernel, m->seed, t);
    return t->status;
}

qf_status qf_judge(const qf_kernel *kernel, uint64_t seed, double cpu_seconds,
                   qf_validation *validation)
{
    matter m = {kernel, seed};
    transcript t = {.validation = {.verdict = QF_VERDICT_OK, .seed = seed}, .every = 1};
    qf_death death;

    const qf_status status = qf_work_apart(judge_apart, &m, &t, sizeof t, cpu_seconds, &death);
    *validation = t.validation;
    if (death.verdict != QF_VERDICT_OK) {
        validation->verdict = death.verdict;
        snprintf(validation->detail, sizeof validation->detail, "%s: %s", t.at, death.how);
    }
    return status;
}

qf_status qf_judge_here(const qf_kernel *kernel, uint64_t seed, int every,
                        qf_validation *validation)
{
    transcript t = {.validation = {.verdict = QF_VERDICT_OK, .seed = seed}, .every = every};

    QF_ASSERT(every >= 1);
    /* What alternates in twos, threes and sevens must come up in every way. */
    while (t.every > 1 && (t.every % 2 == 0 || t.every % 3 == 0 || t.every % 7 == 0)) t.every++;
    hold_all(kernel, seed, &t);
    *validation = t.validation;
    return t.status;
}
