/* adamw.c -- cut into chunks of fixed size, so that the norm is summed in the same order
 * on any number of threads. */
#include "adamw.h"

#include <math.h>
#include <string.h>

#include "qforge/memory.h"

enum { CHUNK = 8192 };

const tr_adamw_options tr_adamw_defaults = {
    .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8, .weight_decay = 0, .clip = 0};

typedef struct chunk {
    int group;
    int64_t begin, end; /* within the group */
} chunk;

struct tr_adamw {
    tr_adamw_options options;
    qf_pool *pool;
    tr_group *group;
    int64_t *offset; /* [groups] of a group's moments */
    int64_t *steps;  /* [groups] */
    int groups;
    chunk *chunk;
    double *square; /* [chunks] */
    int64_t chunks, count;
    float *first, *second;
    /* of the step in progress */
    const bool *active;
    double rate, shrink; /* shrink: factor that clips */
};

static void cut(tr_adamw *adamw)
{
    int64_t next = 0, offset = 0;
    for (int g = 0; g < adamw->groups; g++) {
        const int64_t count = adamw->group[g].count;
        adamw->offset[g] = offset;
        offset += count;
        for (int64_t begin = 0; begin < count; begin += CHUNK)
            adamw->chunk[next++] =
                (chunk){g, begin, begin + CHUNK < count ? begin + CHUNK : count};
    }
}

static qf_status take_memory(tr_adamw *adamw, const tr_group *group)
{
    const size_t groups = (size_t)adamw->groups;
    for (int g = 0; g < adamw->groups; g++) {
        adamw->count += group[g].count;
        adamw->chunks += (group[g].count + CHUNK - 1) / CHUNK;
    }
    adamw->group = qf_alloc_array(groups, sizeof *adamw->group);
    adamw->offset = qf_alloc_array(groups, sizeof *adamw->offset);
    adamw->steps = qf_alloc_array(groups, sizeof *adamw->steps);
    adamw->chunk = qf_alloc_array((size_t)adamw->chunks, sizeof *adamw->chunk);
    adamw->square = qf_alloc_array((size_t)adamw->chunks, sizeof *adamw->square);
    adamw->first = qf_alloc_array((size_t)adamw->count, sizeof *adamw->first);
    adamw->second = qf_alloc_array((size_t)adamw->count, sizeof *adamw->second);
    const bool all = adamw->group && adamw->offset && adamw->steps && adamw->chunk &&
                     adamw->square && adamw->first && adamw->second;
    return all ? QF_OK : QF_MEMORY;
}

qf_status tr_adamw_create(const tr_adamw_options *options, const tr_group *group, int groups,
                          qf_pool *pool, tr_adamw **out)
{
    *out = NULL;
    tr_adamw *adamw = qf_alloc(sizeof *adamw);
    if (!adamw) return QF_MEMORY;
    adamw->options = *options;
    adamw->pool = pool;
    adamw->groups = groups;
    if (take_memory(adamw, group) != QF_OK) {
        tr_adamw_destroy(adamw);
        return QF_MEMORY;
    }
    memcpy(adamw->group, group, (size_t)groups * sizeof *group);
    cut(adamw);
    *out = adamw;
    return QF_OK;
}

void tr_adamw_destroy(tr_adamw *adamw)
{
    if (!adamw) return;
    qf_free(adamw->group);
    qf_free(adamw->offset);
    qf_free(adamw->steps);
    qf_free(adamw->chunk);
    qf_free(adamw->square);
    qf_free(adamw->first);
    qf_free(adamw->second);
    qf_free(adamw);
}

static bool is_active(const tr_adamw *adamw, int group)
{
    return !adamw->active || adamw->active[group];
}

/* ---- the norm ---- */

static double square_sum(const float *x, int64_t n)
{
    double lane[8] = {0};
    const int64_t whole = n - n % 8;
    for (int64_t i = 0; i < whole; i += 8)
        for (int l = 0; l < 8; l++) lane[l] += (double)x[i + l] * (double)x[i + l];
    for (int64_t i = whole; i < n; i++) lane[0] += (double)x[i] * (double)x[i];
    for (int l = 1; l < 8; l++) lane[0] += lane[l];
    return lane[0];
}

static void square_chunks(void *context, int part, int parts)
{
    tr_adamw *adamw = context;
    const qf_range own = qf_partition(adamw->chunks, 1, part, parts);
    for (int64_t i = own.begin; i < own.end; i++) {
        const chunk *c = &adamw->chunk[i];
        adamw->square[i] =
            is_active(adamw, c->group)
                ? square_sum(adamw->group[c->group].gradient + c->begin, c->end - c->begin)
                : 0;
    }
}

/* ---- the update ---- */

typedef struct factors {
    float keep, rate, epsilon; /* value *= keep; value -= rate * direction */
    float beta1, beta2, unbias1, unbias2, shrink;
} factors;

static factors factors_of(const tr_adamw *adamw, int group)
{
    const tr_adamw_options *o = &adamw->options;
    const double t = (double)adamw->steps[group];
    const double decay = adamw->group[group].decay ? o->weight_decay : 0;
    return (factors){
        .keep = (float)(1 - adamw->rate * adamw->group[group].pace * decay),
        .rate = (float)(adamw->rate * adamw->group[group].pace),
        .epsilon = (float)o->epsilon,
        .beta1 = (float)o->beta1,
        .beta2 = (float)o->beta2,
        .unbias1 = (float)(1 / (1 - pow(o->beta1, t))),
        .unbias2 = (float)(1 / (1 - pow(o->beta2, t))),
        .shrink = (float)adamw->shrink,
    };
}

static void update(const factors *f, float *value, float *gradient, float *first, float *second,
                   int64_t n)
{
    const factors k = *f;
    for (int64_t i = 0; i < n; i++) {
        const float g = gradient[i] * k.shrink;
        const float m = k.beta1 * first[i] + (1 - k.beta1) * g;
        const float v = k.beta2 * second[i] + (1 - k.beta2) * (g * g);
        first[i] = m;
        second[i] = v;
        value[i] =
            k.keep * value[i] - k.rate * (m * k.unbias1) / (sqrtf(v * k.unbias2) + k.epsilon);
        gradient[i] = 0;
    }
}

static void update_chunks(void *context, int part, int parts)
{
    const tr_adamw *adamw = context;
    const qf_range own = qf_partition(adamw->chunks, 1, part, parts);
    for (int64_t i = own.begin; i < own.end; i++) {
        const chunk *c = &adamw->chunk[i];
        if (!is_active(adamw, c->group)) continue;
        const tr_group *group = &adamw->group[c->group];
        const int64_t at = adamw->offset[c->group] + c->begin;
        const factors f = factors_of(adamw, c->group);
        update(&f, group->value + c->begin, group->gradient + c->begin, adamw->first + at,
               adamw->second + at, c->end - c->begin);
    }
}

qf_status tr_adamw_step(tr_adamw *adamw, double rate, const bool *active, double *norm)
{
    const double clip = adamw->options.clip;
    double square = 0;

    adamw->active = active;
    adamw->rate = rate;
    qf_pool_run(adamw->pool, square_chunks, adamw);
    for (int64_t i = 0; i < adamw->chunks; i++) square += adamw->square[i];
    const double length = sqrt(square);
    if (norm) *norm = length;
    if (!isfinite(length))
        return qf_fail(QF_RANGE, "the gradient is not finite: the learning rate may be too "
                                 "high, or a weight is damaged");
    adamw->shrink = clip > 0 && length > clip ? clip / length : 1;
    for (int g = 0; g < adamw->groups; g++) adamw->steps[g] += is_active(adamw, g);
    qf_pool_run(adamw->pool, update_chunks, adamw);
    return QF_OK;
}

tr_adamw_state tr_adamw_state_of(tr_adamw *adamw)
{
    return (tr_adamw_state){adamw->first, adamw->second, adamw->count, adamw->steps,
                            adamw->groups};
}
