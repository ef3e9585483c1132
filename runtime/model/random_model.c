/* random_model.c -- random packed weights, embedding and norms. */
#include "qforge/random_model.h"

#include <math.h>
#include <string.h>

#include "qforge/random.h"

/* One stream per row of the embedding or record of a linear: index + 1 above, place
 * below. */
static uint64_t stream_of(int matrix, int64_t place)
{
    return (uint64_t)matrix << 32 | (uint64_t)place;
}

enum { EMBEDDING = 0, FIRST_LINEAR = 1 };

/* Uniform in (-1, 1) in steps of 2^-23: ordinary numbers or zero, never denormal. */
static float signed_unit(uint32_t bits)
{
    return (float)((int32_t)(bits >> 8) - (1 << 23)) * 0x1p-23f;
}

/* ---- widths ---- */

qf_subnet qf_subnet_random(const qf_config *config, const int *width, int widths, uint64_t seed)
{
    qf_subnet subnet = qf_subnet_uniform(config, width[0]);
    qf_random random = qf_random_init(seed, UINT64_MAX);

    for (int i = 0; i < subnet.count; i++)
        subnet.bits[i] = (uint8_t)width[qf_random_below(&random, (uint32_t)widths)];
    return subnet;
}

/* ---- what a linear is ---- */

static int head_of(const qf_random_model *r)
{
    return r->config.layers * QF_LINEARS;
}

static void shape_of(const qf_random_model *r, int index, int64_t *n, int64_t *k)
{
    *n = r->config.vocab, *k = r->config.dim;
    if (index < head_of(r))
        qf_linear_shape(&r->config, (qf_linear_kind)(index % QF_LINEARS), n, k);
}

static qf_layout layout_of(const qf_random_model *r, const qf_kernel_source *source,
                           qf_accuracy accuracy, int index)
{
    const int bits = index < head_of(r) ? r->subnet.bits[index] : r->head_bits;
    return qf_source_layout(source, accuracy, qf_quant_of_bits(bits), r->group);
}

/* ---- filling ---- */

/* Panels are shared out among the threads. */
typedef struct filling {
    const qf_random_model *random;
    int index;
    qf_packed *packed;
} filling;

static int rows_in(const qf_packed *packed, int64_t panel)
{
    const int64_t left = packed->n - panel * packed->layout.panel;
    return left < packed->layout.panel ? (int)left : packed->layout.panel;
}

/* Scale and offset of a group whose codes are uniform in [0, 2^bits): the spread of the
 * weights is 1 / sqrt(k) within a quarter, their mean 0 within a fiftieth of that. */
static void make_params(const qf_packed *packed, uint32_t bits, float *scale, float *offset)
{
    const float codes = (float)(1 << qf_quant_of(packed->layout.quant)->bits);
    const float spread = sqrtf((codes * codes - 1) / 12);
    const float size = 1 / (spread * sqrtf((float)packed->k));

    *scale = size * (1 + 0.25f * signed_unit(bits));
    *offset = -*scale * (codes - 1) / 2 + 0.02f * size * spread * signed_unit(bits << 12);
}

static void fill_record(const filling *f, int64_t panel, int64_t group, int64_t groups,
                        uint8_t *record)
{
    const qf_packed *packed = f->packed;
    const qf_layout *layout = &packed->layout;
    const int64_t bytes = qf_layout_record_bytes(layout);
    qf_random random = qf_random_init(
        f->random->seed, stream_of(FIRST_LINEAR + f->index, panel * groups + group));

    for (int row = 0; row < rows_in(packed, panel); row++) {
        float scale, offset;
        make_params(packed, qf_random_u32(&random), &scale, &offset);
        qf_record_set_params(layout, record, row, scale, offset);
    }
    /* Any bits are codes, of every width; those of padding meet zeros. */
    for (int64_t at = qf_layout_header_bytes(layout); at < bytes; at += 4) {
        const uint32_t word = qf_random_u32(&random);
        memcpy(record + at, &word, sizeof word);
    }
}

static void fill_quantised(const filling *f, int64_t panel)
{
    const qf_packed *packed = f->packed;
    const int64_t groups = qf_groups(packed->k, packed->layout.group);
    const int64_t record_bytes = qf_layout_record_bytes(&packed->layout);
    uint8_t *first = packed->bytes + panel * packed->panel_bytes;

    for (int64_t g = 0; g < groups; g++)
        fill_record(f, panel, g, groups, first + g * record_bytes);
}

static void fill_f32(const filling *f, int64_t panel)
{
    const qf_packed *packed = f->packed;
    const int width = packed->layout.panel, rows = rows_in(packed, panel);
    float *w = (float *)(void *)(packed->bytes + panel * packed->panel_bytes);
    const float size = sqrtf(3 / (float)packed->k);
    qf_random random =
        qf_random_init(f->random->seed, stream_of(FIRST_LINEAR + f->index, panel));

    for (int64_t k = 0; k < packed->k; k++, w += width)
        for (int row = 0; row < rows; row++)
            w[row] = size * signed_unit(qf_random_u32(&random));
}

static void fill_panels(void *context, int part, int parts)
{
    const filling *f = context;
    const qf_range panels = qf_partition(f->packed->panels, 1, part, parts);

    for (int64_t panel = panels.begin; panel < panels.end; panel++)
        if (f->packed->layout.quant == QF_F32)
            fill_f32(f, panel);
        else
            fill_quantised(f, panel);
}

static qf_status supply(void *self, const qf_kernel_source *source, qf_accuracy accuracy,
                        int index, qf_packed *packed)
{
    const qf_random_model *r = self;
    const qf_layout layout = layout_of(r, source, accuracy, index);
    filling f = {r, index, packed};
    int64_t n, k;

    shape_of(r, index, &n, &k);
    QF_TRY(qf_packed_create(&layout, n, k, packed));
    qf_pool_run(r->pool, fill_panels, &f);
    return QF_OK;
}

qf_supply qf_random_supply(const qf_random_model *random)
{
    return (qf_supply){(void *)(uintptr_t)random, supply};
}

/* ---- base ---- */

typedef struct embedding {
    const qf_random_model *random;
    float *rows; /* [vocab][dim] */
} embedding;

static void fill_embedding(void *context, int part, int parts)
{
    const embedding *e = context;
    const int dim = e->random->config.dim;
    const qf_range rows = qf_partition(e->random->config.vocab, 1, part, parts);

    for (int64_t row = rows.begin; row < rows.end; row++) {
        qf_random random = qf_random_init(e->random->seed, stream_of(EMBEDDING, row));
        for (int i = 0; i < dim; i++)
            e->rows[row * dim + i] = 1.7320508f * signed_unit(qf_random_u32(&random));
    }
}

static void fill_ones(float *values, int64_t count)
{
    for (int64_t i = 0; i < count; i++) values[i] = 1;
}

qf_status qf_random_base(const qf_random_model *random, qf_model *base)
{
    qf_config c = random->config;

    c.tied = true; /* room for one table */
    QF_TRY(qf_model_create(&c, QF_LINEARS_NONE, base));
    embedding e = {random, base->embedding};
    qf_pool_run(random->pool, fill_embedding, &e);
    fill_ones(base->attention_norm, (int64_t)c.layers * c.dim);
    fill_ones(base->mlp_norm, (int64_t)c.layers * c.dim);
    fill_ones(base->final_norm, c.dim);
    return QF_OK;
}

/* ---- sizes ---- */

int64_t qf_random_linear_bytes(const qf_random_model *random, const qf_kernel_source *source,
                               qf_accuracy accuracy, int index)
{
    const qf_layout layout = layout_of(random, source, accuracy, index);
    int64_t n, k;

    shape_of(random, index, &n, &k);
    return qf_layout_bytes(&layout, n, k);
}

int64_t qf_random_model_bytes(const qf_random_model *random, const qf_kernel_source *source,
                              qf_accuracy accuracy, int context, int chunk)
{
    const qf_config *c = &random->config;
    const int64_t wide = (int64_t)c->heads * c->head_dim;
    const int64_t narrow = (int64_t)c->kv_heads * c->head_dim;
    const int64_t widest = c->hidden > wide ? c->hidden : wide;
    const int64_t table = (int64_t)c->vocab * c->dim;
    const int64_t cache = 2 * (int64_t)c->layers * context * narrow;
    /* x, its norm, queries, mixed values, gate, up; one operand packed once more. */
    const int64_t activations =
        chunk * (2 * (int64_t)c->dim + 2 * wide + 2 * c->hidden + widest);
    int64_t bytes = (table + cache + activations + c->vocab) * (int64_t)sizeof(float);

    for (int i = 0; i <= head_of(random); i++)
        bytes += qf_random_linear_bytes(random, source, accuracy, i);
    return bytes;
}
