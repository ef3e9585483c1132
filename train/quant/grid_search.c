/* grid_search.c -- exact offsets, scales from coarse to fine. */
#include "grid_search.h"

#include <math.h>

#include "qforge/vectorised.h"

enum { COARSE = 32, FINE = 8 }; /* steps to the min-max scale; finer ones to each of them */

/* ---- the offset ----
 *
 * With offset m a weight's nearest code is a step function of m, and between two steps of
 * any weight the cost is the parabola  A m^2 - 2 B m + C  with
 *
 *     A = sum h,   B = sum h r,   C = sum h r^2,   r = w - scale code
 *
 * The cost is the least of all such parabolas, so its minimum is the least vertex, wherever
 * that lies.  An offset more than half a step below every weight leaves code 0 unused, one
 * high enough leaves the top unused, and moving it by a step then costs nothing: a window of
 * offsets is enough.  Steps of one weight are `scale` apart, so ordering the weights by
 * their first step once orders all steps. */
typedef struct steps {
    double phase[GRID_SEARCH_MAX];    /* where in a period its code falls by one */
    double residual[GRID_SEARCH_MAX]; /* w - scale code, from the lower end of the window */
    double gain[GRID_SEARCH_MAX];     /* weight * scale */
    double first[GRID_SEARCH_MAX];    /* period of its first fall: later above the grid */
    double last[GRID_SEARCH_MAX];     /* period from which on its code is 0 */
} steps;

typedef struct parabola {
    double a, b, c;
} parabola;

static double vertex(const parabola *p)
{
    return p->c - p->b / p->a * p->b;
}

QF_VECTORISED static void make_steps(steps *s, const float *w, const double *weight,
                                     int64_t count, double low, double scale, int top)
{
    for (int64_t i = 0; i < count; i++) {
        const double above = (double)w[i] - low;
        const double nearest = floor(above / scale + 0.5);
        const double code = nearest < top ? nearest : top;
        /* not below the window, where rounding might put what lies on its edge */
        const double from = above - scale * (code - 0.5), fall = from > 0 ? from : 0;
        const double period = floor(fall / scale);

        s->phase[i] = fall - period * scale;
        s->residual[i] = above - scale * code;
        s->gain[i] = weight[i] * scale;
        s->first[i] = period;
        s->last[i] = period + code;
    }
}

/* By bucket, then within: phases are spread over [0, scale).  order[count]: of equals the first
 * comes first. */
static void order_steps(const steps *s, int64_t count, double scale, uint8_t *order)
{
    uint8_t begin[4 * GRID_SEARCH_MAX + 1] = {0};
    uint16_t bucket[GRID_SEARCH_MAX];
    const int64_t buckets = 4 * count;
    const double each = (double)buckets / scale;

    for (int64_t i = 0; i < count; i++) {
        const int64_t at = (int64_t)(s->phase[i] * each);
        bucket[i] = (uint16_t)(at < buckets ? at : buckets - 1);
        begin[bucket[i] + 1]++;
    }
    for (int64_t i = 0; i < buckets; i++) begin[i + 1] = (uint8_t)(begin[i + 1] + begin[i]);
    for (int64_t i = 0; i < count; i++) order[begin[bucket[i]]++] = (uint8_t)i;
    for (int64_t i = 1; i < count; i++) {
        const uint8_t moved = order[i];
        int64_t at = i;
        for (; at > 0 && s->phase[order[at - 1]] > s->phase[moved]; at--)
            order[at] = order[at - 1];
        order[at] = moved;
    }
}

/* Phases are needed no more. */
static void sort_steps(const steps *s, int64_t count, double scale, steps *sorted)
{
    uint8_t order[GRID_SEARCH_MAX];

    order_steps(s, count, scale, order);
    for (int64_t i = 0; i < count; i++) {
        sorted->residual[i] = s->residual[order[i]];
        sorted->gain[i] = s->gain[order[i]];
        sorted->first[i] = s->first[order[i]];
        sorted->last[i] = s->last[order[i]];
    }
}

/* All falls of one period of offsets, the best vertex kept.  Who does not fall adds nothing,
 * which costs less than asking; one pass each for what adds up, the sums, and the vertices. */
QF_VECTORISED static void sweep_period(steps *s, int64_t count, double period, double scale,
                                       parabola *now, parabola *best)
{
    double b[GRID_SEARCH_MAX], c[GRID_SEARCH_MAX], least = INFINITY;

    for (int64_t i = 0; i < count; i++) {
        const bool falls = (s->first[i] <= period) & (period < s->last[i]);
        b[i] = falls ? s->gain[i] : 0;
        c[i] = b[i] * (2 * s->residual[i] + scale);
        s->residual[i] += falls ? scale : 0;
    }
    for (int64_t i = 0; i < count; i++) {
        b[i] = now->b += b[i];
        c[i] = now->c += c[i];
    }
    double v[GRID_SEARCH_MAX];
    for (int64_t i = 0; i < count; i++) {
        v[i] = c[i] - b[i] / now->a * b[i];
        least = v[i] < least ? v[i] : least;
    }
    if (!(least < vertex(best))) return;
    int64_t at = 0;
    while (v[at] != least) at++;
    *best = (parabola){now->a, b[at], c[at]};
}

static void extremes(const float *w, int64_t count, double *least, double *most)
{
    float low = w[0], high = w[0];
    for (int64_t i = 1; i < count; i++) {
        low = w[i] < low ? w[i] : low;
        high = w[i] > high ? w[i] : high;
    }
    *least = (double)low, *most = (double)high;
}

/* One group, whatever the scale. */
typedef struct group {
    const float *w;
    double weight[GRID_SEARCH_MAX];
    double weights; /* their sum */
    double least, most;
    int64_t count;
} group;

static void group_of(group *g, const float *w, const float *weight, int64_t count)
{
    QF_ASSERT(count <= GRID_SEARCH_MAX);
    g->w = w, g->count = count, g->weights = 0;
    extremes(w, count, &g->least, &g->most);
    for (int64_t i = 0; i < count; i++) {
        g->weight[i] = weight ? (double)weight[i] : 1;
        g->weights += g->weight[i];
    }
}

static double best_offset(const group *g, double scale, int top, double *offset)
{
    steps made, s;
    parabola now = {.a = g->weights};
    const double low = g->least - scale / 2;

    make_steps(&made, g->w, g->weight, g->count, low, scale, top);
    for (int64_t i = 0; i < g->count; i++) {
        now.b += g->weight[i] * made.residual[i];
        now.c += g->weight[i] * made.residual[i] * made.residual[i];
    }
    sort_steps(&made, g->count, scale, &s);
    const double periods = ceil((g->most - g->least) / scale) - top + 1;
    parabola best = now;
    for (double p = 0; p == 0 || p < periods; p++)
        sweep_period(&s, g->count, p, scale, &now, &best);
    *offset = low + best.b / best.a;
    return fmax(vertex(&best), 0);
}

double grid_search_offset(const float *w, const float *weight, int64_t count, double scale,
                          int top, double *offset)
{
    group g;
    group_of(&g, w, weight, count);
    return best_offset(&g, scale, top, offset);
}

/* ---- the scale ---- */
typedef struct search {
    const quant_format *format;
    group group;
    int top;
    double most; /* the min-max scale */
    double cost, scale, offset;
} search;

/* Tries most * part, as it would be stored.  False when smaller ones cannot be better:
 * rounding costs at most a quarter of a squared step, the rest is clipping, and clipping
 * only grows as the grid shrinks. */
static bool try_scale(search *s, double part)
{
    const double scale = (double)grid_of(s->format, (float)(s->most * part), 0).scale;
    double offset;

    if (!(scale > 0) || !isfinite(scale)) return scale > 0;
    const double cost = best_offset(&s->group, scale, s->top, &offset);
    if (cost < s->cost) {
        s->cost = cost;
        s->scale = scale;
        s->offset = offset;
    }
    return cost - s->group.weights * scale * scale / 4 <= s->cost;
}

static double search_scales(search *s)
{
    /* up to where a code is spare and the others may fall on weights: few have 2^bits */
    const int top = COARSE + COARSE / (s->top - 1) + COARSE / 16;
    double best = 0;

    for (int i = top; i > 0; i--) {
        const double before = s->cost;
        const bool on = try_scale(s, (double)i / COARSE);
        if (s->cost < before) best = i;
        if (!on) break;
    }
    for (int i = FINE; best > 0 && i >= -FINE; i--)
        try_scale(s, (best + (double)i / FINE) / COARSE);
    return s->cost;
}

static double cost_of(const grid *g, const group *of)
{
    double sum = 0;
    for (int64_t i = 0; i < of->count; i++) {
        const double error = (double)grid_value(g, grid_code(g, of->w[i])) - (double)of->w[i];
        sum += of->weight[i] * error * error;
    }
    return sum;
}

grid grid_search(const quant_format *format, const float *w, const float *weight, int64_t count)
{
    const grid plain = grid_fit(format, w, count);
    search s = {.format = format, .top = plain.top, .cost = INFINITY};

    group_of(&s.group, w, weight, count);
    if (!(s.group.weights > 0)) return grid_search(format, w, NULL, count);
    s.most = (s.group.most - s.group.least) / s.top;
    if (plain.scale == 0 || !isfinite(search_scales(&s))) return plain;
    const grid found = grid_of(format, (float)s.scale, (float)s.offset);
    return cost_of(&found, &s.group) < cost_of(&plain, &s.group) ? found : plain;
}
