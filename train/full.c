/* full.c -- full-precision training from scratch. */
#include "full.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "checkpoint.h"
#include "linear_f32.h"
#include "net.h"
#include "qforge/file.h"
#include "qforge/memory.h"
#include "qforge/random.h"

typedef struct full {
    const tr_full_options *options;
    qf_model model, gradient;
    tr_linear_f32 *linear;
    tr_net *net;
    tr_adamw *adamw;
    tr_array *array; /* everything a checkpoint holds */
    int arrays, groups;
    int *token, *target; /* [batch][length] */
    char *path;          /* of the checkpoint */
    char recipe[TR_RECIPE_MAX];
} full;

/* ---- the first weights ---- */

static void fill(float *w, int64_t n, double deviation, uint64_t seed, uint64_t stream)
{
    qf_random random = qf_random_init(seed, stream);
    for (int64_t i = 0; i < n; i++) w[i] = (float)(deviation * qf_random_normal(&random));
}

static void ones(float *w, int64_t n)
{
    for (int64_t i = 0; i < n; i++) w[i] = 1;
}

void tr_full_init(qf_model *model, uint64_t seed)
{
    enum { EMBEDDING = 1, HEAD, FIRST_LINEAR = 16 }; /* random streams */
    const qf_config *c = &model->config;
    const int64_t table = (int64_t)c->vocab * c->dim;

    fill(model->embedding, table, 0.02, seed, EMBEDDING);
    if (!c->tied) fill(model->head, table, 0.02, seed, HEAD);
    ones(model->attention_norm, (int64_t)c->layers * c->dim);
    ones(model->mlp_norm, (int64_t)c->layers * c->dim);
    ones(model->final_norm, c->dim);
    for (int i = 0; i < c->layers * QF_LINEARS; i++) {
        const qf_linear_kind kind = (qf_linear_kind)(i % QF_LINEARS);
        const bool ends = kind == QF_LINEAR_OUTPUT || kind == QF_LINEAR_DOWN;
        int64_t n, k;
        qf_linear_shape(c, kind, &n, &k);
        fill(model->linear[i], n * k, 1 / sqrt((double)k * (ends ? 2 * c->layers : 1)), seed,
             (uint64_t)(FIRST_LINEAR + i));
    }
}

/* ---- parameters as groups and arrays ---- */

typedef struct member {
    const char *name;
    float *value, *gradient;
    int64_t count;
    bool decay;
} member;

static void add_member(full *f, tr_group *group, member m)
{
    f->array[f->groups] = tr_array_of(m.name, m.value, m.count);
    group[f->groups++] = (tr_group){m.value, m.gradient, m.count, m.decay, 1};
}

static void list_members(full *f, tr_group *group)
{
    const qf_model *w = &f->model, *d = &f->gradient;
    const qf_config *c = &w->config;
    const int64_t table = (int64_t)c->vocab * c->dim, norms = (int64_t)c->layers * c->dim;
    char name[TR_NAME_MAX];

    add_member(f, group, (member){"embedding", w->embedding, d->embedding, table, true});
    if (!c->tied) add_member(f, group, (member){"head", w->head, d->head, table, true});
    add_member(f, group,
               (member){"attention_norm", w->attention_norm, d->attention_norm, norms, false});
    add_member(f, group, (member){"mlp_norm", w->mlp_norm, d->mlp_norm, norms, false});
    add_member(f, group, (member){"final_norm", w->final_norm, d->final_norm, c->dim, false});
    for (int i = 0; i < c->layers * QF_LINEARS; i++) {
        const qf_linear_kind kind = (qf_linear_kind)(i % QF_LINEARS);
        int64_t n, k;
        qf_linear_shape(c, kind, &n, &k);
        snprintf(name, sizeof name, "layers.%d.%s", i / QF_LINEARS, qf_linear_name(kind));
        add_member(f, group, (member){name, w->linear[i], d->linear[i], n * k, true});
    }
}

static qf_status make_optimiser(full *f)
{
    const int most = 5 + f->model.config.layers * QF_LINEARS;
    tr_group *group = qf_alloc_array((size_t)most, sizeof *group);
    f->array = qf_alloc_array((size_t)(most + TR_ADAMW_ARRAYS), sizeof *f->array);
    if (!group || !f->array) {
        qf_free(group);
        return QF_MEMORY;
    }
    list_members(f, group);
    const qf_status status =
        tr_adamw_create(&f->options->adamw, group, f->groups, f->options->pool, &f->adamw);
    qf_free(group);
    if (status != QF_OK) return status;
    tr_adamw_arrays(f->adamw, f->array + f->groups);
    f->arrays = f->groups + TR_ADAMW_ARRAYS;
    return QF_OK;
}

/* ---- making and unmaking ---- */

static void write_recipe(full *f)
{
    const tr_full_options *o = f->options;
    const qf_config *c = &o->config;
    char schedule[TR_SCHEDULE_MAX];

    tr_schedule_print(&o->schedule, schedule);
    snprintf(f->recipe, sizeof f->recipe,
             "full dim=%d hidden=%d layers=%d heads=%d kv_heads=%d head_dim=%d vocab=%d "
             "context=%d tied=%d theta=%g eps=%g batch=%d length=%d %s betas=%g,%g epsilon=%g "
             "decay=%g clip=%g seed=%llu "
             "data=%016llx",
             c->dim, c->hidden, c->layers, c->heads, c->kv_heads, c->head_dim, c->vocab,
             c->context, c->tied, (double)c->rope_theta, (double)c->norm_eps, o->batch,
             o->length, schedule, o->adamw.beta1, o->adamw.beta2, o->adamw.epsilon,
             o->adamw.weight_decay, o->adamw.clip, (unsigned long long)o->seed,
             (unsigned long long)tr_stream_hash(o->stream));
}

static qf_status make_network(full *f)
{
    const tr_full_options *o = f->options;
    const int64_t rows = (int64_t)o->batch * o->length;
    const tr_net_options net = {.source = o->source,
                                .pool = o->pool,
                                .batch = o->batch,
                                .length = o->length,
                                .backward = true};

    QF_TRY(qf_model_create(&o->config, QF_LINEARS_ALL, &f->model));
    QF_TRY(qf_model_create(&o->config, QF_LINEARS_ALL, &f->gradient));
    QF_TRY(tr_linear_f32_create(o->source, o->pool, rows, &f->model, &f->gradient, true,
                                &f->linear));
    QF_TRY(tr_net_create(&net, &f->model, tr_linear_f32_linears(f->linear), &f->net));
    f->token = qf_alloc_array((size_t)rows, sizeof *f->token);
    f->target = qf_alloc_array((size_t)rows, sizeof *f->target);
    return f->token && f->target ? QF_OK : QF_MEMORY;
}

static void release(full *f)
{
    tr_adamw_destroy(f->adamw);
    tr_net_destroy(f->net);
    tr_linear_f32_destroy(f->linear);
    qf_model_release(&f->model);
    qf_model_release(&f->gradient);
    qf_free(f->array);
    qf_free(f->token);
    qf_free(f->target);
    qf_free(f->path);
}

/* ---- the run ---- */

static qf_status take(void *self, int64_t step, tr_progress *progress)
{
    full *f = self;
    const tr_full_options *o = f->options;
    const qf_model *d = &f->gradient;
    const tr_gradients gradients = {d->embedding, d->attention_norm, d->mlp_norm, d->final_norm,
                                    d->head};

    tr_batch_draw(o->stream, o->seed, step, o->batch, o->length, f->token, f->target);
    QF_TRY(tr_net_gradient(f->net, f->token, f->target, o->batch, o->length, &gradients,
                           &progress->loss));
    progress->rate = tr_schedule_rate(&o->schedule, step);
    return tr_adamw_step(f->adamw, progress->rate, NULL, &progress->norm);
}

static qf_status save(void *self, int64_t steps)
{
    const full *f = self;
    return tr_checkpoint_save(f->path, f->recipe, steps, f->array, f->arrays);
}

static qf_status start(full *f, int64_t *first)
{
    const tr_full_options *o = f->options;
    *first = 0;
    QF_TRY(qf_directory_make(o->directory));
    f->path = qf_path_join(o->directory, "checkpoint.safetensors");
    if (!f->path) return QF_MEMORY;
    if (!o->resume && qf_file_exists(f->path))
        return qf_fail(QF_USAGE, "%s: a run was begun here; --resume goes on with it", f->path);
    tr_full_init(&f->model, o->seed);
    const qf_status status = tr_checkpoint_load(f->path, f->recipe, first, f->array, f->arrays);
    if (status != QF_OK) return status == QF_NOT_FOUND ? QF_OK : status;
    if (*first <= o->schedule.steps) return QF_OK;
    return qf_fail(QF_USAGE, "%s: %lld steps were taken already, %lld are wanted", f->path,
                   (long long)*first, (long long)o->schedule.steps);
}

static qf_status run(full *f)
{
    const tr_full_options *o = f->options;
    tr_loop loop = {.self = f,
                    .take = take,
                    .save = save,
                    .steps = o->schedule.steps,
                    .tokens = (int64_t)o->batch * o->length,
                    .save_every = o->save_every,
                    .report = o->report,
                    .report_context = o->report_context};

    QF_TRY(make_network(f));
    QF_TRY(make_optimiser(f));
    write_recipe(f);
    QF_TRY(start(f, &loop.first));
    QF_TRY(tr_loop_run(&loop));
    return qf_model_save(&f->model, o->directory);
}

qf_status tr_full_train(const tr_full_options *options)
{
    full f = {.options = options};
    QF_TRY(qf_config_check(&options->config, "--config"));
    QF_TRY(tr_schedule_check(&options->schedule));
    QF_TRY(tr_stream_check(options->stream, options->length, "the training text"));
    const qf_status status = run(&f);
    release(&f);
    return status;
}
