/* hqq.c -- half-quadratic quantisation (Badri & Shaji 2023), which looks at no data: the
 * scale of a group is that of its min-max grid, its offset moves so that the lp norm of the
 * errors falls.  With p < 1 a few large errors cost little, so outliers do not drag the grid
 * away from the many.
 *
 * The norm is split by errors E of their own, drawn to the real ones by a weight beta that
 * grows:
 *
 *     E      = shrink(W - Q),  shrink(x) = sign(x) max(0, |x| - |x|^(p-1) / beta)
 *     offset = mean(W - E - scale * code)
 *
 * The paper's iteration knows nothing of how large weights are.  Here errors are counted in
 * steps of the grid, which lie in +-1/2 whatever the layer, so that one beta suits all.
 * What the storage rounds the offset to is what is judged, and the best ever seen is kept:
 * no group is worse than round to nearest. */
#include <math.h>

#include "groupwise.h"

static const float POWER = 0.7f, BETA = 10.0f, GROWTH = 1.01f;
enum { ITERATIONS = 20 };

static double lp_error(const grid *g, const float *w, int64_t count)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++)
        sum += (double)powf(fabsf(w[i] - grid_value(g, grid_code(g, w[i]))), POWER);
    return sum;
}

static float shrink(float x, float beta)
{
    const float size = fabsf(x);
    const float left = size > 0 ? size - powf(size, POWER - 1) / beta : 0;
    return left > 0 ? copysignf(left, x) : 0;
}

/* The offset that suits what the shrunk errors leave, in steps from the present one. */
static float next_offset(const grid *g, const float *w, int64_t count, float beta)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++) {
        const float error = (w[i] - grid_value(g, grid_code(g, w[i]))) / g->scale;
        sum += (double)(error - shrink(error, beta));
    }
    return g->offset + g->scale * (float)(sum / (double)count);
}

static grid improve(const quant_format *format, grid best, const float *w, int64_t count)
{
    grid at = best;
    double least = lp_error(&best, w, count);
    float beta = BETA;

    for (int i = 0; i < ITERATIONS && best.scale > 0; i++, beta *= GROWTH) {
        const grid next = grid_of(format, at.scale, next_offset(&at, w, count, beta));
        const double error = lp_error(&next, w, count);
        at = next;
        if (!(error < least)) continue;
        least = error;
        best = next;
    }
    return best;
}

static grid fit(const quant_layer *layer, const float *w, int64_t first, int64_t count)
{
    (void)first;
    return improve(&layer->format, quant_layer_grid(layer, w, NULL, count), w, count);
}

qf_status hqq_quantise(const quant_layer *layer, const qf_qlinear *out)
{
    return groupwise_quantise(layer, fit, out);
}
