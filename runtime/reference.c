/* reference.c -- every kernel in plain C, straight from the definitions: the oracle of
 * tests and tuner, and what runs where no code can be emitted.
 *
 * It obeys args->id (recipe, format, tile), reads the packed layouts through the same
 * accessors that wrote them, and sums in double, so that it is more exact than what it
 * judges. */
#include <string.h>

#include "codes.h"
#include "qforge/activations.h"
#include "qforge/gemm.h"
#include "qforge/half.h"
#include "qforge/memory.h"
#include "qforge/pack.h"

/* What of the weights a column of the panel is: row `row` of the panel at `panel`. */
typedef struct column {
    qf_layout layout;
    const uint8_t *panel;
    int row;
} column;

static column column_at(const qf_gemm_args *args, const qf_layout *layout, int64_t n)
{
    return (column){*layout, args->w + n / layout->panel * args->w_stride,
                    (int)(n % layout->panel)};
}

static float param(const qf_layout *layout, const uint8_t *record, int slot)
{
    uint16_t half;
    float value;
    if (layout->params == QF_PARAMS_F16) {
        memcpy(&half, record + 2 * slot, sizeof half);
        return qf_half_value(half);
    }
    memcpy(&value, record + 4 * slot, sizeof value);
    return value;
}

static const uint8_t *record_of(const column *c, int64_t k)
{
    return c->panel + k / c->layout.group * qf_layout_record_bytes(&c->layout);
}

static int code_at(const column *c, int64_t k)
{
    return qf_record_code(&c->layout, record_of(c, k), c->row, (int)(k % c->layout.group));
}

/* w at k as a real number, params rounded as they are stored. */
static double weight_at(const column *c, int64_t k)
{
    if (c->layout.quant == QF_F32) {
        float value;
        memcpy(&value, c->panel + (k * c->layout.panel + c->row) * (int64_t)sizeof value,
               sizeof value);
        return value;
    }
    const uint8_t *record = record_of(c, k);
    return (double)param(&c->layout, record, c->row) * code_at(c, k) +
           (double)param(&c->layout, record, c->layout.panel + c->row);
}

/* The epilogue's part of c[m][n]. */
static double tail_at(const qf_gemm_args *args, int64_t m, int64_t n)
{
    const int mr = args->id->tile.mr, panel = qf_isa_panel(args->id->isa);
    const float *a = args->tail_a + m / mr * (args->tail_a_stride / (int64_t)sizeof *a);
    const float *w = args->tail_w + n / panel * (args->tail_w_stride / (int64_t)sizeof *w);
    double sum = 0;

    for (int64_t t = 0; t < args->tail_k; t++)
        sum += (double)a[t * mr + m % mr] * (double)w[t * panel + n % panel];
    return sum;
}

static void put(const qf_gemm_args *args, int64_t m, int64_t n, double value)
{
    float *c = &args->c[m * args->ldc + n];
    if (args->tail_k) value += tail_at(args, m, n);
    *c = (float)(args->accumulate ? *c + value : value);
}

static double activation_f32(const qf_gemm_args *args, int64_t m, int64_t k)
{
    const int mr = args->id->tile.mr;
    const float *block =
        (const float *)(const void *)((const uint8_t *)args->a + m / mr * args->a_stride);
    return block[k * mr + m % mr];
}

static void forward_f32(const qf_gemm_args *args)
{
    const qf_layout layout = qf_layout_of(args->id);

    for (int64_t n = 0; n < args->n; n++) {
        const column c = column_at(args, &layout, n);
        for (int64_t m0 = 0; m0 < args->m; m0 += 8) {
            const int64_t rows = args->m - m0 < 8 ? args->m - m0 : 8;
            double sum[8] = {0};
            for (int64_t k = 0; k < args->k; k++) {
                const double w = weight_at(&c, k);
                for (int64_t i = 0; i < rows; i++)
                    sum[i] += w * activation_f32(args, m0 + i, k);
            }
            for (int64_t i = 0; i < rows; i++) put(args, m0 + i, n, sum[i]);
        }
    }
}

/* q of row m at place i of a record: its digits to base 256. */
static int64_t activation_i8(const int8_t *quads, int planes, int mr, int m, int i)
{
    int64_t q = 0;
    for (int p = 0; p < planes; p++)
        q = 256 * q + quads[4L * ((int64_t)(i / 4) * mr * planes + planes * m + p) + i % 4];
    return q;
}

/* The integer part of one group. */
static int64_t dot_quads(const column *c, int64_t first, const qf_kernel_id *id,
                         const int8_t *quads, int m)
{
    const int planes = qf_recipe_of(id->recipe)->planes;
    int64_t dot = 0;

    for (int i = 0; i < id->group; i++)
        dot += code_at(c, first + i) * activation_i8(quads, planes, id->tile.mr, m, i);
    return dot;
}

/* Bit p of four codes in a row says which entry of their table counts 2^p times. */
static int64_t dot_tables(const column *c, int64_t first, const qf_kernel_id *id,
                          const int8_t *tables, int m)
{
    int64_t dot = 0;

    for (int i = 0; i < id->group; i += QF_QUAD_K) {
        int index[2] = {0, 0};
        for (int t = 0; t < QF_QUAD_K; t++) {
            const int code = code_at(c, first + i + t);
            index[0] |= (code & 1) << t, index[1] |= code >> 1 << t;
        }
        const int8_t *table = tables + 16L * ((int64_t)(i / QF_QUAD_K) * id->tile.mr + m);
        dot += table[index[0]] + 2 * table[index[1]];
    }
    return dot;
}

/* The integer part of one group is exact; the rest is one float operation each, as in
 * the emitted code.  Tables hold sums with signs instead of bits, so that codes are off by the
 * middle of theirs, 3/2. */
static double group_dot_i8(const column *c, int64_t first, const qf_kernel_id *id,
                           const uint8_t *record, int m)
{
    const bool tables = qf_recipe_of(id->recipe)->planes == QF_TABLES;
    const int mr = id->tile.mr;
    const float *params = (const float *)(const void *)record;
    const int8_t *bytes = (const int8_t *)(params + 2 * mr);
    const uint8_t *weights = record_of(c, first);
    const int64_t dot = (tables ? dot_tables : dot_quads)(c, first, id, bytes, m);
    const double scale = param(&c->layout, weights, c->row);
    const double offset = param(&c->layout, weights, c->layout.panel + c->row);

    return (double)dot * params[m] * scale +
           (double)params[mr + m] * (tables ? offset + 1.5 * scale : offset);
}

static void forward_i8(const qf_gemm_args *args)
{
    const qf_layout layout = qf_layout_of(args->id);
    const int mr = args->id->tile.mr, group = args->id->group;
    const int64_t record_bytes =
        qf_activations_block_bytes(qf_recipe_of(args->id->recipe)->planes, mr, group, group);

    for (int64_t n = 0; n < args->n; n++) {
        const column c = column_at(args, &layout, n);
        for (int64_t m = 0; m < args->m; m++) {
            const uint8_t *block = (const uint8_t *)args->a + m / mr * args->a_stride;
            double sum = 0;
            for (int64_t g = 0; g < args->k / group; g++)
                sum += group_dot_i8(&c, g * group, args->id, block + g * record_bytes,
                                    (int)(m % mr));
            put(args, m, n, sum);
        }
    }
}

static void grad(const qf_gemm_args *args)
{
    const qf_layout layout = qf_layout_of(args->id);

    for (int64_t n = 0; n < args->n; n++) {
        for (int64_t m0 = 0; m0 < args->m; m0 += 8) {
            const int64_t rows = args->m - m0 < 8 ? args->m - m0 : 8;
            double sum[8] = {0};
            for (int64_t r = 0; r < args->k; r++) {
                const column c = column_at(args, &layout, r);
                const double w = weight_at(&c, n);
                for (int64_t i = 0; i < rows; i++)
                    sum[i] += w * activation_f32(args, m0 + i, r);
            }
            for (int64_t i = 0; i < rows; i++) put(args, m0 + i, n, sum[i]);
        }
    }
}

void qf_reference_gemm(const qf_gemm_args *args)
{
    const qf_recipe_row *recipe = qf_recipe_of(args->id->recipe);

    if (recipe->op == QF_GRAD_INPUT)
        grad(args);
    else if (recipe->planes)
        forward_i8(args);
    else
        forward_f32(args);
}

qf_status qf_reference_find(qf_isa panels, const qf_problem *problem, qf_kernel *kernel)
{
    *kernel = (qf_kernel){
        .id = {.quant = problem->quant,
               .group = problem->group,
               .isa = panels,
               .tile = {.mr = 8, .nr = qf_isa_panel(panels), .unroll = 1}},
        .run = qf_reference_gemm,
        .rung = QF_RUNG_REFERENCE,
    };
    for (int r = 0; r < QF_RECIPE_COUNT; r++) {
        if (!qf_recipe_answers((qf_recipe)r, problem)) continue;
        kernel->id.recipe = (qf_recipe)r;
        return QF_OK;
    }
    return qf_fail(QF_UNSUPPORTED, "no recipe answers %s%s products of %s weights",
                   qf_accuracy_name(problem->accuracy),
                   problem->op == QF_GRAD_INPUT ? " grad-input" : "",
                   qf_quant_of(problem->quant)->name);
}

static qf_status find(void *self, const qf_problem *problem, qf_kernel *kernel)
{
    (void)self;
    return qf_reference_find(QF_ISA_C, problem, kernel);
}

const qf_kernel_source qf_reference_source = {NULL, QF_ISA_C, find};
