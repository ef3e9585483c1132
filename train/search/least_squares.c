/* least_squares.c -- normal equations and their Cholesky factor, in double. */
#include "least_squares.h"

#include <math.h>
#include <stdbool.h>

#include "qforge/memory.h"

/* a [n][n] lower triangle and b [n] of A^T W A x = A^T W t. */
static void normal_equations(int rows, int n, const double *design, const double *weight,
                             const double *target, double ridge, double *a, double *b)
{
    for (int r = 0; r < rows; r++) {
        const double *row = design + (size_t)r * n, w = weight ? weight[r] : 1;
        for (int i = 0; i < n; i++) {
            if (row[i] == 0) continue;
            const double scaled = w * row[i];
            b[i] += scaled * target[r];
            for (int j = 0; j <= i; j++) a[(size_t)i * n + j] += scaled * row[j];
        }
    }
    for (int i = 1; i < n; i++) a[(size_t)i * n + i] += ridge;
}

static bool factor(int n, double *a)
{
    for (int i = 0; i < n; i++) {
        double *row = a + (size_t)i * n;
        const double whole = row[i];
        for (int j = 0; j <= i; j++) {
            const double *other = a + (size_t)j * n;
            double sum = row[j];
            for (int k = 0; k < j; k++) sum -= row[k] * other[k];
            if (j < i)
                row[j] = sum / other[j];
            else if (!(sum > 1e-12 * whole))
                return false;
            else
                row[i] = sqrt(sum);
        }
    }
    return true;
}

static void solve(int n, const double *l, const double *b, double *x)
{
    for (int i = 0; i < n; i++) {
        double sum = b[i];
        for (int k = 0; k < i; k++) sum -= l[(size_t)i * n + k] * x[k];
        x[i] = sum / l[(size_t)i * n + i];
    }
    for (int i = n - 1; i >= 0; i--) {
        double sum = x[i];
        for (int k = i + 1; k < n; k++) sum -= l[(size_t)k * n + i] * x[k];
        x[i] = sum / l[(size_t)i * n + i];
    }
}

qf_status least_squares(int rows, int columns, const double *design, const double *weight,
                        const double *target, double ridge, double *x)
{
    double *a = qf_alloc_array((size_t)columns * (size_t)(columns + 1), sizeof *a);
    if (!a) return QF_MEMORY;
    double *b = a + (size_t)columns * columns;
    normal_equations(rows, columns, design, weight, target, ridge, a, b);
    const bool ok = factor(columns, a);
    if (ok) solve(columns, a, b, x);
    qf_free(a);
    return ok ? QF_OK : qf_fail(QF_RANGE, "least squares: %d columns are dependent", columns);
}
