/* neuqi.c -- near-optimal uniform grids (NeUQI, Lin et al. 2025): scale and offset of each
 * group are searched for, an error at a column counted by the mean square of its input; then
 * round to nearest. */
#include "grid_search.h"
#include "groupwise.h"

static grid fit(const quant_layer *layer, const float *w, int64_t first, int64_t count)
{
    return grid_search(&layer->format, w, layer->inputs->diagonal + first, count);
}

qf_status neuqi_quantise(const quant_layer *layer, const qf_qlinear *out)
{
    return groupwise_quantise(layer, fit, out);
}
