/* neighbours.c -- a champion's tile alone is a poor guess for another shape: it won by a hair
 * there, and beyond the shape's edges wins another.  How far the prior was off, kernel by
 * kernel, carries over much better, and it knows the new shape. */
#include "neighbours.h"

#include <math.h>
#include <stdlib.h>

enum { NEAREST = 2 };

/* The trials of one problem. */
typedef struct neighbour {
    const qf_experience *trial;
    int count;
    double distance;
    double usual; /* of log(measured / predicted) */
} neighbour;

static bool comparable(const qf_problem *a, const qf_problem *b)
{
    return a->accuracy == b->accuracy && a->op == b->op && a->quant == b->quant &&
           a->group == b->group;
}

static double off(const qf_experience *e)
{
    return log(e->ns / e->predicted_ns);
}

/* Most of what those near the best say. */
static double usual(const neighbour *n)
{
    double best = HUGE_VAL, sum = 0, weights = 0;

    for (int i = 0; i < n->count; i++) best = fmin(best, n->trial[i].ns);
    for (int i = 0; i < n->count; i++) {
        const double weight = (best / n->trial[i].ns) * (best / n->trial[i].ns);
        sum += weight * off(&n->trial[i]);
        weights += weight;
    }
    return sum / weights;
}

/* The nearest first. */
static int keep(neighbour nearest[NEAREST], int found, const neighbour *next)
{
    int at = found;

    while (at > 0 && nearest[at - 1].distance > next->distance) at--;
    for (int i = found < NEAREST ? found : NEAREST - 1; i > at; i--)
        nearest[i] = nearest[i - 1];
    if (at < NEAREST) nearest[at] = *next;
    return found < NEAREST ? found + 1 : NEAREST;
}

static int find(const qf_experience *trials, int count, const qf_problem *problem, double limit,
                neighbour nearest[NEAREST])
{
    int found = 0;

    for (int i = 0, next; i < count; i = next) {
        const qf_problem *p = &trials[i].problem;
        next = i + 1;
        while (next < count && qf_problem_equal(&trials[next].problem, p)) next++;
        const neighbour n = {trials + i, next - i, qf_problem_distance(p, problem), 0};
        if (comparable(p, problem) && n.distance <= limit) found = keep(nearest, found, &n);
    }
    for (int i = 0; i < found; i++) nearest[i].usual = usual(&nearest[i]);
    return found;
}

/* A kernel on a problem: into how many blocks its rows fall, and how many more than there are
 * they hold. */
typedef struct rows {
    double blocks, padding; /* octaves */
} rows;

static rows rows_of(const qf_problem *p, const qf_tile *t)
{
    const double blocks = ceil((double)p->m / t->mr);
    return (rows){log2(blocks), log2(blocks * t->mr / (double)p->m)};
}

/* Five rows in blocks of four are no more like six in blocks of three than like four in one
 * block: what counts is how the rows fall.  Steps of depth and rows count little: beyond the
 * shape they are cut off.  The weights were chosen on sweeps of two machines. */
static double unlike(const qf_problem *p, const qf_kernel_id *a, const qf_experience *e)
{
    const qf_tile *s = &a->tile, *t = &e->kernel.tile;
    const rows x = rows_of(p, s), y = rows_of(&e->problem, t);

    return fabs(x.blocks - y.blocks) / 2 + 4 * fabs(x.padding - y.padding) +
           0.75 * abs(s->mr - t->mr) + 1.0 * abs(s->nr - t->nr) / qf_isa_panel(a->isa) +
           0.1 * abs(s->unroll - t->unroll) + 0.001 * abs(s->kc - t->kc) +
           0.00001 * abs(s->mc - t->mc) + 0.1 * abs(s->prefetch - t->prefetch);
}

static double correction(const neighbour *nearest, int found, const qf_problem *problem,
                         const qf_kernel_id *kernel)
{
    double sum = 0, weights = 1e-3;

    for (int n = 0; n < found; n++) {
        const double near = exp(-nearest[n].distance / 2);
        for (int i = 0; i < nearest[n].count; i++) {
            const qf_experience *e = &nearest[n].trial[i];
            if (e->kernel.recipe != kernel->recipe) continue;
            const double weight = near * exp(-unlike(problem, kernel, e));
            sum += weight * (off(e) - nearest[n].usual);
            weights += weight;
        }
    }
    return sum / weights;
}

int qf_neighbours_likest(const qf_problem *problem, const qf_candidate *candidates, int count,
                         const qf_problem *of, const qf_kernel_id *winner)
{
    const qf_experience won = {.problem = *of, .kernel = *winner};
    double least = HUGE_VAL;
    int likest = -1;

    for (int i = 0; i < count; i++) {
        const qf_kernel_id *kernel = &candidates[i].kernel;
        if (kernel->recipe != winner->recipe || kernel->isa != winner->isa) continue;
        const double far = unlike(problem, kernel, &won);
        if (far < least) least = far, likest = i;
    }
    return likest;
}

bool qf_neighbours_expect(const qf_experience *trials, int count, const qf_problem *problem,
                          double limit, qf_candidate *candidates, int candidate_count)
{
    neighbour nearest[NEAREST];
    const int found = find(trials, count, problem, limit, nearest);

    for (int i = 0; found && i < candidate_count; i++)
        candidates[i].expected_ns *=
            exp(correction(nearest, found, problem, &candidates[i].kernel));
    return found > 0;
}
