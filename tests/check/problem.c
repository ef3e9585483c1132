/* problem.c -- random matrices for product tests. */
#include "problem.h"

#include <math.h>
#include <stdlib.h>

#include "qforge/memory.h"

float *check_random_floats(qf_random *random, int64_t count)
{
    float *values = qf_alloc_array((size_t)count + 1, sizeof *values);
    QF_ASSERT(values);
    for (int64_t i = 0; i < count; i++) values[i] = (float)qf_random_normal(random);
    return values;
}

void check_weights_init(check_weights *weights, qf_random *random, qf_quant quant, int group,
                        int64_t n, int64_t k)
{
    *weights = (check_weights){.w = check_random_floats(random, n * k)};
    if (quant == QF_F32) {
        weights->matrix = (qf_qmatrix){.quant = quant, .n = n, .k = k};
        return;
    }
    const int64_t groups = qf_groups(k, group);
    const uint32_t levels = 1u << qf_quant_of(quant)->bits;
    weights->code = qf_alloc((size_t)(n * k));
    weights->scale = check_random_floats(random, n * groups);
    weights->offset = check_random_floats(random, n * groups);
    QF_ASSERT(weights->code);
    for (int64_t i = 0; i < n * k; i++)
        weights->code[i] = (uint8_t)qf_random_below(random, levels);
    for (int64_t i = 0; i < n * groups; i++) weights->scale[i] /= (float)levels;
    weights->matrix =
        (qf_qmatrix){quant, group, n, k, weights->code, weights->scale, weights->offset};
}

void check_weights_release(check_weights *weights)
{
    qf_free(weights->code);
    qf_free(weights->scale);
    qf_free(weights->offset);
    qf_free(weights->w);
}

void check_weights_pack(check_weights *weights, const qf_layout *layout, qf_packed *packed)
{
    const qf_qmatrix *matrix = &weights->matrix;
    const qf_status status =
        layout->quant == QF_F32
            ? qf_pack_f32(layout, weights->w, matrix->k, matrix->n, matrix->k, packed)
            : qf_pack_quantised(layout, matrix, packed);
    QF_ASSERT(status == QF_OK);
    qf_packed_dequantise(packed, weights->w);
}

void check_quantise_activations(const float *x, int64_t k, int group, float *rounded)
{
    for (int64_t first = 0; first < k; first += group) {
        const int64_t end = first + group < k ? first + group : k;
        float most = 0;
        for (int64_t i = first; i < end; i++) most = fmaxf(most, fabsf(x[i]));
        const float scale = most / 127, inverse = most > 0 ? 127 / most : 0;
        for (int64_t i = first; i < end; i++)
            rounded[i] = scale * (float)nearbyint((double)(x[i] * inverse));
    }
}
