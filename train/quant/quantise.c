/* quantise.c -- passes over the text, blocks of a pass, linears of a block. */
#include "quantise.h"

#include <stdio.h>
#include <string.h>

#include "qforge/memory.h"

static const struct {
    const char *name, *summary;
    quant_needs needs;
    quantiser *quantise;
} methods[] = {
#define TR_METHOD(id, name, needs, function, summary)                                          \
    {name, summary, QUANT_NEEDS_##needs, function},
#include "methods.def"
#undef TR_METHOD
};

static const char *const grids[] = {
#define TR_GRID(id, name) name,
#include "grids.def"
#undef TR_GRID
};

static void list(char *all, size_t size, const char *name)
{
    const size_t used = strlen(all);
    snprintf(all + used, size - used, "%s%s", used ? ", " : "", name);
}

qf_status tr_method_named(const char *name, tr_method *method)
{
    char all[256] = "";

    for (int i = 0; i < TR_METHODS; i++) {
        list(all, sizeof all, methods[i].name);
        if (strcmp(methods[i].name, name) != 0) continue;
        *method = (tr_method)i;
        return QF_OK;
    }
    return qf_fail(QF_USAGE, "unknown method '%s' (there are %s)", name, all);
}

qf_status tr_grid_named(const char *name, quant_grid *found)
{
    char all[256] = "";

    for (int i = 0; i < QUANT_GRIDS; i++) {
        list(all, sizeof all, grids[i]);
        if (strcmp(grids[i], name) != 0) continue;
        *found = (quant_grid)i;
        return QF_OK;
    }
    return qf_fail(QF_USAGE, "unknown grid '%s' (there are %s)", name, all);
}

void tr_quantise_recipe(const tr_quantise_options *o, char recipe[QF_RECIPE_MAX])
{
    char fitted[32];

    recipe[0] = 0;
    snprintf(fitted, sizeof fitted, "grid=%s", grids[o->options.grid]);
    if (o->options.grid) list(recipe, QF_RECIPE_MAX, fitted);
    if (o->options.act_order) list(recipe, QF_RECIPE_MAX, "act-order");
    if (o->options.static_groups) list(recipe, QF_RECIPE_MAX, "static-groups");
}

const char *tr_method_name(tr_method method)
{
    return methods[method].name;
}

const char *tr_method_summary(tr_method method)
{
    return methods[method].summary;
}

bool tr_method_needs_inputs(tr_method method)
{
    return methods[method].needs != QUANT_NEEDS_NOTHING;
}

bool tr_method_walks(tr_method method)
{
    return methods[method].needs >= QUANT_NEEDS_FACTOR;
}

typedef struct job {
    const tr_quantise_options *options;
    const qf_model *model;
    qf_qmodel *out;
    int per_pass;    /* blocks */
    hessian *h;      /* [per_pass][TR_INPUTS] */
    float *diagonal; /* [k] of the input in hand */
    int64_t *order;  /* [k] of the input in hand, with act_order */
    float *u;        /* [k][k] of the input in hand, where a factor is needed */
    double damping;  /* the largest used */
    int done, total; /* matrices; a batch counts as batch_weight of them */
    int batch_weight;
} job;

static bool tell(job *j, int done)
{
    const tr_quantise_options *o = j->options;
    return !o->progress || o->progress(o->progress_context, done, j->total);
}

static bool tell_batch(void *context, int done, int total)
{
    job *j = context;
    (void)total;
    return tell(j, j->done + done * j->batch_weight);
}

static void name_linear(int index, char name[64])
{
    snprintf(name, 64, "model.layers.%d.%s", index / QF_LINEARS,
             qf_linear_name((qf_linear_kind)(index % QF_LINEARS)));
}

static qf_status quantise_width(job *j, int index, int width, const char *name)
{
    const tr_quantise_options *o = j->options;
    const qf_qlinear *out = qf_qmodel_linear(j->out, index, width);
    const quant_inputs inputs = {.diagonal = j->diagonal, .order = j->order, .u = j->u};
    quant_layer layer = {.what = name,
                         .w = j->model->linear[index],
                         .format = {width, o->group, o->params},
                         .options = o->options,
                         .inputs = j->h ? &inputs : NULL,
                         .source = o->calibration.source,
                         .pool = o->calibration.pool};

    qf_linear_shape(&j->model->config, (qf_linear_kind)(index % QF_LINEARS), &layer.n,
                    &layer.k);
    QF_TRY(methods[o->method].quantise(&layer, out));
    const qf_qmatrix matrix = qf_qmodel_matrix(j->out, index, width);
    QF_TRY(qf_qmatrix_check(&matrix, name));
    return tell(j, ++j->done) ? QF_OK : qf_fail(QF_INTERRUPTED, "quantising interrupted");
}

/* What a method is told of an input is made when its first linear comes by. */
static qf_status prepare_input(job *j, const hessian *of_block, qf_linear_kind kind,
                               const char *name)
{
    const hessian *h = &of_block[tr_input_of(kind)];
    double damping = j->options->damping;

    if (kind != QF_LINEAR_QUERY && tr_input_of(kind) == tr_input_of((qf_linear_kind)(kind - 1)))
        return QF_OK;
    QF_TRY(hessian_diagonal(h, name, j->diagonal));
    if (!j->u) return QF_OK;
    if (j->order) QF_TRY(hessian_order(j->diagonal, h->k, j->order));
    QF_TRY(hessian_factor(h, j->order, name, &damping, j->u));
    if (damping > j->damping) j->damping = damping;
    return QF_OK;
}

static qf_status quantise_block(job *j, int block, const hessian *h)
{
    for (int kind = 0; kind < QF_LINEARS; kind++) {
        const int index = block * QF_LINEARS + kind;
        char name[64];
        name_linear(index, name);
        if (h) QF_TRY(prepare_input(j, h, (qf_linear_kind)kind, name));
        for (int i = 0; i < j->options->widths; i++)
            QF_TRY(quantise_width(j, index, j->options->width[i], name));
    }
    return QF_OK;
}

static void release_hessians(job *j)
{
    for (int i = 0; j->h && i < j->per_pass * TR_INPUTS; i++) hessian_release(&j->h[i]);
}

static qf_status quantise_pass(job *j, int begin, int end)
{
    if (j->h) {
        const tr_calibration *c = &j->options->calibration;
        QF_TRY(tr_calibrate(c, j->model, begin, end, tell_batch, j, j->h));
        j->done += tr_calibration_batches(c) * j->batch_weight;
    }
    for (int block = begin; block < end; block++)
        QF_TRY(quantise_block(j, block, j->h ? j->h + (block - begin) * TR_INPUTS : NULL));
    return QF_OK;
}

/* How many matrices take as long as one batch, so that the time left can be told: a batch
 * is a pass through the network and a product x^T x per input, a matrix n k^2 operations
 * that run about eight times slower than a kernel's. */
static int batch_weight(const job *j)
{
    const tr_calibration *c = &j->options->calibration;
    double pass = 0, matrices = 0;

    for (int kind = 0; kind < QF_LINEARS; kind++) {
        int64_t n, k;
        qf_linear_shape(&j->model->config, (qf_linear_kind)kind, &n, &k);
        pass += 2.0 * (double)n * (double)k + 0.6 * 2.0 * (double)k * (double)k;
        matrices += 8.0 * (double)n * (double)k * (double)k;
    }
    const double ratio =
        pass * c->batch * c->length * j->model->config.layers * QF_LINEARS / matrices;
    return ratio < 1 ? 1 : ratio > 1e4 ? 10000 : (int)ratio;
}

static qf_status make_room(job *j)
{
    const qf_config *c = &j->model->config;
    const size_t fit = j->options->bytes / tr_calibration_block_bytes(c);
    size_t widest = (size_t)(c->hidden > c->dim ? c->hidden : c->dim);

    if (widest < (size_t)c->heads * (size_t)c->head_dim)
        widest = (size_t)c->heads * (size_t)c->head_dim;
    j->per_pass = fit < 1 ? 1 : fit > (size_t)c->layers ? c->layers : (int)fit;
    j->batch_weight = batch_weight(j);
    j->total += (c->layers + j->per_pass - 1) / j->per_pass * j->batch_weight *
                tr_calibration_batches(&j->options->calibration);
    j->h = qf_alloc_array((size_t)j->per_pass * TR_INPUTS, sizeof *j->h);
    j->diagonal = qf_alloc_array(widest, sizeof *j->diagonal);
    if (!j->h || !j->diagonal) return QF_MEMORY;
    if (!tr_method_walks(j->options->method)) return QF_OK;
    j->u = qf_alloc_array(widest * widest, sizeof *j->u);
    if (j->options->options.act_order) j->order = qf_alloc_array(widest, sizeof *j->order);
    return j->u && (j->order || !j->options->options.act_order) ? QF_OK : QF_MEMORY;
}

static qf_status run(job *j)
{
    const int layers = j->model->config.layers;

    j->per_pass = layers;
    j->total = layers * QF_LINEARS * j->options->widths;
    if (tr_method_needs_inputs(j->options->method)) QF_TRY(make_room(j));
    for (int begin = 0; begin < layers; begin += j->per_pass) {
        const int end = begin + j->per_pass < layers ? begin + j->per_pass : layers;
        const qf_status status = quantise_pass(j, begin, end);
        release_hessians(j);
        if (status != QF_OK) return status;
    }
    return QF_OK;
}

qf_status tr_quantise(const tr_quantise_options *options, const qf_model *model,
                      qf_qmodel *quantised, double *damping)
{
    job j = {.options = options, .model = model, .out = quantised};

    QF_TRY(qf_qmodel_create(model, options->group, options->width, options->widths, quantised));
    snprintf(quantised->method, sizeof quantised->method, "%s",
             tr_method_name(options->method));
    tr_quantise_recipe(options, quantised->recipe);
    qf_status status = run(&j);
    release_hessians(&j);
    qf_free(j.h);
    qf_free(j.diagonal);
    qf_free(j.order);
    qf_free(j.u);
    if (status != QF_OK) qf_qmodel_release(quantised);
    if (damping) *damping = j.damping;
    return status;
}
