/* operands.c -- weights made of random bytes straight in their packed layout. */
#include "operands.h"

#include <math.h>
#include <string.h>

#include "qforge/half.h"
#include "qforge/memory.h"
#include "qforge/random.h"

/* PAGE, LINE: of addresses as stores and loads are compared, whatever the system calls a page.
 */
enum { CHECKED_ROWS = 4, PAGE = 4096, LINE = 64 };

/* ---- weights --------------------------------------------------------------------------- */

/* Speed does not depend on values, and packing millions of codes one by one takes longer
 * than timing them. */
static void fill_random(uint8_t *bytes, size_t size)
{
    uint64_t x = 0x9E3779B97F4A7C15u;
    for (size_t i = 0; i + sizeof x <= size; i += sizeof x) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17; /* Marsaglia's xorshift64 */
        memcpy(bytes + i, &x, sizeof x);
    }
}

static void write_params(const qf_layout *layout, uint8_t *record)
{
    for (int slot = 0; slot < 2 * layout->panel; slot++) {
        const float value = slot < layout->panel ? 0.01f + 0.0001f * (float)slot : -0.06f;
        const uint16_t half = qf_half_of(value);
        if (layout->params == QF_PARAMS_F16)
            memcpy(record + 2 * slot, &half, sizeof half);
        else
            memcpy(record + 4 * slot, &value, sizeof value);
    }
}

static void fill_packed(qf_packed *packed)
{
    const qf_layout *l = &packed->layout;
    const size_t size = (size_t)(packed->panels * packed->panel_bytes);
    float *values = (float *)(void *)packed->bytes;

    if (l->quant == QF_F32) {
        qf_random random = qf_random_init(1, 0);
        for (size_t i = 0; i < size / sizeof *values; i++)
            values[i] = i < 65536 ? (float)qf_random_normal(&random) : values[i - 65536];
        return;
    }
    fill_random(packed->bytes, size);
    for (int64_t p = 0; p < packed->panels; p++)
        for (int64_t g = 0; g < qf_groups(packed->k, l->group); g++)
            write_params(l, packed->bytes + p * packed->panel_bytes +
                                g * qf_layout_record_bytes(l));
}

/* All in one block, which takes few large pages however small they are.  A page nobody reads
 * keeps what fetches ahead out of the next copy. */
static qf_status make_weights(qf_operands *o, int64_t copies)
{
    qf_packed *w = &o->weights;
    const size_t size = (size_t)(w->panels * w->panel_bytes);
    const size_t stride = qf_round_up(size, PAGE) + PAGE;

    w->bytes = qf_alloc_unset((size_t)copies * stride);
    if (!w->bytes) return QF_MEMORY;
    o->copies = (int)copies;
    o->stride = (int64_t)stride;
    fill_packed(w);
    for (int i = 1; i < o->copies; i++) memcpy(qf_operands_copy(o, i), w->bytes, size);
    return QF_OK;
}

/* ---- operands -------------------------------------------------------------------------- */

static qf_packed shape_of(const qf_cpu *cpu, const qf_problem *p)
{
    const qf_kernel_source packs = {.isa = qf_cpu_best_isa(cpu)};
    qf_packed shape = {.layout = qf_source_layout(&packs, p->accuracy, p->quant, p->group),
                       .n = p->n,
                       .k = p->k};
    shape.panels = (p->n + shape.layout.panel - 1) / shape.layout.panel;
    shape.panel_bytes = qf_layout_panel_bytes(&shape.layout, p->k);
    return shape;
}

/* In floating point first: shapes come from the command line. */
static qf_status check_size(const qf_cpu *cpu, const qf_problem *p)
{
    const double weights = 4.0 * ((double)p->n + 64) * ((double)p->k + 128);
    const double both = weights + 8.0 * (double)p->m * ((double)p->n + (double)p->k + 512);

    if (both * 2 < (double)cpu->memory_bytes / 2) return QF_OK;
    return qf_fail(QF_RANGE, "a product of %lldx%lldx%lld is too large for this machine",
                   (long long)p->m, (long long)p->n, (long long)p->k);
}

qf_status qf_operands_init(const qf_cpu *cpu, const qf_problem *p, qf_cache_mode cache,
                           qf_pool *pool, qf_operands *o)
{
    const bool forward = p->op == QF_FORWARD;

    *o = (qf_operands){.problem = *p, .pool = pool};
    QF_ASSERT(p->threads == qf_pool_threads(pool));
    QF_TRY(check_size(cpu, p));
    o->weights = shape_of(cpu, p);
    const int64_t bytes = o->weights.panels * o->weights.panel_bytes;
    o->ldx = forward ? p->k : p->n;
    o->ldy = forward ? p->n : p->k;
    o->x = qf_alloc_array((size_t)(p->m * o->ldx), sizeof *o->x);
    o->y = qf_alloc_array((size_t)(p->m * o->ldy), sizeof *o->y);
    qf_status status = o->x && o->y ? QF_OK : QF_MEMORY;
    if (status == QF_OK)
        status = make_weights(o, qf_cache_copies(cpu, cache, bytes, p->threads));
    if (status != QF_OK) {
        qf_operands_release(o);
        return status;
    }
    qf_random random = qf_random_init(2, 0);
    for (int64_t i = 0; i < p->m * o->ldx; i++)
        o->x[i] = i < 65536 ? (float)qf_random_normal(&random) : o->x[i - 65536];
    return QF_OK;
}

qf_status qf_operands_init_elsewhere(const qf_cpu *cpu, const qf_problem *p,
                                     qf_cache_mode cache, qf_pool *pool, uint64_t seed,
                                     qf_operands *o)
{
    enum { STEP = 2 << 20, STEPS = 32 };
    qf_random random = qf_random_init(seed, 0);
    const size_t size = (1 + qf_random_below(&random, STEPS)) * (size_t)STEP;
    uint8_t *in_the_way = qf_alloc_unset(size);

    if (!in_the_way) return QF_MEMORY;
    memset(in_the_way, 1, size);
    const qf_status status = qf_operands_init(cpu, p, cache, pool, o);
    qf_free(in_the_way);
    return status;
}

void qf_operands_release(qf_operands *o)
{
    qf_free(o->weights.bytes);
    qf_free(o->x);
    qf_free(o->y);
    *o = (qf_operands){0};
}

int64_t qf_operands_weight_bytes(const qf_operands *o)
{
    return o->copies * o->stride;
}

uint8_t *qf_operands_copy(const qf_operands *o, int copy)
{
    return o->weights.bytes + copy * o->stride;
}

qf_status qf_operands_after_fork(qf_operands *o)
{
    float *y = qf_alloc_array((size_t)(o->problem.m * o->ldy), sizeof *y);

    if (!y) return QF_MEMORY;
    qf_free(o->y);
    o->y = y;
    const volatile uint8_t *bytes = o->weights.bytes;
    for (int64_t at = 0; at < qf_operands_weight_bytes(o); at += LINE) (void)bytes[at];
    return QF_OK;
}

/* ---- subjects -------------------------------------------------------------------------- */

qf_status qf_subject_init_part(qf_operands *operands, const qf_kernel *kernel, int64_t panels,
                               qf_subject *subject)
{
    *subject = (qf_subject){.operands = operands, .view = operands->weights};
    QF_ASSERT(panels >= 0 && panels < operands->weights.panels);
    if (panels) {
        subject->view.panels = panels;
        subject->view.n = panels * operands->weights.layout.panel;
    }
    QF_TRY(qf_gemm_with(kernel, &subject->view, operands->problem.m, operands->pool,
                        &subject->gemm));
    subject->workspace = qf_alloc(qf_gemm_workspace(&subject->gemm) + PAGE);
    return subject->workspace ? QF_OK : QF_MEMORY;
}

qf_status qf_subject_init(qf_operands *operands, const qf_kernel *kernel, qf_subject *subject)
{
    return qf_subject_init_part(operands, kernel, 0, subject);
}

void qf_subject_release(qf_subject *subject)
{
    qf_free(subject->workspace);
    *subject = (qf_subject){0};
}

void qf_subject_run(void *context)
{
    qf_subject *s = context;
    qf_operands *o = s->operands;

    s->view.bytes = qf_operands_copy(o, o->next);
    qf_gemm_run(&s->gemm, o->x, o->ldx, o->y, o->ldy, o->problem.m, false,
                s->workspace + s->place);
    if (++o->next == o->copies) o->next = 0;
}

/* An odd number of lines on: after as many samples as a page has lines each has been first. */
static void move_on(void *context)
{
    enum { STRIDE = 19 };
    qf_subject *s = context;

    s->place = (s->place + STRIDE * LINE) % PAGE;
}

qf_side qf_subject_side(qf_subject *subject)
{
    return (qf_side){qf_subject_run, move_on, subject};
}

/* ---- the check on this shape ----------------------------------------------------------- */

/* The piece of the weights that gives columns [first, first + count) of y: a panel of
 * rows, or a group of W's columns. */
static qf_packed piece_of(const qf_operands *o, int64_t piece, int64_t *first)
{
    qf_packed part = o->weights;
    const qf_layout *l = &part.layout;

    if (o->problem.op == QF_FORWARD) {
        *first = piece * l->panel;
        part.n = part.n - *first < l->panel ? part.n - *first : l->panel;
        part.panels = 1;
        part.bytes += piece * part.panel_bytes;
    } else {
        *first = piece * l->group;
        part.k = part.k - *first < l->group ? part.k - *first : l->group;
        part.bytes += piece * qf_layout_record_bytes(l);
    }
    return part;
}

static qf_status compare_piece(const qf_subject *s, int64_t piece, int64_t row, float *want)
{
    const qf_operands *o = s->operands;
    int64_t first;
    const qf_packed part = piece_of(o, piece, &first);
    const int64_t columns = o->problem.op == QF_FORWARD ? part.n : part.k;
    const int64_t left = o->problem.m - row;
    const int64_t rows = left < CHECKED_ROWS ? left : CHECKED_ROWS;
    const qf_kernel reference = {s->gemm.kernel.id, qf_reference_gemm, QF_RUNG_REFERENCE};
    qf_gemm gemm;

    QF_TRY(qf_gemm_with(&reference, &part, rows, NULL, &gemm));
    qf_gemm_run(&gemm, o->x + row * o->ldx, o->ldx, want, columns, rows, false, s->workspace);
    double most = 0, worst = 0;
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++) {
            const double exact = want[i * columns + j];
            const double got = o->y[(row + i) * o->ldy + first + j];
            if (!(fabs(exact) <= most)) most = fabs(exact);
            if (!(fabs(got - exact) <= worst)) worst = fabs(got - exact);
        }
    /* Rounding is the judge's matter; a wrong step is off by as much as the result. */
    if (worst <= 1e-3 * most) return QF_OK;
    return qf_fail(QF_WRONG, "row %lld, column %lld and on: off by %.3g where |y| is %.3g",
                   (long long)row, (long long)first, worst, most);
}

qf_status qf_subject_check(qf_subject *s)
{
    const qf_operands *o = s->operands;
    const qf_layout *l = &o->weights.layout;
    const bool forward = o->problem.op == QF_FORWARD;
    const int64_t pieces = forward ? o->weights.panels : qf_groups(o->problem.k, l->group);
    const int64_t last_row = o->problem.m > CHECKED_ROWS ? o->problem.m - CHECKED_ROWS : 0;
    float *want =
        qf_alloc_array(CHECKED_ROWS * (size_t)(forward ? l->panel : l->group), sizeof *want);

    if (!want) return QF_MEMORY;
    memset(o->y, 0xFF, (size_t)(o->problem.m * o->ldy) * sizeof *o->y);
    qf_subject_run(s);
    qf_status status = compare_piece(s, 0, 0, want);
    if (status == QF_OK) status = compare_piece(s, pieces - 1, last_row, want);
    if (status == QF_OK) status = compare_piece(s, pieces / 2, last_row / 2, want);
    qf_free(want);
    return status;
}
