/* pack.c -- weights into panels and back. */
#include "qforge/pack.h"

#include <math.h>
#include <string.h>

#include "codes.h"
#include "qforge/activations.h"
#include "qforge/half.h"
#include "qforge/memory.h"

qf_layout qf_layout_of(const qf_kernel_id *id)
{
    const int panel = qf_isa_panel(id->isa);

    if (id->quant == QF_F32) return (qf_layout){.quant = QF_F32, .panel = panel};
    return (qf_layout){id->quant, id->group, panel, qf_recipe_params(id->recipe),
                       qf_recipe_order(id->recipe)};
}

static int64_t param_bytes(const qf_layout *layout)
{
    return layout->params == QF_PARAMS_F16 ? 2 : 4;
}

int64_t qf_layout_header_bytes(const qf_layout *layout)
{
    return layout->quant == QF_F32 ? 0 : 2 * layout->panel * param_bytes(layout);
}

int64_t qf_layout_record_bytes(const qf_layout *layout)
{
    if (layout->quant == QF_F32) return 0;
    const int64_t codes =
        (int64_t)layout->panel * layout->group * qf_quant_of(layout->quant)->bits / 8;
    return qf_layout_header_bytes(layout) + codes;
}

int64_t qf_layout_panel_bytes(const qf_layout *layout, int64_t k)
{
    if (layout->quant == QF_F32) return k * layout->panel * (int64_t)sizeof(float);
    return qf_groups(k, layout->group) * qf_layout_record_bytes(layout);
}

static int64_t panels_of(const qf_layout *layout, int64_t n)
{
    return (n + layout->panel - 1) / layout->panel;
}

int64_t qf_layout_bytes(const qf_layout *layout, int64_t n, int64_t k)
{
    return panels_of(layout, n) * qf_layout_panel_bytes(layout, k);
}

qf_status qf_packed_create(const qf_layout *layout, int64_t n, int64_t k, qf_packed *packed)
{
    *packed = (qf_packed){.layout = *layout, .n = n, .k = k};
    packed->panels = panels_of(layout, n);
    packed->panel_bytes = qf_layout_panel_bytes(layout, k);
    packed->bytes = qf_alloc_array((size_t)packed->panels, (size_t)packed->panel_bytes);
    return packed->bytes ? QF_OK : QF_MEMORY;
}

void qf_packed_release(qf_packed *packed)
{
    qf_free(packed->bytes);
    *packed = (qf_packed){0};
}

/* ---- scales and offsets: slot r is row r's scale, slot P + r its offset ---- */

static void write_param(const qf_layout *layout, uint8_t *record, int slot, float value)
{
    if (layout->params == QF_PARAMS_F16) {
        const uint16_t half = qf_half_of(value);
        memcpy(record + 2 * slot, &half, sizeof half);
    } else {
        memcpy(record + 4 * slot, &value, sizeof value);
    }
}

void qf_record_set_params(const qf_layout *layout, uint8_t *record, int row, float scale,
                          float offset)
{
    write_param(layout, record, row, scale);
    write_param(layout, record, layout->panel + row, offset);
}

static float read_param(const qf_layout *layout, const uint8_t *record, int slot)
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

static bool param_fits(const qf_layout *layout, float value)
{
    return layout->params == QF_PARAMS_F16 ? fabsf(value) < 65520 : isfinite(value);
}

/* Where byte (row, k % 4) of the first word of a block lies; words are 4 L apart. */
static int64_t block_offset(const qf_layout *layout, int64_t block, int row, int t)
{
    const int lanes = layout->panel / 2;
    const int64_t vector_bytes = (int64_t)qf_quant_of(layout->quant)->bits * 4 * lanes;
    return qf_layout_header_bytes(layout) + (2 * block + row / lanes) * vector_bytes +
           4 * (row % lanes) + t;
}

/* Order NIBBLES: the two bytes of a row that hold its codes k = 8 i to 8 i + 7. */
static int64_t nibbles_offset(const qf_layout *layout, int64_t i, int row)
{
    return qf_layout_header_bytes(layout) + 2 * (i * layout->panel + row);
}

static void pack_nibbles(const qf_layout *layout, const uint8_t *code, int64_t count, int row,
                         uint8_t *record)
{
    for (int64_t i = 0; i < layout->group / 8; i++) {
        uint8_t eight[8];
        for (int j = 0; j < 8; j++) eight[j] = 8 * i + j < count ? code[8 * i + j] : 0;
        qf_nibbles_pack(eight, record + nibbles_offset(layout, i, row));
    }
}

static void pack_quads(const qf_layout *layout, const uint8_t *code, int64_t count, int row,
                       uint8_t *record)
{
    for (int64_t block = 0; block < layout->group / QF_BLOCK_K; block++) {
        for (int t = 0; t < QF_QUAD_K; t++) {
            uint8_t quad[QF_BLOCK_QUADS];
            for (int j = 0; j < QF_BLOCK_QUADS; j++) {
                const int64_t k = block * QF_BLOCK_K + j * QF_QUAD_K + t;
                quad[j] = k < count ? code[k] : 0;
            }
            qf_codes_pack(layout->quant, quad, record + block_offset(layout, block, row, t),
                          2 * layout->panel);
        }
    }
}

qf_status qf_pack_quantised(const qf_layout *layout, const qf_qmatrix *matrix,
                            qf_packed *packed)
{
    const int64_t groups = qf_groups(matrix->k, layout->group);
    const int64_t record_bytes = qf_layout_record_bytes(layout);

    QF_ASSERT(layout->quant == matrix->quant && layout->group == matrix->group);
    QF_TRY(qf_packed_create(layout, matrix->n, matrix->k, packed));
    for (int64_t n = 0; n < matrix->n; n++) {
        const int row = (int)(n % layout->panel);
        uint8_t *panel = packed->bytes + n / layout->panel * packed->panel_bytes;
        for (int64_t g = 0; g < groups; g++) {
            const float scale = matrix->scale[n * groups + g];
            const float offset = matrix->offset[n * groups + g];
            const int64_t first = g * layout->group, left = matrix->k - first;
            if (!param_fits(layout, scale) || !param_fits(layout, offset)) {
                qf_packed_release(packed);
                return qf_fail(QF_RANGE,
                               "row %lld group %lld: scale %g or offset %g does not fit the "
                               "packed type",
                               (long long)n, (long long)g, (double)scale, (double)offset);
            }
            uint8_t *record = panel + g * record_bytes;
            qf_record_set_params(layout, record, row, scale, offset);
            (layout->order == QF_ORDER_NIBBLES ? pack_nibbles : pack_quads)(
                layout, matrix->code + n * matrix->k + first,
                left < layout->group ? left : layout->group, row, record);
        }
    }
    return QF_OK;
}

/* A panel of weights is a block of activations of that many rows. */
void qf_pack_f32_panels(int panel, const float *w, int64_t row_stride, int64_t k_stride,
                        int64_t n, int64_t k, int64_t begin, int64_t end, float *panels)
{
    const int64_t last = end * panel < n ? end * panel : n;
    qf_activations_pack_f32(w, row_stride, k_stride, begin * panel, last, k, 0, panel, panels);
}

qf_status qf_pack_f32(const qf_layout *layout, const float *w, int64_t stride, int64_t n,
                      int64_t k, qf_packed *packed)
{
    QF_ASSERT(layout->quant == QF_F32);
    QF_TRY(qf_packed_create(layout, n, k, packed));
    qf_pack_f32_panels(layout->panel, w, stride, 1, n, k, 0, packed->panels,
                       (float *)(void *)packed->bytes);
    return QF_OK;
}

void qf_packed_set_offsets(qf_packed *packed, const float *offset)
{
    const qf_layout *layout = &packed->layout;
    const int64_t groups = qf_groups(packed->k, layout->group);
    const int64_t record_bytes = qf_layout_record_bytes(layout);

    QF_ASSERT(layout->quant != QF_F32 && layout->params == QF_PARAMS_F32);
    for (int64_t n = 0; n < packed->n; n++) {
        const int row = (int)(n % layout->panel);
        uint8_t *panel = packed->bytes + n / layout->panel * packed->panel_bytes;
        for (int64_t g = 0; g < groups; g++)
            write_param(layout, panel + g * record_bytes, layout->panel + row,
                        offset[n * groups + g]);
    }
}

int qf_record_code(const qf_layout *layout, const uint8_t *record, int row, int k)
{
    uint8_t eight[8];

    if (layout->order == QF_ORDER_NIBBLES) {
        qf_nibbles_unpack(record + nibbles_offset(layout, k / 8, row), eight);
        return eight[k % 8];
    }
    const int64_t at = block_offset(layout, k / QF_BLOCK_K, row, k % QF_QUAD_K);
    qf_codes_unpack(layout->quant, record + at, 2 * layout->panel, eight);
    return eight[k % QF_BLOCK_K / QF_QUAD_K];
}

static void dequantise_record_row(const qf_layout *layout, const uint8_t *record, int row,
                                  int64_t count, float *w)
{
    const float scale = read_param(layout, record, row);
    const float offset = read_param(layout, record, layout->panel + row);

    for (int k = 0; k < count; k++)
        w[k] = fmaf(scale, (float)qf_record_code(layout, record, row, k), offset);
}

void qf_packed_dequantise(const qf_packed *packed, float *w)
{
    const qf_layout *layout = &packed->layout;
    const int64_t record_bytes = qf_layout_record_bytes(layout);

    for (int64_t n = 0; n < packed->n; n++) {
        const int row = (int)(n % layout->panel);
        const uint8_t *panel = packed->bytes + n / layout->panel * packed->panel_bytes;
        if (layout->quant == QF_F32) {
            const float *values = (const float *)(const void *)panel;
            for (int64_t k = 0; k < packed->k; k++)
                w[n * packed->k + k] = values[k * layout->panel + row];
            continue;
        }
        for (int64_t g = 0; g < qf_groups(packed->k, layout->group); g++) {
            const int64_t first = g * layout->group, left = packed->k - first;
            dequantise_record_row(layout, panel + g * record_bytes, row,
                                  left < layout->group ? left : layout->group,
                                  w + n * packed->k + first);
        }
    }
}
