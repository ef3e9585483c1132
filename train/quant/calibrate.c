/* calibrate.c -- blocks run one at a time, with an observer at every linear's input. */
#include "calibrate.h"

#include <string.h>

#include "../linear_f32.h"
#include "qforge/memory.h"

static const qf_linear_kind owner[TR_INPUTS] = {QF_LINEAR_QUERY, QF_LINEAR_OUTPUT,
                                                QF_LINEAR_GATE, QF_LINEAR_DOWN};

int tr_input_of(qf_linear_kind kind)
{
    int input = TR_INPUTS - 1;
    while (owner[input] > kind) input--;
    return input;
}

int64_t tr_input_width(const qf_config *config, int input)
{
    int64_t n, k;
    qf_linear_shape(config, owner[input], &n, &k);
    return k;
}

int tr_calibration_batches(const tr_calibration *c)
{
    return (c->samples + c->batch - 1) / c->batch;
}

struct tr_walk {
    const tr_calibration *calibration;
    const qf_model *model;
    qf_model view;  /* the model, with the weights of the step in hand */
    float **linear; /* [layers * QF_LINEARS] of the view */
    tr_linear_f32 *products;
    tr_net *net;
    int streams;
    float **stream;         /* [streams] */
    float *scratch;         /* [batch][length][dim] */
    float *seen[TR_INPUTS]; /* what the other stream's batch showed */
    float *difference;      /* [batch][length][widest input] */
    const tr_step *step;    /* in hand */
    bool looking_aside;     /* at the other stream */
};

/* ---- observing ---- */
static void add_drift(tr_walk *w, int input, const float *x, int64_t N, int64_t k)
{
    const float *y = w->seen[input];
    for (int64_t i = 0; i < N * k; i++) w->difference[i] = y[i] - x[i];
    hessian_add_cross(&w->step->drift[input], w->difference, x, N);
}

static void observe(void *context, int index, const float *x, int64_t N, int64_t k)
{
    tr_walk *w = context;
    const int input = tr_input_of((qf_linear_kind)(index % QF_LINEARS));

    if (w->looking_aside) {
        memcpy(w->seen[input], x, (size_t)(N * k) * sizeof *x);
        return;
    }
    if (w->step->h) hessian_add(&w->step->h[input], x, N);
    if (w->step->drift) add_drift(w, input, x, N, k);
}

/* ---- making ---- */
static int64_t batch_floats(const tr_walk *w)
{
    const tr_calibration *c = w->calibration;
    return (int64_t)c->batch * c->length * w->model->config.dim;
}

static qf_status embed(tr_walk *w)
{
    const tr_calibration *c = w->calibration;
    const size_t size = (size_t)c->batch * (size_t)c->length;
    int *token = qf_alloc_array(2 * size, sizeof *token);
    qf_status status = token ? QF_OK : QF_MEMORY;

    for (int i = 0; i < tr_calibration_batches(c) && status == QF_OK; i++) {
        const int left = c->samples - i * c->batch, B = left < c->batch ? left : c->batch;
        float *x = w->stream[0] + i * batch_floats(w);
        tr_batch_draw(c->stream, c->seed, i, B, c->length, token, token + size);
        status = tr_net_embed(w->net, token, B, c->length, x);
    }
    qf_free(token);
    return status;
}

static qf_status make_streams(tr_walk *w)
{
    const tr_calibration *c = w->calibration;
    const size_t dim = (size_t)w->model->config.dim;
    const size_t floats = (size_t)c->samples * (size_t)c->length * dim;

    w->scratch = qf_alloc_array((size_t)batch_floats(w), sizeof *w->scratch);
    if (!w->scratch) return QF_MEMORY;
    for (int i = 0; i < w->streams; i++) {
        w->stream[i] = qf_alloc_array(floats, sizeof **w->stream);
        if (!w->stream[i]) return QF_MEMORY;
    }
    QF_TRY(embed(w));
    for (int i = 1; i < w->streams; i++)
        memcpy(w->stream[i], w->stream[0], floats * sizeof **w->stream);
    return QF_OK;
}

static qf_status build(tr_walk *w)
{
    const tr_calibration *c = w->calibration;
    const size_t linears = (size_t)(w->model->config.layers * QF_LINEARS);
    const tr_net_options options = {.source = c->source,
                                    .pool = c->pool,
                                    .batch = c->batch,
                                    .length = c->length,
                                    .observe = observe,
                                    .observe_context = w};

    w->linear = qf_alloc_array(linears, sizeof *w->linear);
    w->stream = qf_alloc_array((size_t)w->streams, sizeof *w->stream);
    if (!w->linear || !w->stream) return QF_MEMORY;
    memcpy(w->linear, w->model->linear, linears * sizeof *w->linear);
    w->view = *w->model;
    w->view.linear = w->linear;
    QF_TRY(tr_linear_f32_create(c->source, c->pool, (int64_t)c->batch * c->length, &w->view,
                                NULL, false, &w->products));
    QF_TRY(tr_net_create(&options, w->model, tr_linear_f32_linears(w->products), &w->net));
    return make_streams(w);
}

qf_status tr_walk_create(const tr_calibration *calibration, const qf_model *model, int streams,
                         tr_walk **walk)
{
    tr_walk *w = qf_alloc(sizeof *w);

    *walk = NULL;
    if (!w) return QF_MEMORY;
    *w = (tr_walk){.calibration = calibration, .model = model, .streams = streams};
    const qf_status status = build(w);
    if (status == QF_OK)
        *walk = w;
    else
        tr_walk_destroy(w);
    return status;
}

void tr_walk_destroy(tr_walk *w)
{
    if (!w) return;
    for (int i = 0; w->stream && i < w->streams; i++) qf_free(w->stream[i]);
    for (int i = 0; i < TR_INPUTS; i++) qf_free(w->seen[i]);
    tr_net_destroy(w->net);
    tr_linear_f32_destroy(w->products);
    qf_free(w->stream);
    qf_free(w->linear);
    qf_free(w->scratch);
    qf_free(w->difference);
    qf_free(w);
}

/* ---- walking ---- */
static qf_status make_room_to_compare(tr_walk *w)
{
    const tr_calibration *c = w->calibration;
    const size_t rows = (size_t)c->batch * (size_t)c->length;
    int64_t widest = 0;

    if (w->difference) return QF_OK;
    for (int i = 0; i < TR_INPUTS; i++) {
        const int64_t k = tr_input_width(&w->model->config, i);
        widest = k > widest ? k : widest;
        w->seen[i] = qf_alloc_array(rows * (size_t)k, sizeof *w->seen[i]);
        if (!w->seen[i]) return QF_MEMORY;
    }
    w->difference = qf_alloc_array(rows * (size_t)widest, sizeof *w->difference);
    return w->difference ? QF_OK : QF_MEMORY;
}

static void use_weights(tr_walk *w, int block, const float *const *weight)
{
    float **own = w->model->linear + block * QF_LINEARS;
    for (int kind = 0; kind < QF_LINEARS; kind++)
        w->linear[block * QF_LINEARS + kind] = weight ? (float *)weight[kind] : own[kind];
}

/* A batch of a stream through the block, in place or beside it. */
static void run(tr_walk *w, int stream, int batch, int B, bool advance)
{
    const int T = w->calibration->length;
    float *x = w->stream[stream] + batch * batch_floats(w);

    if (!advance) {
        memcpy(w->scratch, x, (size_t)B * (size_t)T * (size_t)w->model->config.dim * sizeof *x);
        x = w->scratch;
    }
    tr_net_run_block(w->net, w->step->block, x, B, T);
}

static void run_batch(tr_walk *w, int batch, int B)
{
    const tr_step *s = w->step;

    if (s->drift) {
        w->looking_aside = true;
        use_weights(w, s->block, NULL);
        run(w, s->other, batch, B, false);
        w->looking_aside = false;
    }
    use_weights(w, s->block, s->weight);
    run(w, s->stream, batch, B, s->advance);
}

qf_status tr_walk_step(tr_walk *w, const tr_step *step, qf_progress *progress, void *context)
{
    const tr_calibration *c = w->calibration;
    const int batches = tr_calibration_batches(c);

    if (step->drift) QF_TRY(make_room_to_compare(w));
    w->step = step;
    for (int i = 0; i < batches; i++) {
        const int left = c->samples - i * c->batch;
        run_batch(w, i, left < c->batch ? left : c->batch);
        if (progress && !progress(context, i + 1, batches))
            return qf_fail(QF_INTERRUPTED, "calibration interrupted");
    }
    return QF_OK;
}
