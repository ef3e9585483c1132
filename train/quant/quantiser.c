/* quantiser.c -- what methods share. */
#include "quantiser.h"

#include "grid_search.h"

grid quant_layer_grid(const quant_layer *l, const float *w, const float *weight, int64_t count)
{
    return l->options.grid == QUANT_GRID_MINMAX ? grid_fit(&l->format, w, count)
                                                : grid_search(&l->format, w, weight, count);
}
