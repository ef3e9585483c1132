/* boost.c -- histograms of residuals: columns are cut into a few dozen bins once, and a
 * question is where between two bins. */
#include "boost.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "qforge/memory.h"

enum { BINS = 32, LEAVES = 1 << QF_BOOST_DEPTH };
/* Shrinkage of every tree; what a leaf weighs before any row is in it. */
static const double rate = 0.1, doubt = 1;

typedef struct bins {
    float above[QF_BOOST_COLUMNS_MAX][BINS - 1]; /* a value is in bin b when above so many */
    int count[QF_BOOST_COLUMNS_MAX];
} bins;

typedef struct fit {
    const float *weight;
    int rows, columns;
    bins bins;
    uint8_t *bin;    /* [columns][rows] */
    float *residual; /* [rows] */
    uint8_t *leaf;   /* [rows], of the tree that grows */
} fit;

typedef struct sums {
    double weight, residual;
} sums;

static int ascending(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* Between distinct values, about as many rows in each bin. */
static void cut(const float *x, int rows, int columns, int column, float *sorted, bins *b)
{
    int count = 0;

    for (int r = 0; r < rows; r++) sorted[r] = x[r * columns + column];
    qsort(sorted, (size_t)rows, sizeof *sorted, ascending);
    int next = rows / BINS;
    for (int r = 1; r < rows && count < BINS - 1; r++) {
        if (sorted[r] == sorted[r - 1] || r < next) continue;
        b->above[column][count++] = (sorted[r] + sorted[r - 1]) / 2;
        next = r + (rows - r) / (BINS - count);
    }
    b->count[column] = count;
}

static void sort_in(const float *x, fit *f, float *scratch)
{
    for (int c = 0; c < f->columns; c++) {
        cut(x, f->rows, f->columns, c, scratch, &f->bins);
        for (int r = 0; r < f->rows; r++) {
            const float value = x[r * f->columns + c];
            int b = 0;
            while (b < f->bins.count[c] && value > f->bins.above[c][b]) b++;
            f->bin[(size_t)c * (size_t)f->rows + (size_t)r] = (uint8_t)b;
        }
    }
}

static double score(sums s)
{
    return s.residual * s.residual / (s.weight + doubt);
}

/* Of all questions about a column the best, over all leaves: its gain. */
static double best_cut(const fit *f, int column, int leaves, int *at)
{
    static _Thread_local sums histogram[LEAVES][BINS];
    const uint8_t *bin = f->bin + (size_t)column * (size_t)f->rows;
    double gain[BINS - 1] = {0}, most = -1;

    memset(histogram, 0, (size_t)leaves * sizeof histogram[0]);
    for (int r = 0; r < f->rows; r++) {
        sums *s = &histogram[f->leaf[r]][bin[r]];
        s->weight += f->weight[r];
        s->residual += f->weight[r] * f->residual[r];
    }
    for (int l = 0; l < leaves; l++) {
        sums all = {0}, below = {0};
        for (int b = 0; b < BINS; b++) {
            all.weight += histogram[l][b].weight;
            all.residual += histogram[l][b].residual;
        }
        for (int b = 0; b < f->bins.count[column]; b++) {
            below.weight += histogram[l][b].weight;
            below.residual += histogram[l][b].residual;
            const sums above = {all.weight - below.weight, all.residual - below.residual};
            gain[b] += score(below) + score(above) - score(all);
        }
    }
    for (int b = 0; b < f->bins.count[column]; b++)
        if (gain[b] > most) most = gain[b], *at = b;
    return most;
}

static void ask(fit *f, int column, int at)
{
    const uint8_t *bin = f->bin + (size_t)column * (size_t)f->rows;
    for (int r = 0; r < f->rows; r++) f->leaf[r] = (uint8_t)(2 * f->leaf[r] + (bin[r] > at));
}

static void fill_leaves(const fit *f, float value[LEAVES])
{
    sums leaf[LEAVES] = {0};

    for (int r = 0; r < f->rows; r++) {
        leaf[f->leaf[r]].weight += f->weight[r];
        leaf[f->leaf[r]].residual += f->weight[r] * f->residual[r];
    }
    for (int l = 0; l < LEAVES; l++)
        value[l] = (float)(rate * leaf[l].residual / (leaf[l].weight + doubt));
}

/* False when no question tells anything. */
static bool grow(fit *f, qf_boost *boost)
{
    const int t = boost->trees;

    memset(f->leaf, 0, (size_t)f->rows);
    for (int level = 0; level < QF_BOOST_DEPTH; level++) {
        double most = -1;
        int column = 0, at = 0;
        for (int c = 0; c < f->columns; c++) {
            int where = 0;
            const double gain = best_cut(f, c, 1 << level, &where);
            if (gain > most) most = gain, column = c, at = where;
        }
        if (most < 0) return false;
        boost->tree[t].column[level] = column;
        boost->tree[t].above[level] = f->bins.above[column][at];
        ask(f, column, at);
    }
    fill_leaves(f, boost->tree[t].value);
    for (int r = 0; r < f->rows; r++) f->residual[r] -= boost->tree[t].value[f->leaf[r]];
    boost->trees++;
    return true;
}

static float weighted_mean(const float *y, const float *weight, int rows)
{
    double sum = 0, all = 0;
    for (int r = 0; r < rows; r++) sum += weight[r] * y[r], all += weight[r];
    return all > 0 ? (float)(sum / all) : 0;
}

qf_status qf_boost_fit(const float *x, const float *y, const float *weight, int rows,
                       int columns, qf_boost *boost)
{
    fit f = {.weight = weight, .rows = rows, .columns = columns};

    QF_ASSERT(columns >= 1 && columns <= QF_BOOST_COLUMNS_MAX);
    boost->trees = 0;
    boost->base = weighted_mean(y, weight, rows);
    f.bin = qf_alloc_array((size_t)rows * (size_t)columns + 1, 1);
    f.residual = qf_alloc_array((size_t)rows + 1, sizeof *f.residual);
    f.leaf = qf_alloc_array((size_t)rows + 1, 1);
    const bool enough = f.bin && f.residual && f.leaf;
    if (enough) {
        sort_in(x, &f, f.residual);
        for (int r = 0; r < rows; r++) f.residual[r] = y[r] - boost->base;
        while (boost->trees < QF_BOOST_TREES && grow(&f, boost)) {
        }
    }
    qf_free(f.bin);
    qf_free(f.residual);
    qf_free(f.leaf);
    return enough ? QF_OK : QF_MEMORY;
}

float qf_boost_guess(const qf_boost *boost, const float *x)
{
    float sum = boost->base;

    for (int t = 0; t < boost->trees; t++) {
        int leaf = 0;
        for (int level = 0; level < QF_BOOST_DEPTH; level++)
            leaf = 2 * leaf + (x[boost->tree[t].column[level]] > boost->tree[t].above[level]);
        sum += boost->tree[t].value[leaf];
    }
    return sum;
}
