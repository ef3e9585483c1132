/* quantise.c -- blocks in the order of the network, what each reads, its linears. */
#include "quantise.h"

#include <stdio.h>
#include <string.h>

#include "input_facts.h"
#include "partial.h"
#include "qforge/memory.h"

static void list(char recipe[QF_RECIPE_MAX], const char *item, const char *value)
{
    const size_t used = strlen(recipe);
    snprintf(recipe + used, QF_RECIPE_MAX - used, "%s%s%s", used ? ", " : "", item, value);
}

/* Methods that compare have no choice, so for them it is no option. */
void tr_quantise_recipe(const tr_quantise_options *o, char recipe[QF_RECIPE_MAX])
{
    recipe[0] = 0;
    if (o->options.grid) list(recipe, "grid=", tr_grid_name(o->options.grid));
    if (o->options.act_order) list(recipe, "act-order", "");
    if (o->options.static_groups) list(recipe, "static-groups", "");
    if (o->quantised_inputs && !tr_method_compares(o->method))
        list(recipe, "calibrate-on=", "quantised");
}

typedef struct job {
    const tr_quantise_options *options;
    const qf_model *model;
    qf_qmodel *out;
    bool quantised_inputs, compares;
    tr_walk *walk;              /* NULL when nobody looks at inputs */
    hessian h[TR_INPUTS];       /* of the block in hand */
    hessian cross[TR_INPUTS];   /* where inputs are compared */
    input_facts facts;          /* of the input in hand */
    quant_inputs inputs;        /* a view of them */
    float *weight[QF_LINEARS];  /* a quantised block at one width, where its outputs are
                                   wanted */
    char recipe[TR_RECIPE_MAX]; /* of the run, where finished blocks are kept */
    tr_quantise_report report;
    int done, total; /* matrices; a batch counts as batch_weight of them */
    int batch_weight;
} job;

/* ---- telling ---- */
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

/* How many matrices take as long as one batch, so that the time left can be told: a batch
 * is a pass through a block and a product x^T x per input, a matrix n k^2 operations that
 * run about eight times slower than a kernel's. */
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
    const double ratio = pass * c->batch * c->length * QF_LINEARS / matrices;
    return ratio < 1 ? 1 : ratio > 1e4 ? 10000 : (int)ratio;
}

/* A step of the walk is all batches through one block: see quantise_block. */
static int step_weight(const job *j)
{
    return tr_calibration_batches(&j->options->calibration) * j->batch_weight;
}

static int weight_of(const job *j, int block)
{
    const int widths = j->options->widths, matrices = QF_LINEARS * widths;
    const bool last = block + 1 == j->model->config.layers;

    if (!j->walk) return matrices;
    if (!j->quantised_inputs) return matrices + step_weight(j);
    return matrices + (last ? widths : 2 * widths + j->compares) * step_weight(j);
}

/* ---- one linear ---- */
static void name_linear(int index, char name[64])
{
    snprintf(name, 64, "model.layers.%d.%s", index / QF_LINEARS,
             qf_linear_name((qf_linear_kind)(index % QF_LINEARS)));
}

static qf_status quantise_width(job *j, int index, int width, const char *name)
{
    const tr_quantise_options *o = j->options;
    quant_layer layer = {.what = name,
                         .w = j->model->linear[index],
                         .format = {width, o->group, o->params},
                         .options = o->options,
                         .inputs = j->walk ? &j->inputs : NULL,
                         .source = o->calibration.source,
                         .pool = o->calibration.pool};

    qf_linear_shape(&j->model->config, (qf_linear_kind)(index % QF_LINEARS), &layer.n,
                    &layer.k);
    QF_TRY(tr_method_function(o->method)(&layer, qf_qmodel_linear(j->out, index, width)));
    const qf_qmatrix matrix = qf_qmodel_matrix(j->out, index, width);
    QF_TRY(qf_qmatrix_check(&matrix, name));
    return tell(j, ++j->done) ? QF_OK : qf_fail(QF_INTERRUPTED, "quantising interrupted");
}

/* The facts of an input are made when its first linear comes by. */
static qf_status meet_input(job *j, qf_linear_kind kind, const char *name)
{
    const int input = tr_input_of(kind);

    if (!j->walk) return QF_OK;
    if (kind != QF_LINEAR_QUERY && input == tr_input_of((qf_linear_kind)(kind - 1)))
        return QF_OK;
    return input_facts_make(&j->facts, &j->h[input], &j->cross[input], j->options->damping,
                            name, &j->inputs);
}

/* The block's linears at widths [begin, end) of the list. */
static qf_status quantise_linears(job *j, int block, int begin, int end)
{
    for (int kind = 0; kind < QF_LINEARS; kind++) {
        const int index = block * QF_LINEARS + kind;
        char name[64];
        name_linear(index, name);
        QF_TRY(meet_input(j, (qf_linear_kind)kind, name));
        for (int i = begin; i < end; i++)
            QF_TRY(quantise_width(j, index, j->options->width[i], name));
    }
    return QF_OK;
}

/* ---- one block ---- */
static qf_status walk(job *j, tr_step step)
{
    for (int i = 0; step.h && i < TR_INPUTS; i++) hessian_clear(&step.h[i]);
    for (int i = 0; step.drift && i < TR_INPUTS; i++) hessian_clear(&step.drift[i]);
    QF_TRY(tr_walk_step(j->walk, &step, tell_batch, j));
    j->done += step_weight(j);
    return QF_OK;
}

/* The width's stream passes the block as it was quantised. */
static qf_status advance_width(job *j, int block, int i)
{
    for (int kind = 0; kind < QF_LINEARS; kind++) {
        const qf_qmatrix matrix =
            qf_qmodel_matrix(j->out, block * QF_LINEARS + kind, j->options->width[i]);
        qf_qmatrix_dequantise(&matrix, j->weight[kind]);
    }
    return walk(j, (tr_step){.stream = i,
                             .block = block,
                             .weight = (const float *const *)j->weight,
                             .advance = true});
}

/* Streams: with full-precision inputs one; else one of each width, and behind them that of
 * full precision where inputs are compared with it.  Nobody reads behind the last block. */
static qf_status quantise_block(job *j, int block)
{
    const int widths = j->options->widths;
    const bool last = block + 1 == j->model->config.layers;

    if (!j->walk) return quantise_linears(j, block, 0, widths);
    if (!j->quantised_inputs) {
        QF_TRY(walk(j, (tr_step){.block = block, .advance = true, .h = j->h}));
        return quantise_linears(j, block, 0, widths);
    }
    for (int i = 0; i < widths; i++) {
        QF_TRY(walk(j, (tr_step){.stream = i,
                                 .block = block,
                                 .h = j->h,
                                 .drift = j->compares ? j->cross : NULL,
                                 .other = widths}));
        QF_TRY(quantise_linears(j, block, i, i + 1));
        if (!last) QF_TRY(advance_width(j, block, i));
    }
    if (!j->compares || last) return QF_OK;
    return walk(j, (tr_step){.stream = widths, .block = block, .advance = true});
}

/* ---- blocks that are finished ---- */

/* What comes after a block that is there already: streams pass it. */
static qf_status pass_block(job *j, int block)
{
    if (!j->walk || block + 1 == j->model->config.layers) return QF_OK;
    for (int i = 0; j->quantised_inputs && i < j->options->widths; i++)
        QF_TRY(advance_width(j, block, i));
    if (j->quantised_inputs && !j->compares) return QF_OK;
    return walk(j, (tr_step){.stream = j->quantised_inputs ? j->options->widths : 0,
                             .block = block,
                             .advance = true});
}

static qf_status keep_block(job *j, int block)
{
    if (!j->options->partial) return QF_OK;
    return partial_save(j->options->partial, j->recipe, j->out, block, j->facts.damping);
}

static qf_status with_block(job *j, int block)
{
    const char *partial = j->options->partial;
    double damping = 0;
    qf_status status =
        partial ? partial_load(partial, j->recipe, j->out, block, &damping) : QF_NOT_FOUND;

    j->facts.damping = 0;
    if (status == QF_OK) {
        j->report.resumed++;
        /* What does not pass is no work, or the time left would be told from what took none. */
        const int before = j->done;
        QF_TRY(pass_block(j, block));
        j->total -= weight_of(j, block) - (j->done - before);
        if (!tell(j, j->done)) return qf_fail(QF_INTERRUPTED, "quantising interrupted");
    } else if (status == QF_NOT_FOUND) {
        QF_TRY(quantise_block(j, block));
        damping = j->facts.damping;
        status = keep_block(j, block);
    }
    if (damping > j->report.damping) j->report.damping = damping;
    return status;
}

static qf_status finish_block(job *j, int block)
{
    QF_TRY(qf_model_take_block(j->model, block));
    const qf_status status = with_block(j, block);
    qf_model_drop_block(j->model, block);
    if (j->options->frugal) qf_qmodel_drop_block(j->out, block);
    return status;
}

/* ---- all of them ---- */
static qf_status make_weights(job *j)
{
    for (int kind = 0; kind < QF_LINEARS; kind++) {
        int64_t n, k;
        qf_linear_shape(&j->model->config, (qf_linear_kind)kind, &n, &k);
        j->weight[kind] = qf_alloc_array((size_t)(n * k), sizeof *j->weight[kind]);
        if (!j->weight[kind]) return QF_MEMORY;
    }
    return QF_OK;
}

static qf_status make_walk(job *j)
{
    const tr_quantise_options *o = j->options;
    const tr_calibration *c = &o->calibration;
    int64_t widest = 0;

    for (int i = 0; i < TR_INPUTS; i++) {
        const int64_t k = tr_input_width(&j->model->config, i);
        const int64_t rows = (int64_t)c->batch * c->length;
        widest = k > widest ? k : widest;
        QF_TRY(hessian_init(&j->h[i], c->source, c->pool, rows, k));
        if (j->compares) QF_TRY(hessian_init(&j->cross[i], c->source, c->pool, rows, k));
    }
    QF_TRY(input_facts_init(&j->facts, tr_method_needs(o->method), &o->options, widest,
                            c->source, c->pool));
    if (j->quantised_inputs) QF_TRY(make_weights(j));
    j->batch_weight = batch_weight(j);
    return tr_walk_create(c, j->model, j->quantised_inputs ? o->widths + j->compares : 1,
                          &j->walk);
}

static qf_status run(job *j)
{
    const tr_quantise_options *o = j->options;
    const int layers = j->model->config.layers;

    if (tr_method_needs_inputs(o->method)) QF_TRY(make_walk(j));
    for (int block = 0; block < layers; block++) j->total += weight_of(j, block);
    if (o->partial) QF_TRY(partial_recipe(o, j->model, j->recipe));
    for (int block = 0; block < layers; block++) {
        const qf_status status = finish_block(j, block);
        if (status == QF_INTERRUPTED && o->partial && block > 0)
            return qf_fail(QF_INTERRUPTED, "stopped after block %d of %d; --resume goes on",
                           block, layers);
        QF_TRY(status);
    }
    return QF_OK;
}

static void release(job *j)
{
    for (int i = 0; i < TR_INPUTS; i++) {
        hessian_release(&j->h[i]);
        hessian_release(&j->cross[i]);
    }
    for (int kind = 0; kind < QF_LINEARS; kind++) qf_free(j->weight[kind]);
    input_facts_release(&j->facts);
    tr_walk_destroy(j->walk);
}

qf_status tr_quantise(const tr_quantise_options *options, const qf_model *model,
                      qf_qmodel *quantised, tr_quantise_report *report)
{
    job j = {.options = options,
             .model = model,
             .out = quantised,
             .compares = tr_method_compares(options->method)};

    j.quantised_inputs = options->quantised_inputs || j.compares;
    QF_ASSERT(!options->frugal || options->partial);
    QF_TRY((options->frugal ? qf_qmodel_reserve : qf_qmodel_create)(
        model, options->group, options->width, options->widths, quantised));
    snprintf(quantised->method, sizeof quantised->method, "%s",
             tr_method_name(options->method));
    tr_quantise_recipe(options, quantised->recipe);
    const qf_status status = run(&j);
    snprintf(j.report.run, sizeof j.report.run, "%s", j.recipe);
    if (report) *report = j.report;
    release(&j);
    if (status != QF_OK) qf_qmodel_release(quantised);
    return status;
}

/* ---- saving ---- */

typedef struct kept {
    const char *partial, *run;
    const qf_qmodel *model;
} kept;

static qf_status bring(void *context, int layer)
{
    const kept *k = context;
    double damping;
    const qf_status status = partial_load(k->partial, k->run, k->model, layer, &damping);

    if (status != QF_NOT_FOUND) return status;
    return qf_fail(QF_IO, "%s: block %d is gone", k->partial, layer);
}

qf_status tr_quantise_save(const tr_quantise_options *o, const tr_quantise_report *report,
                           const qf_qmodel *quantised, const char *directory)
{
    kept k = {o->partial, report->run, quantised};

    QF_TRY(o->frugal ? qf_qmodel_save_blocks(quantised, directory, bring, &k)
                     : qf_qmodel_save(quantised, directory));
    return o->partial ? tr_quantise_forget(o->partial) : QF_OK;
}
