/* surgeon.c -- optimal brain surgery, without any shortcut. */
#include "surgeon.h"

#include <string.h>

#include "qforge/memory.h"

double *check_surgeon_hessian(const check_layer *l, double damping)
{
    const int64_t k = l->k;
    const double tokens = (double)l->h.tokens;
    double *h = qf_alloc_array((size_t)(k * k), sizeof *h), mean = 0;

    for (int64_t i = 0; i < k; i++) mean += l->h.sum[i * k + i] / tokens / (double)k;
    for (int64_t i = 0; i < k * k; i++)
        h[i] = l->h.sum[i] / tokens + (i % (k + 1) == 0) * damping * mean;
    return h;
}

/* Inverts a [n][n] in place, Gauss and Jordan, pivots on the diagonal (a is positive
 * definite). */
static void invert(double *a, int64_t n)
{
    for (int64_t p = 0; p < n; p++) {
        const double pivot = 1 / a[p * n + p];
        a[p * n + p] = 1;
        for (int64_t j = 0; j < n; j++) a[p * n + j] *= pivot;
        for (int64_t i = 0; i < n; i++) {
            if (i == p) continue;
            const double factor = a[i * n + p];
            a[i * n + p] = 0;
            for (int64_t j = 0; j < n; j++) a[i * n + j] -= factor * a[p * n + j];
        }
    }
}

/* What an error in a column costs when the columns after it are free. */
static void fill_cost(const check_layer *l, const double *h, const int64_t *left, float *cost)
{
    double *inverse = qf_alloc_array((size_t)(l->k * l->k), sizeof *inverse);

    for (int64_t at = 0; at < l->k; at++) {
        const int64_t rest = l->k - at;
        for (int64_t i = 0; i < rest; i++)
            for (int64_t j = 0; j < rest; j++)
                inverse[i * rest + j] = h[left[at + i] * l->k + left[at + j]];
        invert(inverse, rest);
        cost[left[at]] = (float)(1 / inverse[0]);
    }
    qf_free(inverse);
}

static void fit_groups(const quant_layer *layer, const float *cost, const double *w,
                       int64_t only, grid *fit)
{
    const int64_t group = layer->format.group;

    for (int64_t g = 0; g < qf_groups(layer->k, layer->format.group); g++) {
        float weights[128];
        const int64_t left = layer->k - g * group, count = left < group ? left : group;
        if (only >= 0 && g != only) continue;
        for (int64_t i = 0; i < count; i++) weights[i] = (float)w[g * group + i];
        fit[g] = quant_layer_grid(layer, weights, cost + g * group, count);
    }
}

/* w_F += w_i d[i][F] H[F][F]^-1: what the columns F after i can take on of its drift. */
static void take_on(const check_layer *l, const double *h, const double *d, double given,
                    const int64_t *left, int64_t rest, double *w)
{
    const int64_t free = rest - 1;
    double *inverse = qf_alloc_array((size_t)(free * free), sizeof *inverse);

    for (int64_t i = 0; i < free; i++)
        for (int64_t j = 0; j < free; j++)
            inverse[i * free + j] = h[left[i + 1] * l->k + left[j + 1]];
    invert(inverse, free);
    for (int64_t i = 0; i < free; i++)
        for (int64_t j = 0; j < free; j++)
            w[left[j + 1]] += given * d[left[0] * l->k + left[i + 1]] * inverse[i * free + j];
    qf_free(inverse);
}

/* Rounds column left[0] and corrects the others of left[0..rest). */
static void operate(const check_layer *l, const double *h, const int64_t *left, int64_t rest,
                    const grid *fit, double *w, uint8_t *code)
{
    double *inverse = qf_alloc_array((size_t)(rest * rest), sizeof *inverse);
    const int64_t q = left[0];

    for (int64_t i = 0; i < rest; i++)
        for (int64_t j = 0; j < rest; j++) inverse[i * rest + j] = h[left[i] * l->k + left[j]];
    invert(inverse, rest);
    code[q] = grid_code(fit, (float)w[q]);
    const double error = (w[q] - (double)grid_value(fit, code[q])) / inverse[0];
    for (int64_t i = 0; i < rest; i++) w[left[i]] -= error * inverse[i];
    qf_free(inverse);
}

void check_surgeon_row(const check_layer *l, const double *h, const double *d, int64_t row,
                       double *w, uint8_t *code)
{
    const quant_layer layer = check_layer_view(l, NULL);
    const int64_t *order = l->inputs.order;
    const bool fixed = order || l->options.static_groups;
    int64_t left[512];
    float cost[512];
    grid fit[16];

    for (int64_t i = 0; i < l->k; i++) {
        w[i] = (double)l->w[row * l->k + i];
        left[i] = order ? order[i] : i;
    }
    if (fixed)
        memcpy(cost, l->diagonal, (size_t)l->k * sizeof *cost);
    else
        fill_cost(l, h, left, cost);
    if (fixed) fit_groups(&layer, cost, w, -1, fit);
    for (int64_t i = 0; d && i < l->k; i++)
        take_on(l, h, d, (double)l->w[row * l->k + left[i]], left + i, l->k - i, w);
    for (int64_t i = 0; i < l->k; i++) {
        const int64_t group = left[i] / l->format.group;
        if (!fixed && left[i] % l->format.group == 0) fit_groups(&layer, cost, w, group, fit);
        operate(l, h, left + i, l->k - i, &fit[group], w, code);
    }
}

int check_surgeon_differences(const check_layer *l, double damping, const double *d)
{
    double *h = check_surgeon_hessian(l, damping), w[512];
    uint8_t code[512];
    int different = 0;

    for (int64_t row = 0; row < l->n; row++) {
        check_surgeon_row(l, h, d, row, w, code);
        different += memcmp(code, l->out.code + row * l->k, (size_t)l->k) != 0;
    }
    qf_free(h);
    return different;
}
