/* grid_search.c -- exact offsets, scales from coarse to fine. */
#include "grid_search.h"

#include <math.h>

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
typedef struct step {
    double phase;    /* where in a period its code falls by one */
    double residual; /* w - scale code, from the lower end of the window */
    double weight;
    int64_t first; /* period of its first fall: later for weights above the grid */
    int64_t code;
} step;

static void sort_steps(step *s, int64_t count)
{
    for (int64_t i = 1; i < count; i++) {
        const step moved = s[i];
        int64_t at = i;
        for (; at > 0 && s[at - 1].phase > moved.phase; at--) s[at] = s[at - 1];
        s[at] = moved;
    }
}

static step step_of(double w, double weight, double scale, int top)
{
    const double nearest = floor(w / scale + 0.5);
    const double code = nearest < top ? nearest : top;
    /* not below the window, where rounding might put what lies on its edge */
    const double fall = fmax(w - scale * (code - 0.5), 0);
    const double period = floor(fall / scale);

    return (step){.phase = fall - period * scale,
                  .residual = w - scale * code,
                  .weight = weight,
                  .first = (int64_t)period,
                  .code = (int64_t)code};
}

typedef struct parabola {
    double a, b, c;
} parabola;

static double vertex(const parabola *p)
{
    return p->c - p->b / p->a * p->b;
}

/* All falls of one period of offsets, the best vertex kept. */
static void sweep_period(step *s, int64_t count, int64_t period, double scale, parabola *now,
                         parabola *best)
{
    for (int64_t i = 0; i < count; i++) {
        if (period < s[i].first || s[i].code == 0) continue;
        now->b += s[i].weight * scale;
        now->c += s[i].weight * scale * (2 * s[i].residual + scale);
        s[i].residual += scale;
        s[i].code--;
        if (vertex(now) < vertex(best)) *best = *now;
    }
}

static void extremes(const float *w, int64_t count, double *least, double *most)
{
    *least = *most = (double)w[0];
    for (int64_t i = 1; i < count; i++) {
        *least = fmin(*least, (double)w[i]);
        *most = fmax(*most, (double)w[i]);
    }
}

double grid_search_offset(const float *w, const float *weight, int64_t count, double scale,
                          int top, double *offset)
{
    step s[GRID_SEARCH_MAX];
    parabola now = {0};
    double least, most;

    QF_ASSERT(count <= GRID_SEARCH_MAX);
    extremes(w, count, &least, &most);
    const double low = least - scale / 2;
    for (int64_t i = 0; i < count; i++) {
        const double h = weight ? (double)weight[i] : 1;
        s[i] = step_of((double)w[i] - low, h, scale, top);
        now.a += h;
        now.b += h * s[i].residual;
        now.c += h * s[i].residual * s[i].residual;
    }
    sort_steps(s, count);
    const double periods = ceil((most - least) / scale) - top + 1;
    parabola best = now;
    for (int64_t p = 0; p == 0 || (double)p < periods; p++)
        sweep_period(s, count, p, scale, &now, &best);
    *offset = low + best.b / best.a;
    return fmax(vertex(&best), 0);
}

/* ---- the scale ---- */
typedef struct search {
    const quant_format *format;
    const float *w, *weight;
    int64_t count;
    int top;
    double weights; /* their sum */
    double most;    /* the min-max scale */
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
    const double cost = grid_search_offset(s->w, s->weight, s->count, scale, s->top, &offset);
    if (cost < s->cost) {
        s->cost = cost;
        s->scale = scale;
        s->offset = offset;
    }
    return cost - s->weights * scale * scale / 4 <= s->cost;
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

static double cost_of(const grid *g, const search *s)
{
    double sum = 0;
    for (int64_t i = 0; i < s->count; i++) {
        const double error = (double)grid_value(g, grid_code(g, s->w[i])) - (double)s->w[i];
        sum += (s->weight ? (double)s->weight[i] : 1) * error * error;
    }
    return sum;
}

grid grid_search(const quant_format *format, const float *w, const float *weight, int64_t count)
{
    const grid plain = grid_fit(format, w, count);
    search s = {.format = format, .w = w, .weight = weight, .count = count, .top = plain.top};
    double least, most;

    for (int64_t i = 0; i < count; i++) s.weights += weight ? (double)weight[i] : 1;
    if (!(s.weights > 0)) return grid_search(format, w, NULL, count);
    extremes(w, count, &least, &most);
    s.most = (most - least) / s.top;
    s.cost = INFINITY;
    if (plain.scale == 0 || !isfinite(search_scales(&s))) return plain;
    const grid found = grid_of(format, (float)s.scale, (float)s.offset);
    return cost_of(&found, &s) < cost_of(&plain, &s) ? found : plain;
}
