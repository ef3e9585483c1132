/* rtn.c -- round to nearest: every group on its own grid. */
#include "groupwise.h"

static grid fit(const quant_layer *layer, const float *w, int64_t first, int64_t count)
{
    (void)first; /* knows nothing of inputs: all columns are alike */
    return quant_layer_grid(layer, w, NULL, count);
}

qf_status rtn_quantise(const quant_layer *layer, const qf_qlinear *out)
{
    return groupwise_quantise(layer, fit, out);
}
