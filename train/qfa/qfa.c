/* qfa.c -- the training run: adapters, supernet, network, optimiser; one subnet a step. */
#include "qfa.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "../checkpoint.h"
#include "../curve.h"
#include "../linear_f32.h"
#include "../net.h"
#include "adapters.h"
#include "qforge/file.h"
#include "qforge/memory.h"
#include "supernet.h"

const tr_qfa_options tr_qfa_standard = {
    .batch = 4,
    .length = 256,
    .schedule = {.decay = TR_STABLE, .peak = 1.1e-3},
    .slope = 0.5,
    .adamw = {.beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8, .clip = 0.3},
    .sampler = {.kind = TR_SAMPLER_BLEND,
                .mapping = TR_MAPPING_BINOMIAL,
                .granularity = QF_LINEAR_WISE,
                .anchors = 0.4},
    .sharing = TR_DECOUPLED,
    .rank = 0,
    .share = 0.5,
};

const tr_qfa_options tr_qfa_paper = {
    .batch = 4,
    .length = 256,
    .schedule = {.decay = TR_CONSTANT, .peak = 1e-3},
    .adamw = {.beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8, .clip = 0.3},
    .sampler = {.kind = TR_SAMPLER_BALANCED,
                .mapping = TR_MAPPING_BINOMIAL,
                .granularity = QF_LINEAR_WISE},
    .sharing = TR_DECOUPLED,
    .rank = 8,
    .share = 0.5,
};

enum { ARRAYS = 1 + TR_ADAMW_ARRAYS };

typedef struct run {
    const tr_qfa_options *options;
    qf_qmodel *model;
    tr_sampler sampler;
    tr_adapters *adapters;
    tr_supernet *supernet;
    tr_linear_f32 *teacher_linears;
    tr_net *teacher, *net;
    tr_adamw *adamw;
    tr_sum *sum;
    float *gradient; /* of all adapters */
    tr_curve *curve;
    int linears;
    bool *active;            /* [linears][components][2], A and B of each */
    tr_array array[ARRAYS];  /* what a checkpoint holds */
    int *token, *target;     /* [batch][length] */
    char *path, *curve_path; /* of the checkpoint and the CSV */
    char recipe[TR_RECIPE_MAX];
} run;

/* ---- what a run depends on ---- */

static int micro_of(const tr_qfa_options *o)
{
    return o->accumulate ? o->accumulate : 1;
}

/* FNV-1a by words; the tail by bytes. */
static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t size)
{
    static const uint64_t prime = 0x100000001b3;
    const uint8_t *at = bytes;
    uint64_t word;

    for (; size >= sizeof word; size -= sizeof word, at += sizeof word) {
        memcpy(&word, at, sizeof word);
        hash = (hash ^ word) * prime;
        hash ^= hash >> 32;
    }
    while (size--) hash = (hash ^ *at++) * prime;
    return hash;
}

static qf_status hash_copy(const qf_qmodel *model, int index, int bits, uint64_t *hash)
{
    QF_TRY(qf_qmodel_take(model, index, bits));
    const qf_qmatrix m = qf_qmodel_matrix(model, index, bits);
    const size_t groups = (size_t)(m.n * qf_groups(m.k, m.group));
    *hash = hash_bytes(*hash, m.code, (size_t)(m.n * m.k));
    *hash = hash_bytes(*hash, m.scale, groups * sizeof *m.scale);
    *hash = hash_bytes(*hash, m.offset, groups * sizeof *m.offset);
    qf_qmodel_drop(model, index, bits);
    return QF_OK;
}

/* Changes with any frozen number of the model, and with the adapters it starts from. */
static qf_status hash_model(const qf_qmodel *model, uint64_t *hash)
{
    const qf_model *base = &model->base;

    *hash = 0xcbf29ce484222325;
    for (int i = 0; i < base->config.layers * QF_LINEARS * model->widths; i++)
        QF_TRY(hash_copy(model, i / model->widths, model->width[i % model->widths], hash));
    *hash = hash_bytes(*hash, base->embedding,
                       (size_t)base->config.vocab * (size_t)base->config.dim * sizeof(float));
    *hash = hash_bytes(*hash, model->adapters.base, model->adapters.used);
    return QF_OK;
}

/* 0: none. */
static uint64_t hash_teacher(const qf_model *teacher)
{
    const qf_config *c = teacher ? &teacher->config : NULL;
    uint64_t hash = 0xcbf29ce484222325;

    if (!teacher) return 0;
    for (int i = 0; i < c->layers * QF_LINEARS; i++) {
        int64_t n, k;
        qf_linear_shape(c, (qf_linear_kind)(i % QF_LINEARS), &n, &k);
        hash = hash_bytes(hash, teacher->linear[i], (size_t)(n * k) * sizeof(float));
    }
    return hash;
}

/* Of the widths drawn from and what they cost. */
static uint64_t hash_levels(const tr_sampler *s)
{
    const uint64_t hash =
        hash_bytes(0xcbf29ce484222325, s->width, (size_t)s->widths * sizeof *s->width);
    return hash_bytes(hash, s->level, (size_t)s->widths * sizeof *s->level);
}

static qf_status write_recipe(run *r)
{
    const tr_qfa_options *o = r->options;
    const tr_sampler *s = &r->sampler;
    const tr_adapters_options *a = tr_adapters_options_of(r->adapters);
    char schedule[TR_SCHEDULE_MAX];
    uint64_t model;

    QF_TRY(hash_model(r->model, &model));
    tr_schedule_print(&o->schedule, schedule);
    snprintf(r->recipe, sizeof r->recipe,
             "qfa model=%016llx sharing=%d rank=%d scale=%.9g sampler=%d mapping=%d choice=%d "
             "cycle=%lld anchors=%.17g levels=%016llx "
             "batch=%dx%d length=%d %s slope=%.9g "
             "betas=%g,%g "
             "epsilon=%g decay=%g clip=%g seed=%llu data=%016llx teacher=%016llx share=%.17g",
             (unsigned long long)model, a->sharing, a->rank, (double)a->scale, s->kind,
             s->mapping, s->granularity, (long long)s->cycle, s->anchors,
             (unsigned long long)hash_levels(s), o->batch, micro_of(o), o->length, schedule,
             o->slope, o->adamw.beta1, o->adamw.beta2, o->adamw.epsilon, o->adamw.weight_decay,
             o->adamw.clip, (unsigned long long)o->seed,
             (unsigned long long)tr_stream_hash(o->stream),
             (unsigned long long)hash_teacher(o->teacher), o->teacher ? o->share : 0);
    return QF_OK;
}

/* ---- making and unmaking ---- */

static qf_status make_teacher(run *r)
{
    const tr_qfa_options *o = r->options;
    const tr_net_options net = {
        .source = o->source, .pool = o->pool, .batch = o->batch, .length = o->length};

    if (!o->teacher) return QF_OK;
    QF_TRY(tr_linear_f32_create(o->source, o->pool, (int64_t)o->batch * o->length, o->teacher,
                                NULL, false, &r->teacher_linears));
    return tr_net_create(&net, o->teacher, tr_linear_f32_linears(r->teacher_linears),
                         &r->teacher);
}

static qf_status make_network(run *r)
{
    const tr_qfa_options *o = r->options;
    const int64_t rows = (int64_t)o->batch * o->length;
    const tr_net_options net = {.source = o->source,
                                .pool = o->pool,
                                .batch = o->batch,
                                .length = o->length,
                                .backward = true,
                                .teacher = r->teacher,
                                .share = (float)o->share};

    QF_TRY(tr_supernet_create(o->source, o->pool, rows, r->model, r->adapters, true,
                              &r->supernet));
    QF_TRY(tr_net_create(&net, &r->model->base, tr_supernet_linears(r->supernet), &r->net));
    r->token = qf_alloc_array((size_t)rows, sizeof *r->token);
    r->target = qf_alloc_array((size_t)rows, sizeof *r->target);
    return r->token && r->target ? QF_OK : QF_MEMORY;
}

/* By the narrowest width that uses the component; three bits walk at the run's rate. */
static double pace_of(const run *r, int component)
{
    int w = 0;
    while (w + 1 < r->model->widths && !tr_adapters_uses(r->adapters, component, w)) w++;
    return exp2(r->options->slope * (3 - r->model->width[w]));
}

static qf_status make_optimiser(run *r)
{
    const int components = tr_adapters_components(r->adapters);
    const int count = r->linears * components;
    tr_group *group = qf_alloc_array(2 * (size_t)count, sizeof *group);

    r->active = qf_alloc_array(2 * (size_t)count, sizeof *r->active);
    if (!group || !r->active) {
        qf_free(group);
        return QF_MEMORY;
    }
    for (int i = 0; i < count; i++) {
        const tr_adapter a = tr_adapters_at(r->adapters, i / components, i % components);
        const double pace = pace_of(r, i % components);
        group[2 * i] = (tr_group){a.a, a.da, a.a_size, true, pace};
        group[2 * i + 1] = (tr_group){a.b, a.db, a.b_size, true, pace};
    }
    const qf_status status =
        tr_adamw_create(&r->options->adamw, group, 2 * count, r->options->pool, &r->adamw);
    qf_free(group);
    if (status != QF_OK) return status;
    int64_t values;
    float *value = tr_adapters_values(r->adapters, &values);
    r->array[0] = tr_array_of("adapters", value, values);
    tr_adamw_arrays(r->adamw, r->array + 1);
    r->gradient = tr_adapters_gradients(r->adapters, &values);
    return tr_sum_create(&r->options->team, micro_of(r->options), values, &r->sum);
}

static void release(run *r)
{
    tr_curve_close(r->curve);
    tr_adamw_destroy(r->adamw);
    tr_sum_destroy(r->sum);
    tr_net_destroy(r->net);
    tr_net_destroy(r->teacher);
    tr_linear_f32_destroy(r->teacher_linears);
    tr_supernet_destroy(r->supernet);
    tr_adapters_destroy(r->adapters);
    qf_free(r->active);
    qf_free(r->token);
    qf_free(r->target);
    qf_free(r->path);
    qf_free(r->curve_path);
}

/* ---- the run ---- */

static bool writes(const run *r)
{
    return r->options->team.member == 0;
}

static void mark_active(run *r)
{
    const int components = tr_adapters_components(r->adapters);

    for (int i = 0; i < r->linears * components; i++) {
        const int width = tr_supernet_chosen(r->supernet, i / components);
        r->active[2 * i] = r->active[2 * i + 1] =
            tr_adapters_uses(r->adapters, i % components, width);
    }
}

/* Of one micro-batch. */
static qf_status gradient_of(void *self, int64_t index, double *loss)
{
    run *r = self;
    const tr_qfa_options *o = r->options;

    tr_batch_draw(o->stream, o->seed, index, o->batch, o->length, r->token, r->target);
    return tr_net_gradient(r->net, r->token, r->target, o->batch, o->length, NULL, loss);
}

static qf_status take(void *self, int64_t step, tr_progress *progress)
{
    run *r = self;
    const tr_qfa_options *o = r->options;
    qf_subnet subnet;

    tr_sampler_draw(&r->sampler, step, r->linears, &subnet);
    QF_TRY(tr_supernet_choose(r->supernet, &subnet));
    QF_TRY(tr_sum_step(r->sum, step, gradient_of, r, r->gradient, &progress->loss));
    mark_active(r);
    progress->rate = tr_schedule_rate(&o->schedule, step);
    QF_TRY(tr_adamw_step(r->adamw, progress->rate, r->active, &progress->norm));
    if (!r->curve) return QF_OK;
    return tr_curve_add(r->curve, progress, qf_subnet_bits(&r->model->base.config, &subnet));
}

static qf_status save(void *self, int64_t steps)
{
    const run *r = self;
    if (!writes(r)) return QF_OK;
    return tr_checkpoint_save(r->path, r->recipe, steps, r->array, ARRAYS);
}

/* A member without the files of member 0 would begin elsewhere, or with something else. */
static qf_status same_start(run *r, int64_t first)
{
    const tr_team *team = &r->options->team;
    struct {
        int64_t first;
        uint64_t recipe;
    } own = {first, hash_bytes(0xcbf29ce484222325, r->recipe, strlen(r->recipe))}, theirs = own;

    if (!team->broadcast) return QF_OK;
    QF_TRY(team->broadcast(team->self, 0, &theirs, sizeof theirs));
    if (theirs.first != own.first)
        return qf_fail(
            QF_USAGE,
            "%s: member %d stands at step %lld, member 0 at %lld: they need the same "
            "files",
            r->path, team->member, (long long)own.first, (long long)theirs.first);
    if (theirs.recipe != own.recipe)
        return qf_fail(QF_USAGE, "%s: member %d trains something else than member 0", r->path,
                       team->member);
    return QF_OK;
}

static qf_status load_checkpoint(run *r, int64_t *first)
{
    const tr_qfa_options *o = r->options;
    const qf_status status = tr_checkpoint_load(r->path, r->recipe, first, r->array, ARRAYS);

    if (status != QF_OK && status != QF_NOT_FOUND) return status;
    QF_TRY(same_start(r, *first));
    if (*first <= o->schedule.steps) return QF_OK;
    return qf_fail(QF_USAGE, "%s: %lld steps were taken already, %lld are wanted", r->path,
                   (long long)*first, (long long)o->schedule.steps);
}

static qf_status start(run *r, int64_t *first)
{
    const tr_qfa_options *o = r->options;

    *first = 0;
    if (writes(r)) QF_TRY(qf_directory_make(o->directory));
    r->path = qf_path_join(o->directory, "checkpoint.safetensors");
    r->curve_path = qf_path_join(o->directory, "train.csv");
    if (!r->path || !r->curve_path) return QF_MEMORY;
    if (!o->resume && qf_file_exists(r->path))
        return qf_fail(QF_USAGE, "%s: a run was begun here; --resume goes on with it", r->path);
    QF_TRY(load_checkpoint(r, first));
    return !writes(r) ? QF_OK : tr_curve_open(r->curve_path, *first, &r->curve);
}

/* What was packed of a large model is most of the memory, and of no use to who saves. */
static qf_status finish(run *r)
{
    tr_net_destroy(r->net);
    tr_supernet_destroy(r->supernet);
    r->net = NULL, r->supernet = NULL;
    QF_TRY(tr_adapters_export(r->adapters, r->model));
    r->model->adapter_dtype = r->options->adapter_dtype;
    return writes(r) ? qf_qmodel_save(r->model, r->options->directory) : QF_OK;
}

static qf_status train(run *r)
{
    const tr_qfa_options *o = r->options;
    tr_loop loop = {.self = r,
                    .take = take,
                    .save = save,
                    .steps = o->schedule.steps,
                    .tokens = (int64_t)o->batch * o->length * micro_of(o),
                    .save_every = o->save_every,
                    .report = o->report,
                    .report_context = o->report_context};

    const tr_adapters_options adapters = {
        .sharing = o->sharing,
        .rank = r->model->rank ? r->model->rank : o->rank,
        .scale = r->model->rank ? r->model->adapter_scale : tr_adapters_scale(r->model->group),
        .seed = o->seed};
    QF_TRY(tr_adapters_create(&adapters, r->model, &r->adapters));
    QF_TRY(write_recipe(r));
    QF_TRY(make_teacher(r));
    QF_TRY(make_network(r));
    QF_TRY(make_optimiser(r));
    QF_TRY(start(r, &loop.first));
    QF_TRY(tr_loop_run(&loop));
    return finish(r);
}

static qf_status check(const tr_qfa_options *o, const qf_qmodel *model)
{
    QF_TRY(tr_sampler_check(&o->sampler, model));
    if (o->rank < 0 || o->rank > 4096)
        return qf_fail(QF_USAGE, "adapters of rank %d; 0 to 4096 are possible", o->rank);
    if (o->batch < 1 || o->length < 1 || o->length > model->base.config.context)
        return qf_fail(QF_USAGE, "%d sequences of %d tokens; the context is %d", o->batch,
                       o->length, model->base.config.context);
    if (o->teacher && !(o->share >= 0 && o->share <= 1))
        return qf_fail(QF_USAGE, "the teacher's share is 0 to 1, not %g", o->share);
    QF_TRY(tr_schedule_check(&o->schedule));
    return tr_stream_check(o->stream, o->length, "the training text");
}

qf_status tr_qfa_train(const tr_qfa_options *options, qf_qmodel *model)
{
    run r = {.options = options,
             .model = model,
             .sampler = options->sampler,
             .linears = model->base.config.layers * QF_LINEARS};

    QF_TRY(check(options, model));
    r.sampler.seed = options->seed;
    if (r.sampler.widths == 0) tr_sampler_take_widths(&r.sampler, model->width, model->widths);
    const qf_status status = train(&r);
    release(&r);
    return status;
}
