/* qmodel.c -- a quantised model in memory: room, access, folding of adapters. */
#include "qforge/qmodel.h"

#include <string.h>

#include "qforge/tensorfile.h"

static int linears(const qf_qmodel *model)
{
    return model->base.config.layers * QF_LINEARS;
}

static void shape_of(const qf_qmodel *model, int index, int64_t *n, int64_t *groups, int64_t *k)
{
    qf_linear_shape(&model->base.config, (qf_linear_kind)(index % QF_LINEARS), n, k);
    *groups = qf_groups(*k, model->group);
}

static qf_status check_widths(int group, const int *width, int widths)
{
    if (!qf_group_valid(group))
        return qf_fail(QF_USAGE, "groups of %d are not supported (32, 64, 128)", group);
    if (widths < 1 || widths > QF_WIDTHS_MAX)
        return qf_fail(QF_USAGE, "%d widths; a model holds 1 to %d", widths, QF_WIDTHS_MAX);
    for (int i = 0; i < widths; i++) {
        if (width[i] > 8 || qf_quant_of_bits(width[i]) == QF_QUANT_COUNT)
            return qf_fail(QF_USAGE, "%d bits are no width of ours (2, 3, 4, 8)", width[i]);
        if (i && width[i] <= width[i - 1])
            return qf_fail(QF_USAGE, "widths must ascend: %d after %d", width[i], width[i - 1]);
    }
    return QF_OK;
}

static void copy_base(const qf_model *from, qf_model *to)
{
    const qf_config *c = &from->config;
    const size_t dim = (size_t)c->dim, rows = (size_t)c->layers * dim;
    const size_t table = (size_t)c->vocab * dim;

    memcpy(to->embedding, from->embedding, table * sizeof(float));
    memcpy(to->attention_norm, from->attention_norm, rows * sizeof(float));
    memcpy(to->mlp_norm, from->mlp_norm, rows * sizeof(float));
    memcpy(to->final_norm, from->final_norm, dim * sizeof(float));
    if (!c->tied) memcpy(to->head, from->head, table * sizeof(float));
}

/* Takes every array from the arena; run once to measure it and once for real. */
static void lay_out(qf_qmodel *model, qf_arena *arena)
{
    const int count = linears(model), widths = model->widths;
    qf_qlinear *linear = qf_arena_take(arena, sizeof *linear * (size_t)(count * widths));

    model->linear = linear;
    for (int i = 0; i < count * widths; i++) {
        int64_t n, groups, k;
        shape_of(model, i / widths, &n, &groups, &k);
        uint8_t *code = qf_arena_take(arena, (size_t)(n * k));
        float *scale = qf_arena_take(arena, (size_t)(n * groups) * sizeof(float));
        float *offset = qf_arena_take(arena, (size_t)(n * groups) * sizeof(float));
        if (!linear) continue;
        linear[i] = (qf_qlinear){.quant = qf_quant_of_bits(model->width[i % widths]),
                                 .code = code,
                                 .scale = scale,
                                 .offset = offset};
    }
}

static qf_status create(const qf_model *base, int group, const int *width, int widths,
                        bool reserved, qf_qmodel *model)
{
    qf_arena measure = {0};
    qf_status status;

    memset(model, 0, sizeof *model);
    QF_TRY(check_widths(group, width, widths));
    if (base->config.layers > QF_SUBNET_MAX / QF_LINEARS)
        return qf_fail(QF_UNSUPPORTED, "%d blocks; quantised models have at most %d",
                       base->config.layers, QF_SUBNET_MAX / QF_LINEARS);
    QF_TRY(qf_model_create(&base->config, QF_LINEARS_NONE, &model->base));
    model->group = group;
    model->widths = widths;
    memcpy(model->width, width, (size_t)widths * sizeof *width);
    copy_base(base, &model->base);
    lay_out(model, &measure);
    status = reserved ? qf_arena_reserve(&model->arena, measure.used)
                      : qf_arena_init(&model->arena, measure.used);
    if (status == QF_OK) lay_out(model, &model->arena);
    if (status != QF_OK) qf_qmodel_release(model);
    return status;
}

qf_status qf_qmodel_create(const qf_model *base, int group, const int *width, int widths,
                           qf_qmodel *model)
{
    return create(base, group, width, widths, false, model);
}

qf_status qf_qmodel_reserve(const qf_model *base, int group, const int *width, int widths,
                            qf_qmodel *model)
{
    return create(base, group, width, widths, true, model);
}

/* A block's copies lie side by side. */
void qf_qmodel_drop_block(const qf_qmodel *model, int layer)
{
    const int each = QF_LINEARS * model->widths, end = (layer + 1) * each;
    uint8_t *begin = model->linear[layer * each].code;
    const uint8_t *behind = end < linears(model) * model->widths
                                ? model->linear[end].code
                                : model->arena.base + model->arena.used;

    QF_ASSERT(model->arena.reserved);
    qf_reserve_drop(begin, (size_t)(behind - begin));
}

static void lay_out_adapters(qf_qmodel *model, qf_arena *arena)
{
    for (int i = 0; i < linears(model) * model->widths; i++) {
        int64_t n, groups, k;
        shape_of(model, i / model->widths, &n, &groups, &k);
        float *a = qf_arena_take(arena, (size_t)(model->rank * groups) * sizeof(float));
        float *b = qf_arena_take(arena, (size_t)(n * model->rank) * sizeof(float));
        model->linear[i].lora_a = a;
        model->linear[i].lora_b = b;
    }
}

qf_status qf_qmodel_add_adapters(qf_qmodel *model, int rank, float scale)
{
    qf_arena measure = {0};

    QF_ASSERT(model->rank == 0 && rank > 0);
    model->rank = rank;
    lay_out_adapters(model, &measure);
    const qf_status status = qf_arena_init(&model->adapters, measure.used);
    if (status != QF_OK) {
        model->rank = 0;
        return status;
    }
    model->adapter_scale = scale;
    lay_out_adapters(model, &model->adapters);
    return QF_OK;
}

void qf_qmodel_drop_adapters(qf_qmodel *model)
{
    const int count = model->base.config.layers * QF_LINEARS * model->widths;
    for (int i = 0; i < count; i++) model->linear[i].lora_a = model->linear[i].lora_b = NULL;
    qf_arena_release(&model->adapters);
    model->rank = 0;
    model->adapter_scale = 0;
}

void qf_qmodel_release(qf_qmodel *model)
{
    qf_model_release(&model->base);
    qf_arena_release(&model->arena);
    qf_arena_release(&model->adapters);
    qf_tensorfile_close(model->file);
    memset(model, 0, sizeof *model);
}

const qf_qlinear *qf_qmodel_linear(const qf_qmodel *model, int index, int bits)
{
    QF_ASSERT(index >= 0 && index < linears(model));
    for (int i = 0; i < model->widths; i++)
        if (model->width[i] == bits) return &model->linear[index * model->widths + i];
    return NULL;
}

qf_qmatrix qf_qmodel_matrix(const qf_qmodel *model, int index, int bits)
{
    const qf_qlinear *linear = qf_qmodel_linear(model, index, bits);
    int64_t n, groups, k;

    QF_ASSERT(linear);
    shape_of(model, index, &n, &groups, &k);
    return (qf_qmatrix){.quant = linear->quant,
                        .group = model->group,
                        .n = n,
                        .k = k,
                        .code = linear->code,
                        .scale = linear->scale,
                        .offset = linear->offset};
}

void qf_qmodel_merged_offsets(const qf_qmodel *model, int index, int bits, float *offset)
{
    const qf_qlinear *linear = qf_qmodel_linear(model, index, bits);
    int64_t n, groups, k;

    QF_ASSERT(linear);
    shape_of(model, index, &n, &groups, &k);
    memmove(offset, linear->offset, (size_t)(n * groups) * sizeof *offset); /* or the same */
    for (int64_t row = 0; row < n; row++)
        for (int r = 0; r < model->rank; r++) {
            const float b = model->adapter_scale * linear->lora_b[row * model->rank + r];
            const float *a = linear->lora_a + r * groups;
            for (int64_t g = 0; g < groups; g++) offset[row * groups + g] += b * a[g];
        }
}
