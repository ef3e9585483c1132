/* tiny.c -- a small random LLaMA. */
#include "tiny.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gradient.h"
#include "train/quant/quantise.h"

qf_config check_tiny_config(bool tied)
{
    return (qf_config){.dim = 48,
                       .hidden = 44,
                       .layers = 2,
                       .heads = 4,
                       .kv_heads = 2,
                       .head_dim = 12,
                       .vocab = 50,
                       .context = 16,
                       .rope_theta = 10000,
                       .norm_eps = 1e-5f,
                       .tied = tied,
                       .bos = 1,
                       .eos = 2};
}

void check_tiny_model(qf_model *model, bool tied, uint64_t seed)
{
    const qf_config c = check_tiny_config(tied);
    qf_random random = qf_random_init(seed, 1);

    assert_int_equal(qf_model_create(&c, QF_LINEARS_ALL, model), QF_OK);
    check_fill(&random, model->embedding, (int64_t)c.vocab * c.dim, 1);
    check_fill(&random, model->attention_norm, (int64_t)c.layers * c.dim, 0.2);
    check_fill(&random, model->mlp_norm, (int64_t)c.layers * c.dim, 0.2);
    check_fill(&random, model->final_norm, c.dim, 0.2);
    for (int i = 0; i < c.layers * c.dim; i++) model->attention_norm[i] += 1;
    for (int i = 0; i < c.layers * c.dim; i++) model->mlp_norm[i] += 1;
    for (int i = 0; i < c.dim; i++) model->final_norm[i] += 1;
    if (!tied) check_fill(&random, model->head, (int64_t)c.vocab * c.dim, 0.3);
    for (int i = 0; i < c.layers * QF_LINEARS; i++) {
        int64_t n, k;
        qf_linear_shape(&c, (qf_linear_kind)(i % QF_LINEARS), &n, &k);
        check_fill(&random, model->linear[i], n * k, 0.15);
    }
}

void check_tiny_quantised(qf_qmodel *quantised, bool tied, uint64_t seed)
{
    const tr_quantise_options options = {.method = TR_METHOD_RTN,
                                         .group = 32,
                                         .params = QF_PARAMS_F32,
                                         .widths = 3,
                                         .width = {2, 3, 4},
                                         .calibration = {.source = &qf_reference_source}};
    qf_model model;

    check_tiny_model(&model, tied, seed);
    assert_int_equal(tr_quantise(&options, &model, quantised, NULL), QF_OK);
    qf_model_release(&model);
}

void check_tiny_adapters(qf_qmodel *quantised, int rank, uint64_t seed)
{
    qf_random random = qf_random_init(seed, 2);

    assert_int_equal(qf_qmodel_add_adapters(quantised, rank, 0.125f), QF_OK);
    for (int i = 0; i < quantised->base.config.layers * QF_LINEARS * quantised->widths; i++) {
        int64_t n, k;
        qf_linear_shape(&quantised->base.config,
                        (qf_linear_kind)(i / quantised->widths % QF_LINEARS), &n, &k);
        check_fill(&random, quantised->linear[i].lora_a, rank * qf_groups(k, quantised->group),
                   0.3);
        check_fill(&random, quantised->linear[i].lora_b, n * rank, 0.3);
    }
}
