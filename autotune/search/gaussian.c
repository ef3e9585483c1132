/* gaussian.c -- Matern correlations of smoothness 5/2: times of kernels bend, but do not
 * wiggle. */
#include "gaussian.h"

#include <math.h>
#include <string.h>

#include "qforge/memory.h"

/* Two measurements of one kernel differ by about this much of the spread. */
static const double noise = 0.02;
static const double reaches[] = {0.6, 1.2, 2.4};
enum { REACHES = sizeof reaches / sizeof *reaches, THOUGHTS = 4 };

static double correlation(const qf_gaussian *g, int a, int b)
{
    const double d2 = 5 * qf_points_apart(g->points, a, b) / (g->reach * g->reach);
    const double d = sqrt(d2);
    return (1 + d + d2 / 3) * exp(-d);
}

/* Solves factor x = x in place. */
static void forward(const qf_gaussian *g, double *x)
{
    for (int i = 0; i < g->count; i++) {
        const double *row = g->factor + (size_t)i * (size_t)g->count;
        double sum = x[i];
        for (int j = 0; j < i; j++) sum -= row[j] * x[j];
        x[i] = sum / row[i];
    }
}

/* Solves factor^T x = x in place. */
static void backward(const qf_gaussian *g, double *x)
{
    for (int i = g->count - 1; i >= 0; i--) {
        x[i] /= g->factor[(size_t)i * (size_t)g->count + (size_t)i];
        for (int j = 0; j < i; j++)
            x[j] -= g->factor[(size_t)i * (size_t)g->count + (size_t)j] * x[i];
    }
}

/* The correlations' factor for the reach set; the logarithm of their determinant's root. */
static double factorise(qf_gaussian *g)
{
    const size_t n = (size_t)g->count;
    double log_root = 0;

    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++) {
            double sum = correlation(g, g->at[i], g->at[j]) + (i == j ? noise * noise : 0);
            for (size_t k = 0; k < j; k++) sum -= g->factor[i * n + k] * g->factor[j * n + k];
            if (i == j)
                g->factor[i * n + i] = sqrt(fmax(sum, 1e-9));
            else
                g->factor[i * n + j] = sum / g->factor[j * n + j];
        }
    for (size_t i = 0; i < n; i++) log_root += log(g->factor[i * n + i]);
    return log_root;
}

/* Sets weight and spread for the reach set; how likely the heights are, as a logarithm. */
static double try_reach(qf_gaussian *g, const double *height, double spread)
{
    const double log_root = factorise(g);
    double sum = 0;

    for (int i = 0; i < g->count; i++) g->weight[i] = height[i] - g->mean;
    forward(g, g->weight);
    for (int i = 0; i < g->count; i++) sum += g->weight[i] * g->weight[i];
    backward(g, g->weight);
    const double variance = (sum + THOUGHTS * spread * spread) / (double)(g->count + THOUGHTS);
    g->spread = sqrt(variance);
    return -0.5 * (g->count + THOUGHTS) * log(variance) - log_root;
}

qf_status qf_gaussian_fit(const qf_points *points, const int *at, const double *height,
                          int count, double mean, double spread, qf_gaussian *g)
{
    const size_t n = (size_t)count;
    double likeliest = -HUGE_VAL, best = reaches[0];

    QF_ASSERT(count > 0 && spread > 0);
    *g = (qf_gaussian){.points = points, .at = at, .count = count, .mean = mean};
    g->factor = qf_alloc_array(n * n, sizeof *g->factor);
    g->weight = qf_alloc_array(n, sizeof *g->weight);
    g->row = qf_alloc_array(n, sizeof *g->row);
    if (!g->factor || !g->weight || !g->row) {
        qf_gaussian_release(g);
        return QF_MEMORY;
    }
    for (int i = 0; i < REACHES; i++) {
        g->reach = reaches[i];
        const double likelihood = try_reach(g, height, spread);
        if (likelihood > likeliest) likeliest = likelihood, best = reaches[i];
    }
    g->reach = best;
    try_reach(g, height, spread);
    return QF_OK;
}

void qf_gaussian_release(qf_gaussian *g)
{
    qf_free(g->factor);
    qf_free(g->weight);
    qf_free(g->row);
    *g = (qf_gaussian){0};
}

void qf_gaussian_guess(qf_gaussian *g, int point, double *height, double *deviation)
{
    double sum = g->mean, known = 0;

    for (int i = 0; i < g->count; i++) {
        g->row[i] = correlation(g, point, g->at[i]);
        sum += g->row[i] * g->weight[i];
    }
    forward(g, g->row);
    for (int i = 0; i < g->count; i++) known += g->row[i] * g->row[i];
    *height = sum;
    *deviation = g->spread * sqrt(fmax(1 + noise * noise - known, 1e-12));
}
