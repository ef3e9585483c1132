/* parameters.c -- every parameter's name, shape and place. */
#include "parameters.h"

#include <stdio.h>

enum { NORMS_PER_LAYER = 2 };

static int per_layer(bool with_linears)
{
    return NORMS_PER_LAYER + (with_linears ? QF_LINEARS : 0);
}

int qf_parameter_count(const qf_config *config, bool with_linears)
{
    return 1 + config->layers * per_layer(with_linears) + 1 + (config->tied ? 0 : 1);
}

static qf_parameter norm_at(const qf_model *model, int layer, int which)
{
    const int dim = model->config.dim;
    float *all = which == 0 ? model->attention_norm : model->mlp_norm;
    qf_parameter p = {
        .rank = 1, .shape = {dim}, .data = all ? all + (int64_t)layer * dim : NULL};

    snprintf(p.name, sizeof p.name, "model.layers.%d.%s_layernorm.weight", layer,
             which == 0 ? "input" : "post_attention");
    return p;
}

qf_parameter qf_parameter_linear(const qf_model *model, int layer, qf_linear_kind kind)
{
    qf_parameter p = {.rank = 2};

    qf_linear_shape(&model->config, kind, &p.shape[0], &p.shape[1]);
    if (model->linear) p.data = model->linear[layer * QF_LINEARS + (int)kind];
    snprintf(p.name, sizeof p.name, "model.layers.%d.%s.weight", layer, qf_linear_name(kind));
    return p;
}

qf_parameter qf_parameter_at(const qf_model *model, bool with_linears, int index)
{
    const qf_config *c = &model->config;
    const int each = per_layer(with_linears), in_blocks = c->layers * each;

    QF_ASSERT(index >= 0 && index < qf_parameter_count(c, with_linears));
    if (index == 0)
        return (qf_parameter){
            "model.embed_tokens.weight", 2, {c->vocab, c->dim}, model->embedding};
    index--;
    if (index == in_blocks)
        return (qf_parameter){"model.norm.weight", 1, {c->dim}, model->final_norm};
    if (index > in_blocks)
        return (qf_parameter){"lm_head.weight", 2, {c->vocab, c->dim}, model->head};
    const int layer = index / each, which = index % each;
    if (which < NORMS_PER_LAYER) return norm_at(model, layer, which);
    return qf_parameter_linear(model, layer, (qf_linear_kind)(which - NORMS_PER_LAYER));
}
