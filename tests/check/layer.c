/* layer.c -- one linear layer with inputs. */
#include "layer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "qforge/memory.h"
#include "qforge/random.h"

/* Inputs with strong correlations: a few directions carry most of the energy. */
static void fill_inputs(qf_random *random, float *x, int64_t tokens, int64_t k)
{
    for (int64_t t = 0; t < tokens; t++) {
        const float mood = (float)qf_random_normal(random);
        float drift = 0;
        for (int64_t i = 0; i < k; i++) {
            drift = 0.9f * drift + 0.4f * (float)qf_random_normal(random);
            x[t * k + i] = mood + drift;
        }
    }
}

void check_layer_init(check_layer *l, int64_t n, int64_t k, int bits, int group,
                      qf_params params)
{
    const int64_t groups = qf_groups(k, group);
    qf_random random = qf_random_init(7, (uint64_t)(k * 100 + bits));

    *l = (check_layer){.n = n, .k = k, .format = {bits, group, params}};
    l->w = qf_alloc((size_t)(n * k) * sizeof(float));
    l->x = qf_alloc((size_t)(CHECK_TOKENS * k) * sizeof(float));
    l->u = qf_alloc((size_t)(k * k) * sizeof(float));
    l->diagonal = qf_alloc((size_t)k * sizeof(float));
    l->inputs = (quant_inputs){.diagonal = l->diagonal, .u = l->u};
    l->value = qf_alloc((size_t)(n * k) * sizeof(float));
    l->out = (qf_qlinear){.quant = qf_quant_of_bits(bits),
                          .code = qf_alloc((size_t)(n * k)),
                          .scale = qf_alloc((size_t)(n * groups) * sizeof(float)),
                          .offset = qf_alloc((size_t)(n * groups) * sizeof(float))};
    for (int64_t i = 0; i < n * k; i++) l->w[i] = (float)qf_random_normal(&random);
    fill_inputs(&random, l->x, CHECK_TOKENS, k);
    assert_int_equal(hessian_init(&l->h, &qf_reference_source, NULL, CHECK_TOKENS, k), QF_OK);
    hessian_add(&l->h, l->x, CHECK_TOKENS);
    assert_int_equal(hessian_diagonal(&l->h, "layer", l->diagonal), QF_OK);
}

void check_layer_release(check_layer *l)
{
    hessian_release(&l->h);
    qf_free(l->w);
    qf_free(l->x);
    qf_free(l->diagonal);
    qf_free(l->u);
    qf_free(l->value);
    qf_free(l->out.code);
    qf_free(l->out.scale);
    qf_free(l->out.offset);
}

qf_qmatrix check_layer_matrix(const check_layer *l)
{
    return (qf_qmatrix){l->out.quant, l->format.group, l->n,         l->k,
                        l->out.code,  l->out.scale,    l->out.offset};
}

/* Mean over tokens of |(W - Q) x|^2. */
double check_layer_loss(check_layer *l)
{
    const qf_qmatrix matrix = check_layer_matrix(l);
    double loss = 0;

    assert_int_equal(qf_qmatrix_check(&matrix, "result"), QF_OK);
    qf_qmatrix_dequantise(&matrix, l->value);
    for (int64_t row = 0; row < l->n; row++)
        for (int64_t i = 0; i < l->k; i++)
            for (int64_t j = 0; j < l->k; j++)
                loss += ((double)l->value[row * l->k + i] - (double)l->w[row * l->k + i]) *
                        l->h.sum[i * l->k + j] *
                        ((double)l->value[row * l->k + j] - (double)l->w[row * l->k + j]);
    return loss / CHECK_TOKENS;
}

quant_layer check_layer_view(const check_layer *l, qf_pool *pool)
{
    return (quant_layer){.what = "block 3",
                         .w = l->w,
                         .n = l->n,
                         .k = l->k,
                         .format = l->format,
                         .options = l->options,
                         .inputs = &l->inputs,
                         .source = &qf_reference_source,
                         .pool = pool};
}

qf_status check_layer_try(const check_layer *l, quantiser *method, qf_pool *pool)
{
    const quant_layer layer = check_layer_view(l, pool);
    return method(&layer, &l->out);
}
