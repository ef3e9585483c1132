/* hearing.c -- builds a product from logical numbers, packs it, runs the kernel the way
 * gemm.c does, and compares with sums in double over the same numbers (scene_answer.c). */
#include "hearing.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "qforge/activations.h"
#include "qforge/half.h"
#include "qforge/memory.h"
#include "qforge/random.h"
#include "scene.h"

static const uint32_t canary = 0x7FA5C0DE; /* a NaN nobody computes */

void qf_hearing_print(const qf_hearing *h, char text[64])
{
    static const char *const names[] = {"random", "integers", "extreme"};
    snprintf(text, 64, "%lldx%lldx%lld %s%s%s, tail %d", (long long)h->m, (long long)h->columns,
             (long long)h->depth, names[h->data], h->accumulate ? ", added" : "",
             h->stepwise ? ", stepwise" : "", h->tail);
}

/* ---- numbers --------------------------------------------------------------------------- */

static int small_integer(qf_random *random, int most)
{
    return (int)qf_random_below(random, (uint32_t)(2 * most + 1)) - most;
}

static float stored(const qf_layout *layout, float value)
{
    return layout->params == QF_PARAMS_F16 ? qf_half_value(qf_half_of(value)) : value;
}

static void make_quantised(scene *s)
{
    const int codes = 1 << qf_quant_of(s->layout.quant)->bits;
    qf_random *r = &s->random;

    for (int64_t i = 0; i < s->wn * s->wk; i++)
        s->code[i] = (uint8_t)(s->hearing->data == QF_DATA_EXTREME
                                   ? codes - 1
                                   : (int)qf_random_below(r, (uint32_t)codes));
    for (int64_t i = 0; i < s->wn * s->groups; i++) {
        const double scale = (0.5 + qf_random_unit(r)) / codes;
        float values[2] = {(float)scale, (float)(-scale * codes * qf_random_unit(r))};
        if (s->hearing->data == QF_DATA_INTEGERS)
            values[0] = 1, values[1] = (float)small_integer(r, 4);
        if (s->hearing->data == QF_DATA_EXTREME) values[0] = 1, values[1] = 0;
        s->scale[i] = stored(&s->layout, values[0]);
        s->offset[i] = stored(&s->layout, values[1]);
    }
}

static void make_plain(scene *s)
{
    for (int64_t i = 0; i < s->wn * s->wk; i++) {
        const double random = qf_random_normal(&s->random);
        s->plain[i] = s->hearing->data == QF_DATA_RANDOM ? (float)random
                      : s->hearing->data == QF_DATA_INTEGERS
                          ? (float)small_integer(&s->random, 64)
                          : 127.0f;
    }
}

/* The largest high digit, -128 below it. */
static float lowest_low_digits(int planes)
{
    float value = 127;
    while (--planes > 0) value = 256 * value - 128;
    return value;
}

/* Four of these side by side are half 254, the largest sum there is in a table of scale one;
 * and every eighth four is, so that all tables are.  The others' halves round. */
static float tabled_activation(scene *s, int64_t row, int64_t k)
{
    const bool peak = k / 4 % 8 == (row & 3) || k / 4 == (s->hearing->depth - 1) / 4;
    const float value = row & 1 ? -63.5f : 63.5f;
    if (s->hearing->data == QF_DATA_EXTREME) return row % 3 == 2 && k & 1 ? -value : value;
    return peak ? value : (float)small_integer(&s->random, 23);
}

/* Integers reach the limit in every group, which makes their scale one; the others are
 * small, so that sums stay exact.  Extreme ones have the largest digits of either sign: the
 * lower ones of every third row are -128. */
static float activation(scene *s, int64_t row, int64_t k)
{
    qf_random *r = &s->random;
    if (s->recipe->planes == QF_TABLES && s->hearing->data != QF_DATA_RANDOM)
        return tabled_activation(s, row, k);
    const float limit = (float)qf_activations_limit(s->recipe->planes);
    const bool peak = k % 32 == (row & 3) || k == s->hearing->depth - 1;
    switch (s->hearing->data) {
    case QF_DATA_INTEGERS:
        return peak ? limit : (float)small_integer(r, 127);
    case QF_DATA_EXTREME:
        if (row % 3 == 2 && !peak) return lowest_low_digits(s->recipe->planes);
        return row & 1 ? -limit : limit;
    default:
        /* A group of zeros has no scale. */
        return row == 1 && k < 32 ? 0 : (float)qf_random_normal(r);
    }
}

static void make_tail(scene *s, float *values, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        values[i] = s->hearing->data == QF_DATA_RANDOM ? (float)qf_random_normal(&s->random)
                                                       : (float)small_integer(&s->random, 16);
}

static void make_numbers(scene *s)
{
    const qf_hearing *h = s->hearing;

    if (s->layout.quant == QF_F32)
        make_plain(s);
    else
        make_quantised(s);
    for (int64_t i = 0; i < h->m; i++)
        for (int64_t k = 0; k < h->depth; k++) s->x[i * h->depth + k] = activation(s, i, k);
    for (int64_t i = 0; i < h->m * h->columns; i++)
        s->before[i] = h->data == QF_DATA_RANDOM ? (float)qf_random_normal(&s->random)
                                                 : (float)small_integer(&s->random, 1000);
    make_tail(s, s->tail_x, h->m * h->tail);
    make_tail(s, s->tail_w, h->columns * h->tail);
}

/* ---- setting up ------------------------------------------------------------------------ */

static qf_status allocate(scene *s)
{
    const qf_hearing *h = s->hearing;
    const bool plain = s->layout.quant == QF_F32;
    const size_t weights = (size_t)(s->wn * s->wk), params = (size_t)(s->wn * s->groups);
    const size_t cells = (size_t)(h->m * h->columns);

    s->code = plain ? NULL : qf_alloc(weights);
    s->scale = plain ? NULL : qf_alloc_array(params, sizeof(float));
    s->offset = plain ? NULL : qf_alloc_array(params, sizeof(float));
    s->plain = plain ? qf_alloc_array(weights, sizeof(float)) : NULL;
    s->x = qf_alloc_array((size_t)(h->m * h->depth), sizeof(float));
    s->before = qf_alloc_array(cells, sizeof(float));
    s->tail_x = qf_alloc_array((size_t)(h->m * h->tail) + 1, sizeof(float));
    s->tail_w = qf_alloc_array((size_t)(h->columns * h->tail) + 1, sizeof(float));
    s->want = qf_alloc_array(cells, sizeof(double));
    s->bound = qf_alloc_array(cells, sizeof(double));
    const bool weighty = plain ? s->plain != NULL : s->code && s->scale && s->offset;
    const bool tail = s->tail_x && s->tail_w;
    return weighty && tail && s->x && s->before && s->want && s->bound ? QF_OK : QF_MEMORY;
}

static void release(scene *s)
{
    qf_free(s->code);
    qf_free(s->scale);
    qf_free(s->offset);
    qf_free(s->plain);
    qf_free(s->x);
    qf_free(s->before);
    qf_free(s->tail_x);
    qf_free(s->tail_w);
    qf_free(s->want);
    qf_free(s->bound);
    qf_packed_release(&s->packed);
}

void qf_courtroom_release(qf_courtroom *room)
{
    qf_guard_area_release(&room->w);
    qf_guard_area_release(&room->a);
    qf_guard_area_release(&room->c);
    qf_guard_area_release(&room->scratch);
    qf_guard_area_release(&room->tail_blocks);
    qf_guard_area_release(&room->tail_panels);
}

/* Forward, the rows that pad the last panel are never asked for: NaN there must not
 * leak.  (As depth of a grad product they meet zeros and stay what pack.h says.) */
static void poison_padding(const scene *s)
{
    const qf_layout *l = &s->layout;
    const int used = (int)(s->wn % l->panel);
    uint8_t *panel = s->w.own + (s->packed.panels - 1) * s->packed.panel_bytes;

    if (s->recipe->op != QF_FORWARD || used == 0) return;
    if (l->quant == QF_F32) {
        for (int64_t k = 0; k < s->wk; k++)
            memset(panel + 4 * (k * l->panel + used), 0xFF, 4 * (size_t)(l->panel - used));
        return;
    }
    const size_t each = l->params == QF_PARAMS_F16 ? 2 : 4;
    for (int64_t g = 0; g < s->groups; g++) {
        uint8_t *scales = panel + g * qf_layout_record_bytes(l);
        uint8_t *offsets = scales + each * (size_t)l->panel;
        memset(scales + each * (size_t)used, 0xFF, each * (size_t)(l->panel - used));
        memset(offsets + each * (size_t)used, 0xFF, each * (size_t)(l->panel - used));
    }
}

static qf_status place_weights(scene *s)
{
    const qf_qmatrix matrix = {s->layout.quant, s->layout.group, s->wn,    s->wk,
                               s->code,         s->scale,        s->offset};
    if (s->layout.quant == QF_F32)
        QF_TRY(qf_pack_f32(&s->layout, s->plain, s->wk, s->wn, s->wk, &s->packed));
    else
        QF_TRY(qf_pack_quantised(&s->layout, &matrix, &s->packed));
    const size_t size = (size_t)(s->packed.panels * s->packed.panel_bytes);
    QF_TRY(qf_guarded_init(&s->room->w, QF_GUARD_READ, size, s->hearing->side, &s->w));
    memcpy(s->w.own, s->packed.bytes, size);
    poison_padding(s);
    qf_guarded_freeze(&s->w);
    return QF_OK;
}

/* The epilogue's operands; columns and rows that pad are NaN. */
static qf_status place_tail(scene *s)
{
    const qf_hearing *h = s->hearing;
    const int mr = s->kernel->id.tile.mr, panel = s->layout.panel, depth = h->tail;
    const int64_t blocks = (h->m + mr - 1) / mr, panels = (h->columns + panel - 1) / panel;

    if (depth == 0) return QF_OK;
    QF_TRY(qf_guarded_init(&s->room->tail_blocks, QF_GUARD_READ,
                           (size_t)(blocks * mr * depth) * sizeof(float), h->side,
                           &s->tail_blocks));
    QF_TRY(qf_guarded_init(&s->room->tail_panels, QF_GUARD_READ,
                           (size_t)(panels * panel * depth) * sizeof(float), h->side,
                           &s->tail_panels));
    float *a = (float *)(void *)s->tail_blocks.own, *w = (float *)(void *)s->tail_panels.own;
    for (int64_t i = 0; i < h->m * depth; i++)
        a[(i / depth / mr * depth + i % depth) * mr + i / depth % mr] = s->tail_x[i];
    for (int64_t j = 0; j < h->columns * depth; j++)
        w[(j / depth / panel * depth + j % depth) * panel + j / depth % panel] = s->tail_w[j];
    qf_guarded_freeze(&s->tail_blocks);
    qf_guarded_freeze(&s->tail_panels);
    return QF_OK;
}

static float *cell(const scene *s, int64_t i, int64_t j)
{
    return (float *)(void *)s->c.bytes + i * s->ldc + j;
}

static qf_status place_results(scene *s)
{
    const qf_hearing *h = s->hearing;

    s->ldc = h->columns + (h->apart ? 5 : 0);
    const int64_t cells = (h->m - 1) * s->ldc + h->columns;
    QF_TRY(qf_guarded_init(&s->room->c, QF_GUARD_WRITE, (size_t)cells * sizeof(float), h->side,
                           &s->c));
    for (int64_t i = 0; i < cells; i++) memcpy(s->c.bytes + 4 * i, &canary, sizeof canary);
    for (int64_t i = 0; h->accumulate && i < h->m; i++)
        memcpy(cell(s, i, 0), s->before + i * h->columns, (size_t)h->columns * sizeof(float));
    return qf_guarded_init(&s->room->scratch, QF_GUARD_WRITE,
                           (size_t)qf_kernel_scratch(&s->kernel->id), h->side, &s->scratch);
}

/* ---- running --------------------------------------------------------------------------- */

/* Rows that pad the last block are NaN as well: their results are thrown away. */
static void poison_rows(const scene *s, int64_t step, uint8_t *blocks)
{
    const int mr = s->kernel->id.tile.mr, used = (int)(s->hearing->m % mr);
    if (used == 0 || s->recipe->planes) return;
    float *block = (float *)(void *)blocks + s->hearing->m / mr * mr * step;
    for (int64_t k = 0; k < step; k++)
        for (int m = used; m < mr; m++) block[k * mr + m] = NAN;
}

/* fp32 activations are packed step by step, int8 ones hold all depth and a step begins
 * some records into every block. */
static qf_status place_activations(const scene *s, int64_t d, int64_t step, qf_guarded *a,
                                   int64_t *stride)
{
    const qf_hearing *h = s->hearing;
    const int mr = s->kernel->id.tile.mr;
    const int64_t blocks = (h->m + mr - 1) / mr;
    const int planes = s->recipe->planes;

    *stride = planes ? qf_activations_block_bytes(planes, mr, s->layout.group, s->padded)
                     : step * mr * (int64_t)sizeof(float);
    QF_TRY(qf_guarded_init(&s->room->a, QF_GUARD_READ, (size_t)(blocks * *stride), h->side, a));
    if (planes) {
        qf_activations_pack_i8(planes, s->x, h->depth, 0, h->m, h->depth, s->layout.group, mr,
                               a->own);
    } else {
        const int64_t valid = h->depth - d < step ? h->depth - d : step;
        qf_activations_pack_f32(s->x + d, h->depth, 1, 0, h->m, valid,
                                valid < step ? (int)step : 0, mr, a->own);
        poison_rows(s, step, a->own);
    }
    qf_guarded_freeze(a);
    return QF_OK;
}

static int64_t activations_at(const scene *s, int64_t d)
{
    const int planes = s->recipe->planes;
    if (!planes) return 0;
    return qf_activations_block_bytes(planes, s->kernel->id.tile.mr, s->layout.group, d);
}

static const uint8_t *weights_at(const scene *s, int64_t d)
{
    const qf_layout *l = &s->layout;
    if (s->recipe->op == QF_GRAD_INPUT)
        return s->w.bytes + d / l->panel * s->packed.panel_bytes;
    if (l->quant == QF_F32) return s->w.bytes + d * l->panel * 4;
    return s->w.bytes + d / l->group * qf_layout_record_bytes(l);
}

static qf_status run_step(const scene *s, int64_t d, int64_t step)
{
    qf_guarded a;
    int64_t stride;

    QF_TRY(place_activations(s, d, step, &a, &stride));
    const qf_gemm_args args = {
        .a = a.bytes + activations_at(s, d),
        .a_stride = stride,
        .w = weights_at(s, d),
        .w_stride = s->packed.panel_bytes,
        .c = cell(s, 0, 0),
        .ldc = s->ldc,
        .scratch = s->scratch.bytes,
        .m = s->hearing->m,
        .n = s->hearing->columns,
        .k = step,
        .accumulate = s->hearing->accumulate || d > 0,
        .tail_a = (const float *)(void *)s->tail_blocks.bytes,
        .tail_a_stride = 4L * s->hearing->tail * s->kernel->id.tile.mr,
        .tail_w = (const float *)(void *)s->tail_panels.bytes,
        .tail_w_stride = 4L * s->hearing->tail * s->layout.panel,
        .tail_k = d > 0 ? 0 : s->hearing->tail,
        .id = &s->kernel->id,
    };
    s->kernel->run(&args);
    return QF_OK;
}

static int64_t step_of(const scene *s)
{
    const int kc = s->kernel->id.tile.kc;
    if (s->hearing->stepwise && s->recipe->depth == QF_DEPTH_STEPS) {
        if (s->recipe->op == QF_GRAD_INPUT) return s->layout.panel;
        return s->layout.group ? s->layout.group : 7;
    }
    return kc && kc < s->padded ? kc : s->padded;
}

static qf_status run(const scene *s)
{
    const int64_t step = step_of(s);
    for (int64_t d = 0; d < s->padded; d += step)
        QF_TRY(run_step(s, d, s->padded - d < step ? s->padded - d : step));
    return QF_OK;
}

/* ---- comparing ------------------------------------------------------------------------- */

static void compare(const scene *s, int64_t i, int64_t j, qf_finding *finding)
{
    const int64_t at = i * s->hearing->columns + j;
    const double got = *cell(s, i, j);
    const double error = fabs(got - s->want[at]), bound = s->bound[at];
    const double relative = error == 0 ? 0 : error / bound;

    if (!(relative <= finding->worst_error)) finding->worst_error = relative;
    if (error <= bound || finding->wrong) return;
    finding->wrong = true;
    snprintf(finding->detail, sizeof finding->detail,
             "c[%lld][%lld] is %.9g, wants %.9g +- %.2g", (long long)i, (long long)j, got,
             s->want[at], bound);
}

static void compare_gap(const scene *s, int64_t i, qf_finding *finding)
{
    for (int64_t j = s->hearing->columns; j < s->ldc; j++) {
        if (memcmp(cell(s, i, j), &canary, sizeof canary) == 0 || finding->wrong) continue;
        finding->wrong = true;
        snprintf(finding->detail, sizeof finding->detail,
                 "wrote past the end of row %lld, at column %lld", (long long)i, (long long)j);
    }
}

static void compare_all(const scene *s, qf_finding *finding)
{
    for (int64_t i = 0; i < s->hearing->m; i++) {
        for (int64_t j = 0; j < s->hearing->columns; j++) compare(s, i, j, finding);
        if (i + 1 < s->hearing->m) compare_gap(s, i, finding);
    }
    if (finding->wrong || (qf_guarded_intact(&s->c) && qf_guarded_intact(&s->scratch))) return;
    finding->wrong = true;
    snprintf(finding->detail, sizeof finding->detail, "wrote outside %s",
             qf_guarded_intact(&s->c) ? "its scratch" : "c");
}

static scene scene_of(qf_courtroom *room, const qf_kernel *kernel, const qf_hearing *h)
{
    const qf_kernel_id *id = &kernel->id;
    const qf_recipe_row *recipe = qf_recipe_of(id->recipe);
    const bool forward = recipe->op == QF_FORWARD;
    scene s = {
        .room = room,
        .kernel = kernel,
        .hearing = h,
        .recipe = recipe,
        .layout = qf_layout_of(id),
        .wn = forward ? h->columns : h->depth,
        .wk = forward ? h->depth : h->columns,
        .random = qf_random_init(h->seed, 0),
    };
    const int64_t whole = !forward ? s.layout.panel : id->group ? id->group : 1;
    s.groups = id->group ? qf_groups(s.wk, id->group) : 0;
    s.padded = (h->depth + whole - 1) / whole * whole;
    return s;
}

qf_status qf_hear(qf_courtroom *room, const qf_kernel *kernel, const qf_hearing *hearing,
                  qf_finding *finding)
{
    scene s = scene_of(room, kernel, hearing);

    *finding = (qf_finding){0};
    qf_status status = allocate(&s);
    if (status == QF_OK) {
        make_numbers(&s);
        status = scene_answer(&s);
    }
    if (status == QF_OK) status = place_weights(&s);
    if (status == QF_OK) status = place_tail(&s);
    if (status == QF_OK) status = place_results(&s);
    if (status == QF_OK) status = run(&s);
    if (status == QF_OK) compare_all(&s, finding);
    release(&s);
    return status;
}
