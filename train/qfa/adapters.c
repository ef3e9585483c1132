/* adapters.c -- layout, initial values, sums of components, and the way into a model. */
#include "adapters.h"

#include <math.h>
#include <string.h>

#include "qforge/memory.h"
#include "qforge/names.h"
#include "qforge/random.h"

/* A pair of functions a row: an expression of the table may use W, c and w. */
#define TR_SHARING(id, name, components, uses)                                                 \
    static int components_##id(int W)                                                          \
    {                                                                                          \
        (void)W;                                                                               \
        return components;                                                                     \
    }                                                                                          \
    static bool uses_##id(int c, int w, int W)                                                 \
    {                                                                                          \
        (void)c, (void)w, (void)W;                                                             \
        return uses;                                                                           \
    }
#include "sharings.def"
#undef TR_SHARING

static const struct {
    const char *name;
    int (*components)(int W);
    bool (*uses)(int c, int w, int W);
} sharings[] = {
#define TR_SHARING(id, name, components, uses) {name, components_##id, uses_##id},
#include "sharings.def"
#undef TR_SHARING
};

static const char *name_of(int sharing)
{
    return sharings[sharing].name;
}

qf_status tr_sharing_named(const char *name, tr_sharing *sharing)
{
    int found = 0;
    QF_TRY(qf_name_find("sharing", name_of, TR_SHARINGS, name, &found));
    *sharing = (tr_sharing)found;
    return QF_OK;
}

float tr_adapters_scale(int group)
{
    return 1 / sqrtf((float)group);
}

struct tr_adapters {
    tr_adapters_options options;
    const qf_qmodel *model;
    int linears, components;
    tr_adapter *adapter; /* [linears][components] */
    qf_arena values, gradients;
};

int tr_adapters_components(const tr_adapters *t)
{
    return t->components;
}

bool tr_adapters_uses(const tr_adapters *t, int component, int width)
{
    return sharings[t->options.sharing].uses(component, width, t->model->widths);
}

tr_adapter tr_adapters_at(const tr_adapters *t, int index, int component)
{
    return t->adapter[index * t->components + component];
}

const tr_adapters_options *tr_adapters_options_of(const tr_adapters *t)
{
    return &t->options;
}

static void shape_of(const tr_adapters *t, int index, int64_t *n, int64_t *groups)
{
    int64_t k;
    qf_linear_shape(&t->model->base.config, (qf_linear_kind)(index % QF_LINEARS), n, &k);
    *groups = qf_groups(k, t->model->group);
}

/* ---- making them ---- */

/* Run twice: to measure, then for real. */
static void lay_out(tr_adapters *t, qf_arena *values, qf_arena *gradients)
{
    const int rank = t->options.rank;
    for (int i = 0; i < t->linears * t->components; i++) {
        tr_adapter *adapter = &t->adapter[i];
        int64_t n, groups;
        shape_of(t, i / t->components, &n, &groups);
        adapter->a_size = rank * groups;
        adapter->b_size = rank ? n * rank : n * groups;
        const size_t a = (size_t)adapter->a_size * sizeof(float);
        const size_t b = (size_t)adapter->b_size * sizeof(float);
        adapter->a = rank ? qf_arena_take(values, a) : NULL;
        adapter->b = qf_arena_take(values, b);
        adapter->da = rank ? qf_arena_take(gradients, a) : NULL;
        adapter->db = qf_arena_take(gradients, b);
    }
}

static void initialise(tr_adapters *t)
{
    static const uint64_t stream = (uint64_t)0xada9 << 48; /* this file's own */
    const int rank = t->options.rank;

    for (int i = 0; i < t->linears * t->components; i++) {
        const tr_adapter *adapter = &t->adapter[i];
        const int64_t groups = rank ? adapter->a_size / rank : 0;
        const double limit = sqrt(6.0 / (double)(rank + groups));
        qf_random random = qf_random_init(t->options.seed, stream + (uint64_t)i);
        for (int64_t j = 0; j < adapter->a_size; j++)
            adapter->a[j] = (float)(limit * (2 * qf_random_unit(&random) - 1));
    }
}

/* Decoupled components are the model's adapters, one for one. */
static qf_status import(tr_adapters *t)
{
    const qf_qmodel *model = t->model;

    if (t->options.sharing != TR_DECOUPLED || t->options.rank != model->rank ||
        t->options.scale != model->adapter_scale)
        return qf_fail(QF_USAGE,
                       "the model has decoupled adapters of rank %d; others cannot go on from "
                       "them (qforge merge folds them in)",
                       model->rank);
    for (int i = 0; i < t->linears * t->components; i++) {
        const tr_adapter *adapter = &t->adapter[i];
        memcpy(adapter->a, model->linear[i].lora_a, (size_t)adapter->a_size * sizeof(float));
        memcpy(adapter->b, model->linear[i].lora_b, (size_t)adapter->b_size * sizeof(float));
    }
    return QF_OK;
}

static qf_status build(tr_adapters *t)
{
    qf_arena values = {0}, gradients = {0};

    t->adapter = qf_alloc_array((size_t)(t->linears * t->components), sizeof *t->adapter);
    if (!t->adapter) return QF_MEMORY;
    lay_out(t, &values, &gradients);
    QF_TRY(qf_arena_init(&t->values, values.used));
    QF_TRY(qf_arena_init(&t->gradients, gradients.used));
    lay_out(t, &t->values, &t->gradients);
    if (t->model->rank) return import(t);
    initialise(t);
    return QF_OK;
}

qf_status tr_adapters_create(const tr_adapters_options *options, const qf_qmodel *model,
                             tr_adapters **adapters)
{
    tr_adapters *t = qf_alloc(sizeof *t);

    *adapters = NULL;
    if (!t) return QF_MEMORY;
    t->options = *options;
    t->model = model;
    t->linears = model->base.config.layers * QF_LINEARS;
    t->components = sharings[options->sharing].components(model->widths);
    const qf_status status = build(t);
    if (status == QF_OK)
        *adapters = t;
    else
        tr_adapters_destroy(t);
    return status;
}

void tr_adapters_destroy(tr_adapters *t)
{
    if (!t) return;
    qf_free(t->adapter);
    qf_arena_release(&t->values);
    qf_arena_release(&t->gradients);
    qf_free(t);
}

float *tr_adapters_values(tr_adapters *t, int64_t *count)
{
    *count = (int64_t)(t->values.used / sizeof(float));
    return (float *)(void *)t->values.base;
}

float *tr_adapters_gradients(tr_adapters *t, int64_t *count)
{
    *count = (int64_t)(t->gradients.used / sizeof(float));
    return (float *)(void *)t->gradients.base;
}

/* ---- using them ---- */

/* offset[n][groups] += s B A */
static void add_product(const tr_adapter *adapter, int rank, float scale, int64_t n,
                        int64_t groups, float *offset)
{
    for (int64_t row = 0; row < n; row++)
        for (int r = 0; r < rank; r++) {
            const float b = scale * adapter->b[row * rank + r];
            const float *a = adapter->a + r * groups;
            for (int64_t g = 0; g < groups; g++) offset[row * groups + g] += b * a[g];
        }
}

void tr_adapters_offsets(const tr_adapters *t, int index, int width, float *offset)
{
    const float scale = t->options.scale;
    int64_t n, groups;

    shape_of(t, index, &n, &groups);
    memmove(offset, t->model->linear[index * t->model->widths + width].offset,
            (size_t)(n * groups) * sizeof *offset); /* or the same */
    for (int c = 0; c < t->components; c++) {
        const tr_adapter adapter = tr_adapters_at(t, index, c);
        if (!tr_adapters_uses(t, c, width)) continue;
        if (t->options.rank)
            add_product(&adapter, t->options.rank, scale, n, groups, offset);
        else
            for (int64_t i = 0; i < n * groups; i++) offset[i] += scale * adapter.b[i];
    }
}

/* ---- into a model ---- */

/* The components that `width` uses, side by side: rows of A, columns of B. */
static void export_adapter(const tr_adapters *t, int index, int width, int total,
                           qf_qlinear *linear)
{
    const int rank = t->options.rank;
    int64_t n, groups;
    int used = 0;

    shape_of(t, index, &n, &groups);
    for (int c = 0; c < t->components; c++) {
        const tr_adapter adapter = tr_adapters_at(t, index, c);
        if (!tr_adapters_uses(t, c, width)) continue;
        memcpy(linear->lora_a + used * groups, adapter.a,
               (size_t)adapter.a_size * sizeof(float));
        for (int64_t row = 0; row < n; row++)
            memcpy(linear->lora_b + row * total + used, adapter.b + row * rank,
                   (size_t)rank * sizeof(float));
        used += rank;
    }
}

static int most_used(const tr_adapters *t)
{
    int most = 0;
    for (int w = 0; w < t->model->widths; w++) {
        int used = 0;
        for (int c = 0; c < t->components; c++) used += tr_adapters_uses(t, c, w);
        most = used > most ? used : most;
    }
    return most;
}

qf_status tr_adapters_export(const tr_adapters *t, qf_qmodel *model)
{
    const int total = most_used(t) * t->options.rank, widths = model->widths;

    QF_ASSERT(model == t->model);
    qf_qmodel_drop_adapters(model);
    if (total) QF_TRY(qf_qmodel_add_adapters(model, total, t->options.scale));
    for (int i = 0; i < t->linears * widths; i++) {
        if (total)
            export_adapter(t, i / widths, i % widths, total, &model->linear[i]);
        else
            tr_adapters_offsets(t, i / widths, i % widths, model->linear[i].offset);
    }
    return QF_OK;
}
