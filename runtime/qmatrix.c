/* qmatrix.c -- the logical quantised matrix: its values and what may not be in one. */
#include "qforge/qmatrix.h"

#include <math.h>

void qf_qmatrix_dequantise(const qf_qmatrix *matrix, float *w)
{
    const int64_t groups = qf_groups(matrix->k, matrix->group);

    for (int64_t n = 0; n < matrix->n; n++) {
        const uint8_t *code = matrix->code + n * matrix->k;
        const float *scale = matrix->scale + n * groups;
        const float *offset = matrix->offset + n * groups;
        for (int64_t k = 0; k < matrix->k; k++)
            *w++ = scale[k / matrix->group] * (float)code[k] + offset[k / matrix->group];
    }
}

static qf_status check_params(const char *what, const char *which, const float *values,
                              int64_t n, int64_t groups)
{
    for (int64_t i = 0; i < n * groups; i++)
        if (!isfinite(values[i]))
            return qf_fail(QF_RANGE, "%s: %s of row %lld, group %lld is %g", what, which,
                           (long long)(i / groups), (long long)(i % groups), (double)values[i]);
    return QF_OK;
}

qf_status qf_qmatrix_check(const qf_qmatrix *matrix, const char *what)
{
    const int64_t groups = qf_groups(matrix->k, matrix->group);
    const int bits = qf_quant_of(matrix->quant)->bits;

    if (bits > 8)
        return qf_fail(QF_SHAPE, "%s: %s is no quantised format", what,
                       qf_quant_of(matrix->quant)->name);
    if (!qf_group_valid(matrix->group))
        return qf_fail(QF_SHAPE, "%s: groups of %d are not supported", what, matrix->group);
    if (matrix->n <= 0 || matrix->k <= 0)
        return qf_fail(QF_SHAPE, "%s: %lld x %lld is no matrix", what, (long long)matrix->n,
                       (long long)matrix->k);
    QF_TRY(check_params(what, "scale", matrix->scale, matrix->n, groups));
    QF_TRY(check_params(what, "offset", matrix->offset, matrix->n, groups));
    for (int64_t i = 0; i < matrix->n * matrix->k; i++)
        if (matrix->code[i] >> bits)
            return qf_fail(
                QF_RANGE, "%s: code %d at row %lld, column %lld needs more than %d bits", what,
                matrix->code[i], (long long)(i / matrix->k), (long long)(i % matrix->k), bits);
    return QF_OK;
}
