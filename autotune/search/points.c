/* points.c -- ranks of values: distances then do not depend on units. */
#include "points.h"

#include <stdlib.h>
#include <string.h>

#include "qforge/memory.h"

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorts out of `column` what is there more than once; the number of those left. */
static int distinct(double *column, int count)
{
    int kept = 0;

    qsort(column, (size_t)count, sizeof *column, ascending);
    for (int i = 0; i < count; i++)
        if (i == 0 || column[i] != column[kept - 1]) column[kept++] = column[i];
    return kept;
}

qf_status qf_points_make(const double *value, int count, int axes, qf_points *points)
{
    QF_ASSERT(axes >= 1 && axes <= QF_AXES_MAX && count >= 0);
    *points = (qf_points){.axes = axes, .count = count};
    points->level = qf_alloc_array((size_t)count * (size_t)axes + 1, sizeof *points->level);
    double *column = qf_alloc_array((size_t)count + 1, sizeof *column);
    if (!points->level || !column) {
        qf_free(column);
        qf_points_release(points);
        return QF_MEMORY;
    }
    for (int a = 0; a < axes; a++) {
        for (int i = 0; i < count; i++) column[i] = value[i * axes + a];
        const int levels = points->levels[a] = distinct(column, count);
        for (int i = 0; i < count; i++) {
            const double *at = bsearch(&value[i * axes + a], column, (size_t)levels,
                                       sizeof *column, ascending);
            points->level[i * axes + a] = (int)(at - column);
        }
    }
    qf_free(column);
    return QF_OK;
}

void qf_points_release(qf_points *points)
{
    qf_free(points->level);
    *points = (qf_points){0};
}

double qf_points_at(const qf_points *points, int point, int axis)
{
    const int levels = points->levels[axis];
    return levels < 2 ? 0 : (double)points->level[point * points->axes + axis] / (levels - 1);
}

double qf_points_apart(const qf_points *points, int a, int b)
{
    double sum = 0;

    for (int axis = 0; axis < points->axes; axis++) {
        const double d = qf_points_at(points, a, axis) - qf_points_at(points, b, axis);
        sum += d * d;
    }
    return sum;
}
