/* grid.c -- fitting a group's grid and rounding to it. */
#include "grid.h"

#include <math.h>

#include "qforge/half.h"

static float as_stored(const quant_format *format, float value)
{
    return format->params == QF_PARAMS_F16 ? qf_half_value(qf_half_of(value)) : value;
}

grid grid_of(const quant_format *format, float scale, float offset)
{
    return (grid){as_stored(format, scale), as_stored(format, offset), (1 << format->bits) - 1};
}

grid grid_fit(const quant_format *format, const float *w, int64_t count)
{
    const int top = (1 << format->bits) - 1;
    float least = w[0], most = w[0];

    for (int64_t i = 1; i < count; i++) {
        least = w[i] < least ? w[i] : least;
        most = w[i] > most ? w[i] : most;
    }
    /* Divided first: the range of two large weights may be more than a float holds. */
    grid g = grid_of(format, most / (float)top - least / (float)top, least);
    if (g.scale == 0) /* a constant group, or too narrow to be told apart */
        g.offset = as_stored(format, least / 2 + most / 2);
    return g;
}

uint8_t grid_code(const grid *g, float w)
{
    if (g->scale == 0) return 0;
    const float step = rintf((w - g->offset) / g->scale);
    return (uint8_t)(!(step > 0) ? 0 : step >= (float)g->top ? g->top : (int)step);
}

qf_status grid_check_weights(const quant_format *format, const float *w, int64_t n, int64_t k,
                             const char *what)
{
    /* Half the largest finite value, so that the difference of two weights is finite. */
    const float most = format->params == QF_PARAMS_F16 ? 65504.0f : 1.7e38f;

    for (int64_t i = 0; i < n * k; i++)
        if (!(fabsf(w[i]) <= most))
            return qf_fail(QF_RANGE,
                           "%s: weight %g at row %lld, column %lld cannot be quantised", what,
                           (double)w[i], (long long)(i / k), (long long)(i % k));
    return QF_OK;
}
